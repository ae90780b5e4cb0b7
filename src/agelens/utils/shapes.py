"""Whether JSON that somebody gives has the shape that a reader needs."""

import math
from typing import Any

_MOST = 2**53


def fits(value: Any, shape: Any) -> bool:
    """Return whether a JSON value has a shape.

    Args:
        value: anything that JSON holds.
        shape: str (text that UTF-8 can hold), int (0 to 2**53), float (any finite number), bool, None; a tuple of
            shapes, one of which must fit; a list of one shape, for a list of any length, or of several, for a list of
            that length; a dict of shapes by key, which must be there among others, and with the key "*" for all keys.

    Example:
        >>> fits({"n": 3, "ci95": [0.1, 0.2]}, {"n": int, "ci95": (None, [float, float])})
        True
    """
    if isinstance(shape, tuple):
        return any(fits(value, one) for one in shape)
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return False
        if "*" in shape:
            return all(fits(key, str) and fits(one, shape["*"]) for key, one in value.items())
        return all(key in value and fits(value[key], one) for key, one in shape.items())
    if isinstance(shape, list):
        if not isinstance(value, list) or (len(shape) > 1 and len(value) != len(shape)):
            return False
        shapes = shape if len(shape) > 1 else shape * len(value)
        return all(fits(one, part) for one, part in zip(value, shapes, strict=True))
    if isinstance(value, bool) or shape is bool:
        return isinstance(value, bool) and shape is bool
    if shape is None:
        return value is None
    if shape is float:
        return isinstance(value, int | float) and abs(value) < _MOST and math.isfinite(value)
    if shape is int:
        return isinstance(value, int) and 0 <= value < _MOST
    return isinstance(value, str) and _is_text(value)


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
