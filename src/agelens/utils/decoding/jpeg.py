"""JPEG through libjpeg-turbo: the whole picture or the reason why it is not whole.

Decoders fill what is missing with grey and only warn. Here such a warning is an error; warnings of harmless oddities,
such as bytes between the picture and its end marker, are not.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

import simplejpeg

from agelens.errors import ImageError
from agelens.utils.decoding.arrays import Pixels

START = b"\xff\xd8"
_END, _SCAN = b"\xd9", b"\xda"
# Frames of coefficients: sequential, progressive, and the same with arithmetic coding.
_FRAMES = frozenset({b"\xc0", b"\xc1", b"\xc2", b"\xc9", b"\xca"})
_PROGRESSIVE = frozenset({b"\xc2", b"\xca"})
# In compressed data FF stands before 00 and before restart markers; before anything else it begins a segment.
_MARKER = re.compile(rb"\xff+([^\x00\xd0-\xd7\xff])")
_FILL = re.compile(rb"\xff+")
# A header of more is nobody's but of one who wants to be waited for.
_SEGMENTS = 10_000
# What libjpeg warns of where data are missing or altered.
_DAMAGE = re.compile(
    r"premature end|bad (Huffman|arithmetic) code|instead of RST|Inconsistent progression|before marker 0xd[0-7]",
    re.IGNORECASE,
)
_PADDING = re.compile(r"(\d+) extraneous bytes before marker 0xd9")
# Padding is cut off so often at most: bytes that are escaped count once, and so remain for the next time.
_TRIES = 4
# Eighths of the size in which libjpeg decodes quickly.
_EIGHTHS = (5, 4, 2, 1)


class Head(NamedTuple):
    """What stands in a JPEG before its picture.

    Attributes:
        data: the segments.
        progressive: whether all coefficients of the picture are in memory while it is decoded.
        components: the numbers of its colour components.
        in_scans: whether the picture comes in several scans.
    """

    data: bytes
    progressive: bool
    components: bytes
    in_scans: bool

    @property
    def has_notes(self) -> bool:
        """Whether it says how the picture lies or which colours it means."""
        return any(mark in self.data for mark in (b"Exif\0", b"ICC_PROFILE\0", b":Orientation"))


def read_head(data: bytes) -> Head:
    """The header of a JPEG, up to its first scan."""
    place, progressive, components = 2, False, b""
    for _ in range(_SEGMENTS):
        # Any number of FF may stand before a marker.
        found = _FILL.match(data, place)
        if not found:
            break
        place = found.end() - 1
        marker = data[place + 1 : place + 2]
        if marker == _SCAN:
            break
        length = int.from_bytes(data[place + 2 : place + 4])
        if marker in _FRAMES:
            progressive = marker in _PROGRESSIVE
            components = data[place + 10 : place + 2 + length : 3]
        place += 2 + length
    in_first = int.from_bytes(data[place + 4 : place + 5])
    in_scans = progressive or in_first < len(components)
    return Head(data[:place], progressive, components, in_scans)


def eighths_within(height: int, width: int, most: int) -> int:
    """In how many eighths of its size a JPEG has at most so many pixels; 8 where it has no more anyway."""
    if height * width <= most:
        return 8
    fitting = (
        eighths for eighths in _EIGHTHS if _eighths(height, eighths) * _eighths(width, eighths) <= most
    )
    return next(fitting, 1)


def _eighths(length: int, eighths: int) -> int:
    return -(-length * eighths // 8)


def decode(data: bytes, head: Head, height: int, width: int, space: str = "RGB") -> Pixels:
    """Decode a whole JPEG at some eighths of its size.

    Args:
        height, width: the least sides of the result; 0 is the full size.
        space: what comes out, "RGB", or "CMYK" for a JPEG in four colours.

    Raises:
        ImageError: it is damaged.
        ValueError: it is of a kind that libjpeg-turbo does not read.
    """
    if _lacks_scans(data, head):
        raise ImageError("is not a whole JPEG: the last of its scans are missing")
    for _ in range(_TRIES):
        try:
            return _turbo(data, height, width, space)
        except ValueError as error:
            warning = str(error)
        if _DAMAGE.search(warning):
            raise ImageError(f"is not a whole JPEG: {warning}")
        padding = _PADDING.search(warning)
        if not padding:
            break
        # The last of the warnings is all that one gets to know, and this one may hide another.
        data = _without_padding(data, len(head.data), int(padding[1]))
    return _turbo(data, height, width, space, strict=False)


def _turbo(data: bytes, height: int, width: int, space: str, strict: bool = True) -> Pixels:
    return simplejpeg.decode_jpeg(
        data, space, fastupsample=False, min_height=height, min_width=width, strict=strict
    )


def _lacks_scans(data: bytes, head: Head) -> bool:
    """Whether a picture that comes in several scans ends before each coefficient has all its bits.

    A progressive JPEG that is cut off between two scans is decoded without a warning, blurred or in grey.
    """
    if not head.in_scans or not head.components:
        return False
    # Bits that are still to come, for each coefficient of each component.
    missing = {number: [1] * 64 for number in head.components}
    for numbers, first, last, low in _scans(data, len(head.data)):
        for number in numbers:
            if number in missing:
                missing[number][first : last + 1] = [low] * len(missing[number][first : last + 1])
    return any(any(bits) for bits in missing.values())


def _scans(data: bytes, place: int) -> Iterator[tuple[bytes, int, int, int]]:
    """Of each scan the components, the first and the last coefficient, and the lowest bit that it leaves out."""
    for marker, start, end in _segments(data, place):
        # A scan of one component takes ten bytes to say so.
        if marker == _SCAN and start + 10 <= end <= len(data):
            count = data[start + 4]
            numbers = data[start + 5 : start + 5 + 2 * count : 2]
            first, last, bits = data[end - 3 : end]
            yield numbers, first, last, bits & 15


def _segments(data: bytes, place: int) -> Iterator[tuple[bytes, int, int]]:
    """Marker, start and end of each segment from the first scan on; what follows the end of the picture is left out."""
    while found := _MARKER.search(data, place):
        marker, start = found[1], found.end() - 2
        if marker == _END:
            yield marker, found.start(), found.end()
            return
        length = int.from_bytes(data[start + 2 : start + 4])
        yield marker, start, start + 2 + length
        place = start + 2 + max(length, 2)


def _without_padding(data: bytes, place: int, count: int) -> bytes:
    for marker, start, _ in _segments(data, place):
        if marker == _END:
            return data[: max(place, start - count)] + data[start:]
    return data
