"""Colours as a file's ICC profile means them, brought to sRGB, which is what networks are trained on."""

import functools
import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageCms

from agelens.utils.decoding.arrays import Pixels

# Of a profile's header: what it describes, and its colours.
_DEVICES = frozenset({b"mntr", b"scnr", b"prtr", b"spac"})
_MODES = {b"RGB ": "RGB", b"GRAY": "L", b"CMYK": "CMYK"}
# Levels of 256 by which a profile may differ from sRGB and count as it: many programs write an sRGB of their own.
_SAME = 2
Correction = Callable[[Pixels], Pixels]


def correction(profile: object, mode: str) -> Correction | None:
    """What brings RGB pixels of a file to sRGB.

    Args:
        profile: the bytes of the ICC profile, or None.
        mode: Pillow's name of the file's colours, "RGB", or "L" where all three channels are the same grey.

    Returns:
        a function from uint8 (..., height, width, 3) to the same shape; None where nothing is to be done: there is no
        profile, it is that of sRGB, it is broken, or it is one for other colours than the file's.
    """
    transform = _transform(profile, mode) if isinstance(profile, bytes) else None
    if transform is None:
        return None

    def correct(pixels: Pixels) -> Pixels:
        rows = pixels.reshape(-1, *pixels.shape[-2:])
        if not rows.size:
            return pixels
        image = Image.fromarray(np.ascontiguousarray(rows[..., 0] if mode == "L" else rows))
        return np.asarray(_applied(image, transform)).reshape(pixels.shape)

    return correct


def to_srgb(image: Image.Image) -> Image.Image:
    """A Pillow image as RGB in sRGB, from its mode "L", "RGB" or "CMYK"."""
    profile = image.info.get("icc_profile")
    transform = _transform(profile, image.mode) if isinstance(profile, bytes) else None
    if transform is not None:
        return _applied(image, transform)
    return image if image.mode == "RGB" else image.convert("RGB")


def _applied(image: Image.Image, transform: ImageCms.ImageCmsTransform) -> Image.Image:
    result = ImageCms.applyTransform(image, transform)
    assert result is not None
    return result


# Photographs of one camera share their profile; those of printing presses are half a megabyte.
@functools.lru_cache(maxsize=16)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    if profile[12:16] not in _DEVICES or _MODES.get(profile[16:20]) != mode:
        return None
    try:
        opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        # Threads share it, so it must not remember the last pixel.
        transform = ImageCms.buildTransform(
            opened, ImageCms.createProfile("sRGB"), mode, "RGB", flags=ImageCms.Flags.NOCACHE
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
    return None if _is_srgb(transform, mode) else transform


def _is_srgb(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    if mode == "CMYK":
        return False
    if mode == "L":
        sample = np.arange(256, dtype=np.uint8)[None]
        same = np.repeat(sample[..., None], 3, axis=2)
    else:
        levels = np.linspace(0, 255, 9).astype(np.uint8)
        same = sample = np.stack(np.meshgrid(levels, levels, levels), -1).reshape(1, -1, 3)
    found = np.asarray(_applied(Image.fromarray(sample), transform)).astype(int)
    return int(np.abs(found - same).max()) <= _SAME
