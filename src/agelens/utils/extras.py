"""What does not come with the light installation, and the line that installs it."""

import contextlib
import importlib.util
from collections.abc import Iterator

from agelens.errors import MissingExtraError

# Modules that come with an extra; the base installation lacks them by design.
_VIDEO = frozenset({"av", "edgefirst"})
_SERVE = frozenset({"fastapi", "prometheus_client", "python_multipart", "starlette", "uvicorn"})
_LABELS = frozenset({"cleanlab", "cleanvision"})
_TRAIN = frozenset(
    {
        "imagehash", "jax", "jinja2", "kagglehub", "keras", "matplotlib", "ml_dtypes", "onnx",
        "platformdirs", "plotly", "pooch", "requests", "scipy", "sklearn", "tensorboardX", "tensorflow", "tf2onnx",
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
    if module in _LABELS:
        return f"Suspicious labels are found with {module}, which comes with: pip install 'agelens[labels]'"
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


def require(module: str, extra: str, purpose: str) -> None:
    """Refuse to go on without a module that an extra brings; nothing is imported.

    Args:
        module: its name as it is imported.
        extra: of AgeLens.
        purpose: what needs it, as the beginning of a sentence: "Parquet files need".

    Raises:
        MissingExtraError: it is not installed; the sentence holds the line that installs it.
    """
    if importlib.util.find_spec(module) is None:
        raise MissingExtraError(f"{purpose} {module}, which comes with: pip install 'agelens[{extra}]'")
