"""Worse pictures: each corruption is a pure function of a picture, a level and numbers drawn by chance.

The levels of blur, noise and JPEG are those of ImageNet-C (Hendrycks and Dietterich 2019, "Benchmarking Neural Network
Robustness to Common Corruptions and Perturbations"); blur is told in hundredths of the face's side, so that it means
the same in pictures of any size. Darkness and colour casts are changes of exposure in linear light, as a camera makes
them, in stops (IEC 61966-2-1 for the way from sRGB and back). Occlusion is the grey block of random erasing (Zhong,
Zheng, Kang, Li and Yang 2020, "Random Erasing Data Augmentation") within the face's box. Size, tightness and shift move
a window over the picture; what lies beyond the picture repeats its edge.

They are not taken from a library: none that is kept up does without PyTorch and the AGPL, and some levels are told in
sides of a face.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from agelens.utils.images import Pixels

Matrix = NDArray[np.float64]
IDENTITY: Matrix = np.eye(2, 3)
# How much of a picture's side a face fills in the crops that shift is measured on, as in UTKFace.
_FILL = 0.6
# Windows are brought down to this many pixels a side.
_LARGEST = 1600
_GREY = 127


@dataclass(frozen=True)
class Place:
    """Where a face is: its middle, and its side as the square root of its box's area, in pixels."""

    x: float
    y: float
    side: float

    def moved(self, matrix: Matrix) -> "Place":
        """The place after a similarity, (2, 3)."""
        x, y = matrix @ (self.x, self.y, 1)
        return Place(float(x), float(y), self.side * float(np.hypot(*matrix[:, 0])))


@dataclass(frozen=True)
class Corrupted:
    """A worse picture, uint8 (height, width, 3) RGB, and the similarity that brought the old pixels to the new."""

    pixels: Pixels
    matrix: Matrix


Change = Callable[[Pixels, Place, float, np.random.Generator], Corrupted | None]


@dataclass(frozen=True)
class Corruption:
    """One way in which pictures are worse.

    Attributes:
        name: in tables and files.
        title: for a person; with what the level means.
        levels: from mild to strong.
        change: gives the corrupted picture, or None where the level means nothing for it, as a face of 96 pixels for
            one of 80.
    """

    name: str
    title: str
    levels: tuple[float, ...]
    change: Change


def jpeg(image: Pixels, place: Place, level: float, chance: np.random.Generator) -> Corrupted:
    """Compressed by JPEG of this quality, 1 to 100."""
    _, data = cv2.imencode(
        ".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, int(level)]
    )
    decoded = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return Corrupted(np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8), IDENTITY)


def blur(image: Pixels, place: Place, level: float, chance: np.random.Generator) -> Corrupted:
    """Gaussian blur with a standard deviation of so many hundredths of the face's side."""
    sigma = max(level * place.side / 100, 1e-3)
    return Corrupted(np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8), IDENTITY)


def noise(image: Pixels, place: Place, level: float, chance: np.random.Generator) -> Corrupted:
    """Gaussian noise with this standard deviation, in shares of white."""
    noisy = image + chance.normal(0, 255 * level, image.shape).astype(np.float32)
    return Corrupted(_bytes(noisy), IDENTITY)


def darkness(image: Pixels, place: Place, level: float, chance: np.random.Generator) -> Corrupted:
    """Exposed so many stops less."""
    return Corrupted(_from_linear(_to_linear(image) * 2.0**-level), IDENTITY)


def grey(image: Pixels, place: Place, level: float, chance: np.random.Generator) -> Corrupted:
    """Without this share of its colour."""
    luma = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[:, :, None]
    pixels = image.astype(np.float32)
    return Corrupted(_bytes(pixels + np.float32(level) * (luma - pixels)), IDENTITY)


def colour_cast(image: Pixels, place: Place, level: float, chance: np.random.Generator) -> Corrupted:
    """Red brighter than blue by so many stops: warm above 0, cold below."""
    gains = np.array([2.0 ** (level / 2), 1.0, 2.0 ** (-level / 2)], np.float32)
    return Corrupted(_from_linear(_to_linear(image) * gains), IDENTITY)


