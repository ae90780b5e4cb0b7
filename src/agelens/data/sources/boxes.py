"""Where a face is in its photograph, as manifests write it: a box, or five landmarks."""

import re

from agelens.data.rows import Rejected

_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?", re.I)
# No picture has a point farther out, in pixels; numbers beyond are no places.
_FARTHEST = 1e6
_OTHER = re.compile(r"[\s,;\[\]()]*")


def parse_box(text: str) -> str | Rejected:
    """Return the box as "left top right bottom" in pixels, or what is wrong with it.

    Args:
        text: four numbers in this order, parted by spaces or commas, with or without brackets.
    """
    numbers = _numbers(text)
    if len(numbers) != 4 or not (numbers[0] < numbers[2] and numbers[1] < numbers[3]):
        return Rejected("", f"the box {text!r} is not left, top, right and bottom in pixels")
    return _joined(numbers)


def parse_landmarks(text: str) -> str | Rejected:
    """Return five landmarks as ten numbers, x and y of each in pixels, or what is wrong with them.

    Args:
        text: of the eye that lies left in the picture, the other eye, the nose and the corners of the mouth.
    """
    numbers = _numbers(text)
    if len(numbers) != 10:
        return Rejected(
            "",
            f"the landmarks {text!r} are not x and y of two eyes, nose and two corners of the mouth in pixels",
        )
    return _joined(numbers)


def read_numbers(text: str) -> list[float]:
    """Return the numbers of a box or of landmarks as `parse_box` and `parse_landmarks` wrote them."""
    return [float(word) for word in text.split()]


def _numbers(text: str) -> list[float]:
    """The numbers of a text that holds nothing else; none where one of them can be no place in a picture."""
    if _OTHER.sub("", _NUMBER.sub("", text)):
        return []
    numbers = [float(word) for word in _NUMBER.findall(text)]
    return numbers if all(abs(number) <= _FARTHEST for number in numbers) else []


def _joined(numbers: list[float]) -> str:
    return " ".join(f"{number:g}" if abs(number) < 1e5 else f"{number:.1f}" for number in numbers)
