"""Arrays of numbers as RGB in bytes: grey, alpha, and values of other types."""

import numpy as np
from numpy.typing import NDArray

from agelens.errors import ImageError, NoImageError

Pixels = NDArray[np.uint8]

# Bits of the values that cameras and scanners put into integers of 16 or 32 bits.
_DEPTHS = (8, 10, 12, 14, 16, 24, 32)
_CHANNELS = (1, 2, 3, 4)
# What interpolation and rounding leave beyond 0 and 1.
_SLACK = 1e-3


def rgb_of(array: NDArray[np.generic]) -> Pixels:
    """An array as RGB; one that is so already comes back as it is.

    Args:
        array: (height, width), grey, or (height, width, channels) with 1 channel (grey), 2 (grey and alpha), 3 (RGB) or
            4 (RGB and alpha); uint8, uint16 (of 8, 10, 12, 14 or 16 bits by its largest value), floating-point numbers
            from 0 to 1, bool, or other integers from 0 to 255.

    Returns:
        uint8 (height, width, 3); alpha lies over white.

    Raises:
        NoImageError: the array has another shape or type.
        ImageError: no pixels, or numbers outside the range.
    """
    check_shape(array)
    if not array.size:
        raise ImageError("has no pixels")
    values = array[..., None] if array.ndim == 2 else array
    if values.dtype == np.uint8 and values.shape[2] == 3:
        return values  # type: ignore[return-value]
    colours = 3 if values.shape[2] > 2 else 1
    colour = bytes_of(values[..., :colours])
    if colours == 1:
        colour = np.repeat(colour, 3, axis=2)
    return over_white(colour, bytes_of(values[..., -1])) if values.shape[2] in (2, 4) else colour


def check_shape(array: NDArray[np.generic]) -> None:
    """Refuse, with a NoImageError, an array that is no image by its shape or type."""
    if array.dtype.kind not in "buif":
        raise NoImageError(
            f"An image is an array of numbers, not of {array.dtype}; give paths as a list or a column."
        )
    shape = array.shape
    if array.ndim == 2 or (array.ndim == 3 and shape[2] in _CHANNELS):
        return
    if array.ndim == 3 and shape[0] in _CHANNELS:
        raise NoImageError(
            f"An image is (height, width, channels), and {shape} has its channels first; "
            "give np.moveaxis(image, 0, -1)."
        )
    raise NoImageError(
        f"An image is (height, width) or (height, width, channels) with 1 to 4 channels, not {array.dtype} {shape}."
    )


def bytes_of(values: NDArray[np.generic]) -> Pixels:
    """Numbers as bytes. Raises ImageError where they are outside the range of their type (see `rgb_of`)."""
    if values.dtype == np.uint8:
        return values  # type: ignore[return-value]
    if values.dtype.kind == "b":
        return values.astype(np.uint8) * np.uint8(255)
    if values.dtype == np.uint16:
        return scaled_to_bytes(values)
    if values.dtype.kind in "iu":
        low, high = int(values.min()), int(values.max())
        if low < 0 or high > 255:
            raise ImageError(
                f"holds whole numbers from {low} to {high}; give uint8 from 0 to 255, or uint16 for more"
            )
        return values.astype(np.uint8)
    return bytes_of_shares(values)


def bytes_of_shares(values: NDArray[np.generic]) -> Pixels:
    """Floating-point numbers from 0 to 1 as bytes. Raises ImageError where they are others."""
    low, high = float(values.min()), float(values.max())
    if not np.isfinite([low, high]).all():
        raise ImageError("holds numbers that are infinite or none (NaN)")
    if low < -_SLACK or high > 1 + _SLACK:
        raise ImageError(
            f"holds floating-point numbers from {low:.4g} to {high:.4g}, and those of images go from 0 to 1; "
            "scale them, or give uint8"
        )
    return np.rint(np.clip(values.astype(np.float32), 0, 1) * np.float32(255)).astype(np.uint8)


def scaled_to_bytes(values: NDArray[np.generic]) -> Pixels:
    """Whole numbers of 8 to 32 bits as bytes: how many bits are meant is told by the largest of them."""
    highest = max(int(values.max(initial=0)), 1)
    bits = next(bits for bits in _DEPTHS if highest < 1 << bits)
    return np.right_shift(np.maximum(values, 0), bits - 8).astype(np.uint8)


def over_white(colour: Pixels, alpha: Pixels) -> Pixels:
    """RGB (height, width, 3) laid over white by its alpha (height, width), which is not meant where it is 0 everywhere.

    Programs that know no alpha leave it at 0, and a picture that nobody can see is none.
    """
    if not alpha.any() or (alpha == 255).all():
        return np.ascontiguousarray(colour)
    share = alpha[..., None].astype(np.uint16)
    mixed = colour * share + np.uint16(255) * (255 - share)
    return ((mixed + 127) // 255).astype(np.uint8)
