"""What does not come with the light installation, and the line that installs it."""

import contextlib
from collections.abc import Iterator

from agelens.errors import MissingExtraError

# Modules that come with an extra; the base installation lacks them by design.
_VIDEO = frozenset({"av", "edgefirst"})
_SERVE = frozenset({"fastapi", "python_multipart", "starlette", "uvicorn"})
_TRAIN = frozenset(
    {
        "imagehash", "jax", "jinja2", "kagglehub", "keras", "matplotlib", "ml_dtypes", "onnx",
        "platformdirs", "plotly", "pooch", "requests", "scipy", "tensorboardX", "tensorflow", "tf2onnx",
        "torch",
    }
)  # fmt: skip


def about_missing(error: ModuleNotFoundError) -> str | None:
    """Return the sentence that tells what is missing and how to get it; None where no extra brings it."""
    module = (error.name or "").split(".")[0]
    if module in _VIDEO:
        return "Videos and cameras need PyAV and a tracker, which come with: pip install 'agelens[video]'"
    if module in _SERVE:
        return (
            f"The page and the HTTP interface need {module}, which comes with: pip install 'agelens[serve]'"
        )
    if module in ("jax", "torch"):
        return f"Keras is set to run on {module}, which is not installed: pip install {module}, or unset KERAS_BACKEND."
    return (
        f"This needs {module}, which comes with: pip install 'agelens[train]'" if module in _TRAIN else None
    )


@contextlib.contextmanager
def naming_extras() -> Iterator[None]:
    """Turn the error of a missing module into the sentence that tells how to get it.

    Raises:
        MissingExtraError: the block needs a module that comes with an extra.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (sentence := about_missing(error)) is None:
            raise
        raise MissingExtraError(sentence) from None
