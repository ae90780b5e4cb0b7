"""What callers in Python give, checked at once: a value of another type gets a sentence and no error from inside."""

import os
from numbers import Integral
from pathlib import Path

from agelens.errors import AgeLensError

# Every generator of chance takes it, also with some seeds that follow.
MOST_SEED = 2**31 - 1


def as_path(name: str, value: object) -> Path:
    """Return what is given for a path as one.

    Args:
        name: of the argument, for the sentence.

    Raises:
        AgeLensError: it is no path, or an empty text, which would stand for the working folder.
    """
    if not isinstance(value, str | os.PathLike) or not isinstance(os.fspath(value), str):
        raise AgeLensError(f"{name} is a path, as text or a pathlib.Path, and not {type(value).__name__}.")
    if value == "":
        raise AgeLensError(f"{name} is an empty text; give a path, or '.' for the working folder.")
    return Path(value)


def whole_number(name: str, value: object, least: int = 0, most: int | None = None) -> int:
    """Return what is given for a whole number as one of Python's.

    Raises:
        AgeLensError: it is none, or lies outside of what is allowed.
    """
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise AgeLensError(f"{name} is a whole number, and not {value!r:.60}.")
    if int(value) < least or (most is not None and int(value) > most):
        limits = f"from {least} up" if most is None else f"from {least} to {most}"
        raise AgeLensError(f"{name} is a number {limits}, and not {value}.")
    return int(value)
