"""What does not come with the light installation, and the line that installs it."""

import contextlib
import importlib.util
from collections.abc import Iterator

from agelens.errors import MissingExtraError

# Modules that come with an extra; the base installation lacks them by design. Of two extras that bring one the smaller.
_EXTRAS = {
    "video": frozenset({"av", "edgefirst"}),
    "serve": frozenset({"fastapi", "prometheus_client", "python_multipart", "starlette", "uvicorn"}),
    "labels": frozenset({"cleanlab", "cleanvision"}),
    "heic": frozenset({"pi_heif"}),
    "parquet": frozenset({"pyarrow"}),
    "remote": frozenset({"aiohttp", "fsspec"}),
    "hub": frozenset({"huggingface_hub"}),
    "ray": frozenset({"ray"}),
    "train": frozenset(
        {
            "h5py", "imagehash", "jinja2", "kagglehub", "keras", "markupsafe", "matplotlib", "ml_dtypes", "onnx",
            "onnxruntime", "plotly", "pooch", "requests", "scipy", "sklearn", "sympy", "tensorboardX",
            "tensorflow", "tf2onnx", "yaml",
        }
    ),
}  # fmt: skip
# What needs a module, as the beginning of a sentence.
_PURPOSES = {
    "video": "Videos and cameras need PyAV and a tracker, which come with",
    "serve": "The page and the HTTP interface need {module}, which comes with",
    "labels": "Suspicious labels are found with {module}, which comes with",
    "heic": "Photographs as iPhones write them need {module}, which comes with",
    "parquet": "Parquet files need {module}, which comes with",
    "remote": "Addresses need {module}, which comes with",
    "hub": "Bundles of the hub need {module}, which comes with",
    "ray": "A cluster needs {module}, which comes with",
    "train": "This needs {module}, which comes with",
}


def about_missing(error: ModuleNotFoundError) -> str | None:
    """Return the sentence that tells what is missing and how to get it; None where no extra brings it."""
    module = (error.name or "").split(".")[0]
    if module in ("jax", "torch"):
        return f"Keras is set to run on {module}, which is not installed: pip install {module}, or unset KERAS_BACKEND."
    extra = next((name for name, modules in _EXTRAS.items() if module in modules), None)
    return (
        None if extra is None else f"{_PURPOSES[extra].format(module=module)}: pip install 'agelens[{extra}]'"
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
