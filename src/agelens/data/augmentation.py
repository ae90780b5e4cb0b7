"""Chance changes of a face crop for training: geometry, light, sharpness and missing parts.

Each change depends on the numbers it is given and on nothing else, so what a network sees of a face in an epoch is
the same whether a training was interrupted or not, and features of changed faces can be kept on disk. Geometry is
one resampling, not one for each change: each further one would blur the face.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from agelens.utils.images import Pixels, resize_face

# Part of the key under which features of changed faces are kept; count it up when a change changes.
AUGMENT_VERSION = 1
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True)
class Augmentation:
    """How much is changed at most.

    Attributes:
        rotation: standard deviation in degrees.
        scale: faces become up to this share larger or smaller.
        shift: faces move up to this share of the side.
        light: brightness, contrast and saturation change by up to this share.
        grey, blur, coarse, erase: probability of turning grey, of blurring, of losing resolution, and of a rectangle
            that is filled with noise.
    """

    rotation: float = 5.0
    scale: float = 0.1
    shift: float = 0.05
    light: float = 0.3
    grey: float = 0.05
    blur: float = 0.1
    coarse: float = 0.1
    erase: float = 0.15


DEFAULT = Augmentation()


def augment(image: Pixels, image_size: int, seed: Sequence[int], limits: Augmentation = DEFAULT) -> Pixels:
    """Change a face crop by chance and bring it to ``(side, side, 3)``.

    Args:
        image: uint8 (height, width, 3), RGB.
        image_size: pixels of the result.
        seed: whole numbers that decide the changes.

    Returns:
        uint8 (side, side, 3), RGB; edges that the geometry lays bare repeat the outermost pixels.
    """
    chance = np.random.default_rng(list(seed))
    # A large picture is averaged down first: the warp reads four pixels for each that it writes.
    if min(image.shape[:2]) > 2 * image_size:
        image = resize_face(image, 2 * image_size)
    pixels = _moved(image, image_size, chance, limits).astype(np.float32)
    pixels = _lit(pixels, chance, limits)
    pixels = _softened(pixels, chance, limits)
    pixels = _erased(pixels, chance, limits)
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)


def _moved(image: Pixels, image_size: int, chance: np.random.Generator, limits: Augmentation) -> Pixels:
    """Flip (every other face), rotate, scale and shift about the middle, in one resampling."""
    height, width = image.shape[:2]
    angle = np.deg2rad(np.clip(chance.normal(0, limits.rotation), -3 * limits.rotation, 3 * limits.rotation))
    zoom = np.exp(chance.uniform(-1, 1) * np.log1p(limits.scale))
    shift = chance.uniform(-limits.shift, limits.shift, 2) * image_size
    mirror = -1.0 if chance.random() < 0.5 else 1.0
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * zoom
    matrix = rotation @ np.diag([mirror * image_size / width, image_size / height])
    # OpenCV counts from the middle of a pixel: the middle of an image of n pixels lies at (n - 1) / 2.
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    offset = np.array([(image_size - 1) / 2] * 2) + shift - matrix @ middle
    warp = np.column_stack([matrix, offset])
    moved = cv2.warpAffine(
        image, warp, (image_size, image_size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(moved, np.uint8)


def _lit(
    pixels: NDArray[np.float32], chance: np.random.Generator, limits: Augmentation
) -> NDArray[np.float32]:
    brightness, contrast, saturation = 1 + chance.uniform(-limits.light, limits.light, 3).astype(np.float32)
    mean = pixels.mean(dtype=np.float32)
    pixels = (pixels - mean) * contrast + mean * brightness
    luma = (pixels @ _LUMA)[..., None]
    if chance.random() < limits.grey:
        saturation = np.float32(0)
    return luma + (pixels - luma) * saturation


def _softened(
    pixels: NDArray[np.float32], chance: np.random.Generator, limits: Augmentation
) -> NDArray[np.float32]:
    image_size = pixels.shape[0]
    if chance.random() < limits.blur:
        sigma = chance.uniform(0.3, 1.5) * image_size / 160
        pixels = cv2.GaussianBlur(pixels, (0, 0), sigma)  # type: ignore[assignment]
    if chance.random() < limits.coarse:
        small = max(16, round(image_size * chance.uniform(0.25, 0.7)))
        pixels = cv2.resize(pixels, (small, small), interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
        pixels = cv2.resize(pixels, (image_size, image_size), interpolation=cv2.INTER_LINEAR)  # type: ignore[assignment]
    return pixels


def _erased(
    pixels: NDArray[np.float32], chance: np.random.Generator, limits: Augmentation
) -> NDArray[np.float32]:
    """Random erasing (Zhong et al. 2020): 2 to 15 % of the face are covered by noise."""
    if chance.random() >= limits.erase:
        return pixels
    image_size = pixels.shape[0]
    area, aspect = chance.uniform(0.02, 0.15) * image_size**2, np.exp(chance.uniform(-1, 1))
    height, width = (int(min(image_size, max(1, np.sqrt(part)))) for part in (area * aspect, area / aspect))
    top, left = chance.integers(0, image_size - height + 1), chance.integers(0, image_size - width + 1)
    pixels[top : top + height, left : left + width] = chance.uniform(0, 255, (height, width, 3))
    return pixels
