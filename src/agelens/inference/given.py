"""What callers give as images: of whatever kind, taken out of their hands before they change it, and decoded."""

import io
import os
import re
import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from agelens.errors import ImageError, NoImageError
from agelens.inference.addresses import address_of
from agelens.utils.decoding.arrays import check_shape, rgb_of
from agelens.utils.decoding.orientation import UPRIGHT, is_as_opened, orientation_of
from agelens.utils.images import (
    Photograph,
    Pixels,
    convert_photo,
    decode_photo,
    decode_rgb,
    read_bytes,
)
from agelens.utils.remote import fetch

Source: TypeAlias = (
    str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes] | NDArray[np.generic] | Image.Image | Photograph
)  # fmt: skip
# Addresses that hold no file: of cameras and streams, and of what stands in the address itself.
_UNFETCHED = re.compile(r"(?i)[a-z][a-z0-9+.-]+:/|data:")


@dataclass(frozen=True)
class Address:
    """Where a photograph is that is no file of this machine; it is fetched when it is decoded."""

    text: str


@dataclass(frozen=True, eq=False)
class Given:
    """One image as it was given.

    Attributes:
        file: its path where it has one.
        content: what it is read from: a file, an address, bytes, pixels, or a Pillow image; or why it cannot be read.
        weight: bytes that it holds in memory until it is decoded, beside what the caller holds.
        turn: an EXIF orientation that a Pillow image has inherited: it lies so unless somebody has turned it.
    """

    file: str
    content: Path | Address | bytes | Photograph | NDArray[np.generic] | Image.Image | ImageError
    weight: int = 0
    turn: int = UPRIGHT


_ONE = (str, os.PathLike, bytes, bytearray, memoryview, Image.Image, Photograph, Given)
_SAME_FRAMES = (
    "is an animation that is given several times, and shows the same frame each time; give copies, as in "
    "[frame.copy() for frame in ImageSequence.Iterator(image)]"
)


def separate(images: object) -> tuple[Iterable[Any], bool]:
    """The images of what is given as one or many.

    Returns:
        they, and whether they stay as they are while they are read: those of an iterator may change at each step.

    Raises:
        NoImageError: it is neither an image nor several.
    """
    if isinstance(images, _ONE) or hasattr(images, "read"):
        return [images], True
    if hasattr(images, "columns"):
        raise NoImageError("A table is no list of images; give its column of paths, as in table['path'].")
    # Tensors, and columns of tables.
    array = np.asarray(images) if hasattr(images, "__array__") else None
    if array is not None:
        if array.dtype.kind in "OUT" and array.ndim <= 1:
            return array.reshape(-1).tolist(), True
        return (array, True) if array.ndim > 3 else ([array], True)
    if isinstance(images, list | tuple):
        return _without_same_frames(images), True
    if isinstance(images, Iterable) and not isinstance(images, dict):
        return images, False
    check(images)
    return [images], True


def _without_same_frames(images: Sequence[Any]) -> Sequence[Any]:
    """The same images, but no animation twice.

    `ImageSequence` gives one image for all frames, so that a list of these holds nothing but the last frame.
    """
    times = Counter(id(image) for image in images if isinstance(image, Image.Image))
    if not times or times.most_common(1)[0][1] == 1:
        return images
    return [
        Given("", ImageError(_SAME_FRAMES)) if times[id(image)] > 1 and _is_animation(image) else image
        for image in images
    ]


def _is_animation(image: Image.Image) -> bool:
    try:
        return getattr(image, "is_animated", False)
    except (OSError, ValueError, AttributeError, AssertionError):
        # It is closed.
        return False


def check(source: object) -> None:
    """Refuse, with a NoImageError, what could be no image at all; nothing is read."""
    if isinstance(source, io.TextIOBase):
        raise NoImageError("An image file is opened for bytes, not for text: open(name, 'rb').")
    if isinstance(source, _ONE) or hasattr(source, "read"):
        return
    if not hasattr(source, "__array__"):
        raise NoImageError(
            "An image is a path, an array, a Pillow image, the bytes of a file or an open file, "
            f"not {type(source).__name__}."
        )
    check_shape(np.asarray(source))


def check_crops(crops: object, sides: Sequence[int]) -> None:
    """Refuse, with a NoImageError, what is not one batch of crops at each side that networks take."""
    given: list[Any] = [crops.get(side) for side in sides] if isinstance(crops, dict) else []
    if not given or any(
        not isinstance(one, np.ndarray)
        or (one.dtype, one.shape[1:]) != (np.uint8, (side, side, 3))
        or len(one) != len(given[0])
        for one, side in zip(given, sides, strict=True)
    ):
        told = " and ".join(f"{side}: uint8 (faces, {side}, {side}, 3)" for side in sides)
        raise NoImageError(
            f"A batch of crops is a dict of {told}; predict(images, crops=True) takes images of any size."
        )


