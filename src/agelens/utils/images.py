"""From an image file to RGB bytes: the one decoder and the one resize of training and of use.

Every part of AgeLens that looks at pixels comes through here, so that a network sees the same bytes when it is
trained, measured and used. How each format is decoded stands in `agelens.utils.decoding`.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import simplejpeg
from PIL import Image

from agelens.errors import ImageError
from agelens.utils.decoding import jpeg
from agelens.utils.decoding.arrays import Pixels
from agelens.utils.decoding.orientation import (
    BROKEN_NOTES,
    UPRIGHT,
    is_as_opened,
    is_lying,
    orientation_of,
    turn_upright,
)
from agelens.utils.decoding.pillow import deepened, has_deep_colour, naming_reasons, open_bytes, rgb_of_image
from agelens.utils.decoding.profiles import Correction, correction
from agelens.utils.decoding.quiet import hushed

__all__ = [
    "DECODER_VERSION", "FULL_PIXELS", "MAX_PIXELS", "SUFFIXES", "Photograph", "Pixels", "convert_photo",
    "decode_photo", "decode_rgb", "load_face", "read_bytes", "read_photo", "read_rgb", "resize_face", "weigh",
]  # fmt: skip

SUFFIXES = frozenset(
    {
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".png",
        ".webp",
        ".bmp",
        ".tif",
        ".tiff",
        ".gif",
        ".heic",
        ".heif",
        ".hif",
        ".avif",
    }
)
# Width times height above which an image is refused before it is decoded. The largest photographs of phones, of 200
# megapixels, lie just below.
MAX_PIXELS = 200_000_000
# Photographs with more are decoded at a reduced size; those of 64 megapixels are not.
FULL_PIXELS = 65_000_000
# Changes whenever the same file could give other pixels; part of the key of every cached feature.
DECODER_VERSION = "turbojpeg-islow+cv2-linear-area+lcms/2"


@dataclass(frozen=True, eq=False)
class Photograph:
    """A decoded photograph, upright.

    Attributes:
        pixels: uint8 (height, width, 3), RGB, perhaps of a reduced size, in the colours of the file.
        width, height: pixels of the full photograph.
        correction: what brings the file's colours to sRGB; None where they are so. Finding faces does not need it, and
            it takes as long as all the rest for a photograph of 12 megapixels.
    """

    pixels: Pixels
    width: int
    height: int
    correction: Correction | None = None

    @property
    def scale(self) -> float:
        """Pixels of the full photograph for one of ``pixels``."""
        # By the longer side, which rounding changes least.
        return max(self.width, self.height) / max(self.pixels.shape[:2])

    def in_srgb(self, pixels: Pixels) -> Pixels:
        """Pixels that were cut out of the photograph, uint8 (..., height, width, 3), in sRGB."""
        return self.correction(pixels) if self.correction else pixels

    def to_rgb(self) -> Pixels:
        """All of its pixels, in sRGB."""
        return self.in_srgb(self.pixels)


def read_rgb(path: Path, min_side: int = 0) -> Pixels:
    """Decode an image file of any common format to RGB.

    Args:
        path: the file. EXIF orientation is obeyed, colours are brought from the file's ICC profile to sRGB, alpha is
            laid over white unless it is 0 everywhere, the first frame of an animation counts.
        min_side: a JPEG may be decoded at some eighths of its size as long as both sides stay at least this
            many pixels; 0 decodes at full size.

    Returns:
        uint8 array (height, width, 3), RGB, 0 to 255.

    Raises:
        ImageError: unreadable, truncated, larger than MAX_PIXELS, or HEIC without the extra ``heic``; the
            message is the reason.
    """
    return decode_rgb(read_bytes(path), min_side)


def decode_rgb(data: bytes, min_side: int = 0, max_pixels: int | None = None) -> Pixels:
    """The same as `read_rgb` for the bytes of a file; ``max_pixels`` is MAX_PIXELS if not given."""
    return _decode(data, min_side, max_pixels, None).to_rgb()


def read_photo(path: Path) -> Photograph:
    """Decode a photograph to find faces in it; above FULL_PIXELS at a reduced size. Raises as `read_rgb` does."""
    return decode_photo(read_bytes(path))


def decode_photo(data: bytes, max_pixels: int | None = None) -> Photograph:
    """The same as `read_photo` for the bytes of a file."""
    return _decode(data, 0, max_pixels, FULL_PIXELS)


def read_bytes(path: Path) -> bytes:
    """The bytes of a file. Raises ImageError where it cannot be read."""
    try:
        return path.read_bytes()
    except IsADirectoryError as error:
        raise ImageError(f"cannot be read: {error.strerror}; give the image files in it") from None
    except OSError as error:
        raise ImageError(f"cannot be read: {error.strerror}") from None
    except ValueError as error:
        # A null byte, or letters that the system's names cannot have.
        raise ImageError(f"cannot be read: {error}") from None


def convert_photo(image: Image.Image, max_pixels: int | None = None) -> Photograph:
    """The same as `read_photo` for a Pillow image; one that is decoded already is not made smaller.

    Its EXIF orientation is obeyed as `agelens.utils.decoding.orientation.is_as_opened` tells.
    """
    with hushed(), naming_reasons():
        return _from_pillow(image, max_pixels, None)


def weigh(data: bytes, max_pixels: int | None = None) -> int:
    """How many pixels are in memory at once while `decode_photo` decodes these bytes.

    Raises:
        ImageError: no image, or a larger one than ``max_pixels``.
    """
    head = jpeg.read_head(data) if data[:2] == jpeg.START else None
    try:
        height, width, _, _ = simplejpeg.decode_jpeg_header(data) if head else (0, 0, "", "")
    except ValueError:
        head = None
    if head is None:
        with hushed(), naming_reasons():
            width, height = open_bytes(data).size
    _refuse_bomb(width, height, max_pixels)
    if head is None or head.progressive:
        return width * height
    return min(width * height, FULL_PIXELS)


def resize_face(image: Pixels, image_size: int) -> Pixels:
    """Bring an RGB image to ``(side, side, 3)``: area average when it shrinks, bilinear when it grows."""
    height, width = image.shape[:2]
    if (height, width) == (image_size, image_size):
        return image
    shrinks = height > image_size or width > image_size
    resized = cv2.resize(
        image, (image_size, image_size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )
    return np.asarray(resized, dtype=np.uint8)


def load_face(path: Path, image_size: int) -> Pixels:
    """Decode and resize one face crop to uint8 ``(side, side, 3)`` RGB. Raises ImageError like `read_rgb`."""
    return resize_face(read_rgb(path, min_side=image_size), image_size)


def _refuse_bomb(width: int, height: int, most: int | None) -> None:
    most = MAX_PIXELS if most is None else most
    if width * height > most:
        raise ImageError(f"has {width} x {height} pixels, more than the limit of {most:,}")


def _decode(data: bytes, min_side: int, max_pixels: int | None, most: int | None) -> Photograph:
    if not data:
        raise ImageError("is empty")
    if data[:2] == jpeg.START:
        return _decode_jpeg(data, min_side, max_pixels, most)
    return _decode_with_pillow(data, max_pixels, most)


def _decode_jpeg(data: bytes, min_side: int, max_pixels: int | None, most: int | None) -> Photograph:
    head = jpeg.read_head(data)
    try:
        height, width, space, _ = simplejpeg.decode_jpeg_header(data)
        _refuse_bomb(width, height, max_pixels)
        if space in ("CMYK", "YCCK"):
            # Pillow knows how these are meant, but not whether they are whole.
            jpeg.decode(data, head, 1, 1, "CMYK")
            return _decode_with_pillow(data, max_pixels, most)
        eighths = 8 if most is None else jpeg.eighths_within(height, width, most)
        least = (-(-height * eighths // 8), -(-width * eighths // 8)) if eighths < 8 else (min_side, min_side)
        pixels = jpeg.decode(data, head, *least)
    except ValueError as error:
        # What libjpeg-turbo does not read: there Pillow decides.
        try:
            return _decode_with_pillow(data, max_pixels, most)
        except ImageError:
            raise ImageError(f"is not a whole JPEG: {error}") from None
    orientation, profile = _notes(data) if head.has_notes else (UPRIGHT, None)
    if is_lying(orientation):
        width, height = height, width
    colours = correction(profile, "L" if space == "Gray" else "RGB")
    return Photograph(turn_upright(pixels, orientation), width, height, colours)


def _notes(data: bytes) -> tuple[int, object]:
    """What a JPEG says of itself: its EXIF orientation and its ICC profile."""
    with hushed():
        try:
            image = open_bytes(data)
            return orientation_of(image), image.info.get("icc_profile")
        except BROKEN_NOTES:
            return UPRIGHT, None


def _decode_with_pillow(data: bytes, max_pixels: int | None, most: int | None) -> Photograph:
    with hushed(), naming_reasons():
        image = open_bytes(data)
        deep = has_deep_colour(image, data)
        photo = _from_pillow(image, max_pixels, most)
        # What is made smaller has lost its lower bits already.
        if deep and photo.scale == 1:
            photo = replace(photo, pixels=deepened(photo.pixels, data))
        return photo


def _from_pillow(image: Image.Image, max_pixels: int | None, most: int | None) -> Photograph:
    _refuse_bomb(*image.size, max_pixels)
    if image.width * image.height == 0:
        raise ImageError("has no pixels")
    pixels, colours = rgb_of_image(image, most or image.width * image.height)
    # After decoding: TIFF is turned by Pillow itself, and its size changes then.
    width, height = image.size
    orientation = orientation_of(image) if is_as_opened(image) else UPRIGHT
    if is_lying(orientation):
        width, height = height, width
    return Photograph(turn_upright(pixels, orientation), width, height, colours)
