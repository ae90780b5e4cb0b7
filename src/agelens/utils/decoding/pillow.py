"""What Pillow decodes: every format but most of JPEG, and images that somebody has opened already."""

import contextlib
import io
import struct
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image, ImageFile, UnidentifiedImageError

from agelens.errors import ImageError
from agelens.utils.decoding.arrays import Pixels, bytes_of_shares, over_white, scaled_to_bytes
from agelens.utils.decoding.orientation import orientation_of, turn_upright
from agelens.utils.decoding.profiles import Correction, correction, to_srgb

# Pillow knows many more, rarely used and rarely attacked; for EPS it even starts Ghostscript on what it was given.
_FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "BMP", "TIFF", "GIF", "AVIF", "JPEG2000", "PPM")
# How HEIC files begin, behind their length: those of phones, and those of several pictures or of other makers.
_HEIC = frozenset(
    f"ftyp{brand}".encode() for brand in ("heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1")
)
# The largest byte that the upper halves of values of 14 bits have.
_SHALLOW = 63
# What Pillow raises: TypeError, OverflowError and struct.error come from headers whose numbers are text or beyond any
# range, RuntimeError from AVIF, EOFError from HEIC, AttributeError and AssertionError from images that are closed.
_REASONS = (
    OSError, EOFError, SyntaxError, ValueError, TypeError, OverflowError, RuntimeError, AttributeError, AssertionError,
    IndexError, KeyError, struct.error, Image.DecompressionBombError,
)  # fmt: skip


@contextlib.contextmanager
def naming_reasons() -> Iterator[None]:
    """Turn what Pillow raises for a file that is no whole image into the reason."""
    try:
        yield
    except UnidentifiedImageError:
        raise ImageError("is not an image of a known format") from None
    except _REASONS as error:
        # Pillow asserts that a file is open.
        if isinstance(error, AssertionError) or "closed" in str(error):
            raise ImageError("was closed before it was read; hand it over while it is open") from None
        raise ImageError(f"cannot be decoded: {str(error).strip() or type(error).__name__}") from None


def open_bytes(data: bytes) -> ImageFile.ImageFile:
    """Open an image file as Pillow's own `open` does, which would refuse what is larger than a limit of its own.

    Raises:
        ImageError: HEIC without the extra ``heic``, or a header that begins as one of a known format and is broken.
        UnidentifiedImageError: no image of a known format.
    """
    # AVIF is not in every Pillow.
    Image.init()
    names = [name for name in _FORMATS if name in Image.OPEN]
    # AVIF may begin like HEIC; Pillow then knows it by its other brands.
    if data[4:12] in _HEIC and b"avif" not in data[:64]:
        names = [_register_heic()]
    broken = ""
    for name in names:
        factory, accepts = Image.OPEN[name]
        accepted = accepts is None or accepts(data[:16])
        # Some say with a text why they do not.
        if accepted and not isinstance(accepted, str):
            try:
                return factory(io.BytesIO(data), "")
            except (SyntaxError, IndexError, TypeError, struct.error):
                broken = broken or name
    if broken:
        raise ImageError(f"is not a whole {broken} file: its header is cut off or altered")
    raise UnidentifiedImageError


def _register_heic() -> str:
    """Teach Pillow HEIC, and give its name for it."""
    if "HEIF" not in Image.OPEN:
        try:
            import pi_heif
        except ImportError:
            raise ImageError("is HEIC, which is read after: pip install 'agelens[heic]'") from None
        pi_heif.register_heif_opener(thumbnails=False)
    return "HEIF"


def has_deep_colour(image: Image.Image, data: bytes) -> bool:
    """Whether a file has colours of 16 bits, of which Pillow takes the upper 8."""
    if image.format == "PNG":
        # Of its header: the bits of a value, and 2 and 6 for RGB without and with alpha.
        return data[24:25] == b"\x10" and data[25:26] in (b"\x02", b"\x06")
    if image.format == "TIFF":
        bits = getattr(image, "tag_v2", {}).get(258, ())
        return isinstance(bits, tuple) and len(bits) >= 3 and min(bits) > 8
    return False


def deepened(pixels: Pixels, data: bytes) -> Pixels:
    """Colours of 16 bits that hold values of 8 to 14, as bytes.

    Args:
        pixels: their upper 8 bits, upright, which come back where the values have 16.
    """
    if pixels.max(initial=0) > _SHALLOW:
        return pixels
    image = open_bytes(data)
    # Read in the other order of bytes, the lower 8 bits stand where the upper ones are taken from.
    image.tile = [tile._replace(args=_swapped(tile.args)) for tile in image.tile]
    try:
        image.load()
    except ValueError:
        # Values of another layout, of which Pillow knows but one order.
        return pixels
    lower = turn_upright(np.ascontiguousarray(np.asarray(image)[..., :3]), orientation_of(image))
    if lower.shape != pixels.shape:
        return pixels
    return scaled_to_bytes(pixels.astype(np.uint16) << 8 | lower)


def _swapped(args: Any) -> Any:
    """The arguments of a decoder of Pillow, the first of which names a layout such as RGB;16B, for the other order."""
    if isinstance(args, str):
        order = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}
        start, mark, last = args.rpartition(";16")
        return f"{start}{mark}{order[last]}" if mark and last in order else args
    return (_swapped(args[0]), *args[1:])


def rgb_of_image(image: Image.Image, most: int) -> tuple[Pixels, Correction | None]:
    """The pixels of a Pillow image as they lie in it, its alpha over white.

    Args:
        image: its current frame counts; one that was opened from a file is decoded here.
        most: pixels above which it is made smaller, by averaging 2 x 2 or more of them.

    Returns:
        uint8 (height, width, 3), and what brings these to sRGB, if anything.
    """
    image.load()
    factor = 1
    while (image.width // factor) * (image.height // factor) > most:
        factor += 1
    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image)
        grey = bytes_of_shares(values) if image.mode == "F" else scaled_to_bytes(values)
        small = _reduced(Image.fromarray(grey), factor)
        return _with_correction(small, image.info.get("icc_profile"))
    if image.has_transparency_data:
        return _without_alpha(image, factor), None
    if image.mode in ("P", "1", "PA", "HSV", "YCbCr", "LAB"):
        profile = image.info.get("icc_profile")
        return _with_correction(_reduced(image.convert("RGB"), factor), profile)
    if image.mode == "CMYK":
        return np.asarray(to_srgb(_reduced(image, factor))), None
    return _with_correction(_reduced(image, factor), image.info.get("icc_profile"))


def _with_correction(image: Image.Image, profile: object) -> tuple[Pixels, Correction | None]:
    """RGB and its correction, of an image in grey or RGB."""
    mode = "L" if image.mode == "L" else "RGB"
    # Pillow copies what it converts to the same mode.
    rgb = image if image.mode == "RGB" else image.convert("RGB")
    return np.asarray(rgb, dtype=np.uint8), correction(profile, mode)


def _without_alpha(image: Image.Image, factor: int) -> Pixels:
    rgba = _reduced(image if image.mode == "RGBA" else image.convert("RGBA"), factor)
    values = np.asarray(rgba, dtype=np.uint8)
    grey = image.mode in ("L", "LA", "La")
    correct = correction(image.info.get("icc_profile"), "L" if grey else "RGB")
    colour = np.ascontiguousarray(values[..., :3])
    return over_white(correct(colour) if correct else colour, values[..., 3])


def _reduced(image: Image.Image, factor: int) -> Image.Image:
    # Not its own method of this name: JPEG 2000 has a number there.
    return image if factor == 1 else Image.Image.reduce(image, factor)
