"""From an image file to RGB bytes: the one decoder and the one resize of training and of use.

Every part of AgeLens that looks at pixels comes through here, so that a network sees the same bytes when it is
trained, measured and used.
"""

import contextlib
import io
import struct
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from agelens.errors import ImageError

Pixels = NDArray[np.uint8]

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
# Pillow knows many more, rarely used and rarely attacked; for EPS it even starts Ghostscript on what it was given.
_FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "BMP", "TIFF", "GIF", "AVIF", "JPEG2000", "PPM")
# How HEIC files begin, behind their length: those of phones, and those of several pictures or of other makers.
_HEIC = frozenset(
    f"ftyp{brand}".encode() for brand in ("heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1")
)
MAX_PIXELS = 100_000_000
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Changes whenever the same file could give other pixels; part of the key of every cached feature.
DECODER_VERSION = "turbojpeg-islow+cv2-linear-area/1"


def read_rgb(path: Path, least_side: int = 0, max_pixels: int | None = None) -> Pixels:
    """Decode an image file of any common format to RGB.

    Args:
        path: the file. EXIF orientation is obeyed, alpha is laid over white, the first frame of an animation counts.
        least_side: a JPEG may be decoded at some eighths of its size as long as both sides stay at least this
            many pixels; 0 decodes at full size.

    Returns:
        uint8 array (height, width, 3), RGB, 0 to 255.

    Raises:
        ImageError: unreadable, truncated, larger than ``max_pixels``, or HEIC without the extra ``heic``; the
            message is the reason.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ImageError(f"cannot be read: {error.strerror}") from None
    return decode_rgb(data, least_side, max_pixels)


def decode_rgb(data: bytes, least_side: int = 0, max_pixels: int | None = None) -> Pixels:
    """The same as `read_rgb` for the bytes of a file."""
    if not data:
        raise ImageError("is empty")
    if data[:2] != b"\xff\xd8":
        return _decode_with_pillow(data, max_pixels)
    # The fast decoder knows neither CMYK nor EXIF orientation; Pillow knows both.
    if b"Exif\x00" in _before_scan(data):
        return _decode_with_pillow(data, max_pixels)
    try:
        height, width, space, _ = simplejpeg.decode_jpeg_header(data)
        _refuse_bomb(width, height, max_pixels)
        if space in ("YCbCr", "Gray"):
            return simplejpeg.decode_jpeg(
                data, "RGB", fastupsample=False, min_height=least_side, min_width=least_side
            )
    except ValueError as error:
        # It refuses also what libjpeg only warns of, such as padding before the end: there Pillow decides.
        try:
            return _decode_with_pillow(data, max_pixels)
        except ImageError:
            raise ImageError(f"is not a whole JPEG: {error}") from None
    return _decode_with_pillow(data, max_pixels)


def _before_scan(data: bytes) -> bytes:
    """What stands in a JPEG before its picture: the segments of its header."""
    place = 2
    while data[place : place + 1] == b"\xff" and data[place + 1 : place + 2] != b"\xda":
        # Any number of FF may stand before a marker.
        place += (
            1 if data[place + 1 : place + 2] == b"\xff" else 2 + int.from_bytes(data[place + 2 : place + 4])
        )
    return data[:place]


def resize_face(image: Pixels, side: int) -> Pixels:
    """Bring an RGB image to ``(side, side, 3)``: area average when it shrinks, bilinear when it grows."""
    height, width = image.shape[:2]
    if (height, width) == (side, side):
        return image
    shrinks = height > side or width > side
    resized = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return np.asarray(resized, dtype=np.uint8)


def load_face(path: Path, side: int) -> Pixels:
    """Decode and resize one face crop to uint8 ``(side, side, 3)`` RGB. Raises ImageError like `read_rgb`."""
    return resize_face(read_rgb(path, least_side=side), side)


def convert_rgb(image: Image.Image, max_pixels: int | None = None) -> Pixels:
    """The same as `read_rgb` for a Pillow image; one that was opened from a file is decoded here."""
    with _naming_reasons():
        _refuse_bomb(*image.size, max_pixels)
        image.load()
        return np.asarray(_to_rgb(_upright(image)), dtype=np.uint8)


def _refuse_bomb(width: int, height: int, most: int | None) -> None:
    most = MAX_PIXELS if most is None else most
    if width * height > most:
        raise ImageError(f"has {width} x {height} pixels, more than the limit of {most:,}")


def _decode_with_pillow(data: bytes, max_pixels: int | None) -> Pixels:
    # AVIF is not in every Pillow.
    Image.init()
    formats = [name for name in _FORMATS if name in Image.OPEN]
    # AVIF may begin like HEIC; Pillow then knows it by its other brands.
    if data[4:12] in _HEIC and b"avif" not in data[:64]:
        formats = [_register_heic()]
    with _naming_reasons(), Image.open(io.BytesIO(data), formats=formats) as image:
        return convert_rgb(image, max_pixels)


def _register_heic() -> str:
    """Teach Pillow HEIC, and give its name for it."""
    if "HEIF" not in Image.OPEN:
        try:
            import pi_heif
        except ImportError:
            raise ImageError("is HEIC, which is read after: pip install 'agelens[heic]'") from None
        pi_heif.register_heif_opener(thumbnails=False)
    return "HEIF"


@contextlib.contextmanager
def _naming_reasons() -> Iterator[None]:
    """Turn what Pillow raises for a file that is no whole image into the reason."""
    try:
        yield
    except UnidentifiedImageError:
        raise ImageError("is not an image of a known format") from None
    # TypeError, OverflowError and struct.error come from headers whose numbers are text or beyond any range,
    # RuntimeError from AVIF, EOFError from HEIC.
    except (
        OSError,
        EOFError,
        SyntaxError,
        ValueError,
        TypeError,
        OverflowError,
        RuntimeError,
        struct.error,
        Image.DecompressionBombError,
    ) as error:
        raise ImageError(f"cannot be decoded: {str(error).strip()}") from None


def _upright(image: Image.Image) -> Image.Image:
    # Not ImageOps.exif_transpose: it writes the whole EXIF anew, which fails where any of its entries is odd.
    turn = _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    return image if turn is None else image.transpose(turn)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "F":
        raise ImageError("holds grey values as floating-point numbers, whose range is not known")
    if image.mode.startswith("I;16") or image.mode == "I":
        # Pillow clips 16-bit grey at 255 when it converts; scale it instead.
        values = np.asarray(image, dtype=np.int64)
        scale = 1 if image.mode == "I" and values.max(initial=0) <= 255 else 256
        return Image.fromarray(np.clip(values // scale, 0, 255).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    return image.convert("RGB")
