"""Files behind addresses such as https://, s3://, gs:// and hf://, through fsspec. Needs `agelens[remote]`."""

import glob
import importlib.util
import sys
from typing import Any

from agelens.errors import AgeLensError, ImageError
from agelens.utils.extras import require

# What fsspec needs for a scheme besides itself: the module, and the package that holds it.
_PACKAGES = {
    "abfs": ("adlfs", "adlfs"),
    "az": ("adlfs", "adlfs"),
    "gcs": ("gcsfs", "gcsfs"),
    "gs": ("gcsfs", "gcsfs"),
    "hf": ("huggingface_hub", "huggingface_hub"),
    "http": ("aiohttp", "aiohttp"),
    "https": ("aiohttp", "aiohttp"),
    "s3": ("s3fs", "s3fs"),
    "s3a": ("s3fs", "s3fs"),
}
# Servers have no folders that could be listed.
_WITHOUT_FOLDERS = ("http", "https")


def check_address(address: str) -> None:
    """Refuse an address for which a package is missing, or whose kind nobody knows.

    Raises:
        AgeLensError: the sentence holds the line that installs what is missing.
    """
    require("fsspec", "remote", "Addresses need")
    from fsspec.registry import known_implementations, registry

    scheme = address.partition("://")[0]
    module, package = _PACKAGES.get(scheme, (scheme, scheme))
    if scheme in _PACKAGES and importlib.util.find_spec(module) is None:
        raise AgeLensError(f"Addresses of {scheme}:// need {package}: pip install {package}")
    if scheme not in known_implementations and scheme not in registry:
        raise AgeLensError(f"Addresses of {scheme}:// are not known; give https://, s3://, gs:// or hf://.")


def fetch(address: str) -> bytes:
    """Return the bytes of the file behind an address.

    Raises:
        ImageError: there is none, or it cannot be fetched; the message is the reason without the address.
    """
    try:
        check_address(address)
    except AgeLensError as error:
        raise ImageError(f"cannot be fetched: {str(error).rstrip('.')}") from None
    import fsspec

    try:
        with fsspec.open(address, "rb") as file:
            return bytes(file.read())
    except FileNotFoundError as error:
        # fsspec says so of servers that do not answer, too.
        cause = error.__cause__
        if isinstance(cause, OSError) and not isinstance(cause, FileNotFoundError):
            raise ImageError(f"cannot be fetched: {_reason(cause)}") from None
        raise ImageError("does not exist") from None
    except _failures() as error:
        raise ImageError(f"cannot be fetched: {_reason(error)}") from None


def list_files(address: str, suffixes: frozenset[str]) -> list[str]:
    """Return the addresses that an address means: itself, what fits its pattern, or the files of a folder.

    Args:
        suffixes: of the files of a folder that are meant, small letters.

    Raises:
        AgeLensError: a package is missing, or the place cannot be looked at.
    """
    check_address(address)
    scheme, _, rest = address.partition("://")
    if scheme in _WITHOUT_FOLDERS:
        return [address]
    import fsspec

    try:
        system, path = fsspec.core.url_to_fs(address)
        if glob.has_magic(rest):
            found = system.glob(path)
        elif system.isdir(path):
            found = [name for name in system.find(path) if f".{name.rpartition('.')[2].lower()}" in suffixes]
        else:
            return [address]
    except _failures() as error:
        raise AgeLensError(f"{address} cannot be looked at: {_reason(error)}") from None
    return sorted(system.unstrip_protocol(name) for name in found)


def _failures() -> tuple[type[Exception], ...]:
    """What goes wrong on the way: also errors of aiohttp, which are no OSError, where it was loaded."""
    aiohttp: Any = sys.modules.get("aiohttp")
    return (OSError, ValueError, ImportError, *([aiohttp.ClientError] if aiohttp else []))


def _reason(error: Exception) -> str:
    status = getattr(error, "status", None)
    if status is not None:
        return f"the server answers {status} {getattr(error, 'message', '')}".strip()
    return str(getattr(error, "strerror", None) or error or type(error).__name__).strip().rstrip(".")