def take(source: Any, stays: bool, max_pixels: int | None) -> Given:
    """Take an image out of the caller's hands.

    Args:
        stays: the caller does not change it before it is decoded; otherwise arrays are copied, and Pillow images and
            open files are read here.

    Raises:
        NoImageError: it is nothing that could be an image.
    """
    if isinstance(source, Given):
        return source
    check(source)
    try:
        return _take(source, stays, max_pixels)
    except ImageError as error:
        return Given(_name_of(source), error)


def _take(source: Any, stays: bool, max_pixels: int | None) -> Given:
    if isinstance(source, str | os.PathLike):
        path = os.fsdecode(source)
        if not path:
            raise ImageError("has an empty name")
        address = address_of(path)
        return Given(path, Path(path)) if address is None else Given(address, Address(address))
    if isinstance(source, Photograph | bytes):
        return Given("", source)
    if isinstance(source, bytearray | memoryview):
        return Given("", bytes(source), len(source))
    if isinstance(source, Image.Image):
        turn = UPRIGHT if is_as_opened(source) else orientation_of(source)
        if stays:
            return Given("", source, turn=turn)
        photo = convert_photo(source, max_pixels)
        return Given("", photo, photo.pixels.nbytes, turn)
    if hasattr(source, "read"):
        data = _read(source)
        return Given(_name_of(source), data, len(data))
    array = np.asarray(source)
    if stays:
        return Given("", array)
    pixels = rgb_of(array)
    copy = np.array(pixels, order="C") if np.may_share_memory(pixels, array) else pixels
    return Given("", _photo_of(copy), copy.nbytes)


def decode(given: Given, max_pixels: int | None, pillow: threading.Lock) -> Photograph:
    """The photograph.

    Args:
        pillow: held while a Pillow image is read: the same one may have been given twice.

    Raises:
        ImageError: it cannot be read.
    """
    content = given.content
    if isinstance(content, ImageError):
        raise content
    if isinstance(content, Photograph):
        return content
    if isinstance(content, Image.Image):
        with pillow:
            return convert_photo(content, max_pixels)
    if isinstance(content, np.ndarray):
        return _photo_of(rgb_of(content))
    return decode_photo(_bytes_of(content), max_pixels)


def decode_crop(given: Given, min_side: int, max_pixels: int | None, pillow: threading.Lock) -> Pixels:
    """The pixels of an image that is one face; a JPEG perhaps at a reduced size, as in training."""
    if isinstance(given.content, Path | Address | bytes):
        return decode_rgb(_bytes_of(given.content), min_side, max_pixels)
    return decode(given, max_pixels, pillow).to_rgb()


def read_one(source: Source) -> Pixels:
    """An image at its full size, in sRGB.

    Raises:
        ImageError: it cannot be read; the message names it where it has a name.
        NoImageError: it is nothing that could be an image.
    """
    try:
        return read_unnamed(source)
    except ImageError as error:
        raise ImageError(f"{_name_of(source) or 'The image'} {error}") from None


def read_unnamed(source: Source, max_pixels: int | None = None) -> Pixels:
    """The same with a message that is the reason alone, and a limit of width times height."""
    given = take(source, stays=True, max_pixels=max_pixels)
    return decode_crop(given, 0, max_pixels, threading.Lock())


def _bytes_of(content: Path | Address | bytes) -> bytes:
    if isinstance(content, bytes):
        return content
    if isinstance(content, Address):
        return fetch(content.text)
    try:
        return read_bytes(content)
    except ImageError as error:
        if _UNFETCHED.match(str(content)):
            raise ImageError("is an address of a kind that is not fetched; give the file") from None
        raise error from None


def _photo_of(pixels: Pixels) -> Photograph:
    return Photograph(np.ascontiguousarray(pixels), pixels.shape[1], pixels.shape[0])


def _read(file: Any) -> bytes:
    try:
        # As Pillow does, so that a file that was just written can be given as it is.
        if file.seekable():
            file.seek(0)
        data = file.read()
    except (OSError, ValueError) as error:
        # ValueError: it is closed.
        raise ImageError(f"cannot be read: {error}") from None
    if not isinstance(data, bytes):
        raise NoImageError(f"An open image file gives bytes, not {type(data).__name__}.")
    return data


def _name_of(source: Any) -> str:
    if isinstance(source, str | os.PathLike):
        return os.fsdecode(source)
    name = getattr(source, "name", "") if hasattr(source, "read") else ""
    return name if isinstance(name, str) else ""