def rotation(image: Pixels, place: Place, level: float, chance: np.random.Generator) -> Corrupted:
    """Turned by so many degrees, to the side that chance decides, on a canvas that holds all of it."""
    height, width = image.shape[:2]
    angle = level if chance.random() < 0.5 else -level
    matrix = np.asarray(cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, 1), np.float64)
    wide, high = np.ceil(np.abs(matrix[:, :2]) @ [width, height] - 1e-6).astype(int).tolist()
    matrix[:, 2] += [(wide - width) / 2, (high - height) / 2]
    return Corrupted(_warp(image, matrix, (wide, high)), matrix)


def face_size(image: Pixels, place: Place, level: float, chance: np.random.Generator) -> Corrupted | None:
    """Brought down until the face's side has so many pixels; None where it has no more already."""
    scale = level / place.side
    if scale >= 1:
        return None
    size = tuple(max(1, round(length * scale)) for length in image.shape[1::-1])
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    return Corrupted(small, IDENTITY * scale)


def tightness(image: Pixels, place: Place, level: float, chance: np.random.Generator) -> Corrupted:
    """A square window in which the face fills this share of the side."""
    return _window(image, place, level, (0.0, 0.0))


def shift(image: Pixels, place: Place, level: float, chance: np.random.Generator) -> Corrupted:
    """A square window that lies beside the face by this share of its own side, where chance decides."""
    angle = chance.uniform(0, 2 * np.pi)
    return _window(image, place, _FILL, (level * float(np.cos(angle)), level * float(np.sin(angle))))


def occlusion(image: Pixels, place: Place, level: float, chance: np.random.Generator) -> Corrupted:
    """A grey square over this share of the face's box, at a place within it that chance decides."""
    covered = place.side * level**0.5
    free = place.side - covered
    left, top = (middle - place.side / 2 + free * chance.random() for middle in (place.x, place.y))
    result = image.copy()
    rows, columns = (slice(max(0, round(start)), max(0, round(start + covered))) for start in (top, left))
    result[rows, columns] = _GREY
    return Corrupted(result, IDENTITY)


def _window(image: Pixels, place: Place, fill: float, beside: tuple[float, float]) -> Corrupted:
    """The square window of which the face fills a share, moved by shares of the window's side."""
    side = place.side / fill
    pixels = int(np.clip(round(side), 1, _LARGEST))
    scale = pixels / side
    corner = np.array([place.x + beside[0] * side, place.y + beside[1] * side]) - (side - 1) / 2
    matrix = np.column_stack([np.eye(2) * scale, -corner * scale])
    return Corrupted(_warp(image, matrix, (pixels, pixels)), matrix)


def _warp(image: Pixels, matrix: Matrix, size: tuple[int, int]) -> Pixels:
    warped = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, np.uint8)


def _to_linear(image: Pixels) -> NDArray[np.float32]:
    return _LINEAR[image]


def _linear_table() -> NDArray[np.float32]:
    shares = np.arange(256) / 255
    return np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4).astype(np.float32)


_LINEAR = _linear_table()


def _from_linear(light: NDArray[np.float32]) -> Pixels:
    light = np.clip(light, 0, 1)
    return _bytes(255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055))


def _bytes(values: NDArray[Any]) -> Pixels:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


CORRUPTIONS = (
    Corruption("jpeg", "JPEG quality", (80, 50, 25, 15, 7), jpeg),
    Corruption("blur", "Blur: standard deviation, % of the face's side", (1, 2, 3, 4, 6), blur),
    Corruption("noise", "Noise: standard deviation, share of white", (0.08, 0.12, 0.18, 0.26, 0.38), noise),
    Corruption("darkness", "Darkness: stops", (1, 2, 3, 4, 5), darkness),
    Corruption("grey", "Grey: share of colour lost", (0.5, 1), grey),
    Corruption("colour_cast", "Colour cast: stops of red over blue", (-2, -1, 1, 2), colour_cast),
    Corruption("rotation", "Rotation: degrees", (15, 30, 45, 90, 180), rotation),
    Corruption("face_size", "Face size: pixels", (96, 64, 48, 32, 24), face_size),
    Corruption(
        "tightness", "Tightness: the face's share of the side", (1, 0.8, 0.6, 0.4, 0.2, 0.1), tightness
    ),
    Corruption("shift", "Shifted crop: share of the side", (0.1, 0.2, 0.3, 0.4), shift),
    Corruption("occlusion", "Occlusion: share of the face", (0.1, 0.2, 0.3, 0.4, 0.5), occlusion),
)
CLEAN = "clean"
