"""How an image lies, by its EXIF: the turn that brings it upright, for arrays and for Pillow images."""

import struct

import cv2
import numpy as np
from PIL import ExifTags, Image, ImageFile

from agelens.utils.decoding.arrays import Pixels

UPRIGHT = 1
# What EXIF that is cut off or altered raises while it is read; such a file lies as it is.
BROKEN_NOTES = (
    SyntaxError, ValueError, TypeError, KeyError, IndexError, AttributeError, AssertionError, OverflowError, OSError,
    EOFError, struct.error,
)  # fmt: skip
# Where Pillow keeps the notes of a file in what it makes of it.
_NOTES = ("exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp")
# Orientations whose width is the height of the upright picture.
_LYING = frozenset({5, 6, 7, 8})


def orientation_of(image: Image.Image) -> int:
    """What a picture's EXIF says of how it lies, 1 to 8; 1, upright, where it says nothing or cannot be read."""
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, UPRIGHT)
    except BROKEN_NOTES:
        return UPRIGHT
    return orientation if orientation in range(1, 9) else UPRIGHT


def is_as_opened(image: Image.Image) -> bool:
    """Whether the EXIF of a Pillow image tells how its pixels lie.

    Pillow hands the EXIF of a file on to all that is made from the image: also `rotate` and `transpose` do, and their
    results say that they lie on their side when they no longer do. So the EXIF counts for an image that was opened from
    a file (a class of its own), and for one that somebody gave it to, which then is not among what it inherited.
    """
    inherited = any(name in image.info for name in _NOTES)
    return isinstance(image, ImageFile.ImageFile) or not inherited


def is_lying(orientation: int) -> bool:
    """Whether the width of the picture that lies so is the height of the upright one."""
    return orientation in _LYING


def turn_upright(pixels: Pixels, orientation: int) -> Pixels:
    """Turn and mirror an RGB image that lies as an EXIF orientation says."""
    match orientation:
        case 2:
            return _bytes(cv2.flip(pixels, 1))
        case 3:
            return _bytes(cv2.rotate(pixels, cv2.ROTATE_180))
        case 4:
            return _bytes(cv2.flip(pixels, 0))
        case 5:
            return _bytes(cv2.transpose(pixels))
        case 6:
            return _bytes(cv2.rotate(pixels, cv2.ROTATE_90_CLOCKWISE))
        case 7:
            return _bytes(cv2.transpose(cv2.rotate(pixels, cv2.ROTATE_180)))
        case 8:
            return _bytes(cv2.rotate(pixels, cv2.ROTATE_90_COUNTERCLOCKWISE))
    return pixels


def turn_points_back(
    points: "np.ndarray[tuple[int, ...], np.dtype[np.floating]]", orientation: int, width: int, height: int
) -> "np.ndarray[tuple[int, ...], np.dtype[np.floating]]":
    """Points (..., 2), x and y, of the upright picture in the one that lies.

    Args:
        width, height: pixels of the picture that lies.
    """
    x, y = points[..., 0], points[..., 1]
    if is_lying(orientation):
        x, y = y, x
    # Of the picture as it lies: where x counts from its right, and y from its bottom edge.
    if orientation in (2, 3, 7, 8):
        x = width - x
    if orientation in (3, 4, 6, 7):
        y = height - y
    return np.stack([x, y], -1)


def _bytes(image: object) -> Pixels:
    return np.asarray(image, np.uint8)
