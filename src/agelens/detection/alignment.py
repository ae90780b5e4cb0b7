"""Face alignment: from a face anywhere in a photograph to a crop like those that the networks learned from.

Where eyes, nose and mouth lie in the training crops is measured (`agelens.evaluation.calibration`) and stored in a
bundle. A face is brought there by the similarity (turn, scale and shift) that fits its landmarks best, each
weighted by how firmly it lies at its place in the training crops: eyes far more than the corners of a mouth that
speaks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from agelens.utils.images import Pixels

# Above this a crop is sampled more densely than it is kept, and averaged; a limit for faces of thousands of pixels.
_DENSEST = 8
# What a card may say: no crop shows a face that lies further out or is larger, and no spread is known so well.
_FARTHEST, _LEAST_SPREAD, _MOST_PIXELS = 5.0, 1e-6, 4096


@dataclass(frozen=True)
class Geometry:
    """Where the landmarks of a face lie in the training crops.

    Attributes:
        landmarks: x and y of the five `agelens.inference.results.LANDMARKS`, in shares of the side.
        spread: standard deviation of each, in shares of the side.
        image_size: pixels of the square training crops.
    """

    landmarks: tuple[tuple[float, float], ...]
    spread: tuple[float, ...]
    image_size: int

    def __post_init__(self) -> None:
        if np.shape(self.landmarks) != (5, 2) or np.shape(self.spread) != (5,):
            raise ValueError("A geometry has five landmarks (x, y) and the spread of each.")
        if not (
            (np.abs(self.landmarks) <= _FARTHEST).all()
            and all(_LEAST_SPREAD <= one <= _FARTHEST for one in self.spread)
            and 1 <= self.image_size <= _MOST_PIXELS
        ):
            raise ValueError(
                f"Landmarks and spreads of a geometry are shares of the side up to {_FARTHEST:g}, spreads greater than "
                f"0, and its side has 1 to {_MOST_PIXELS} pixels."
            )

    @classmethod
    def from_card(cls, entry: Mapping[str, Any]) -> "Geometry":
        """From what `to_card` gave. Raises ValueError, KeyError or TypeError where it is something else."""
        points = tuple((float(x), float(y)) for x, y in entry["landmarks"])
        return cls(points, tuple(float(one) for one in entry["spread"]), int(entry["image_size"]))

    def to_card(self) -> dict[str, Any]:
        return {
            "landmarks": [list(point) for point in self.landmarks],
            "spread": list(self.spread),
            "image_size": self.image_size,
        }


# Of UTKFace, for bundles that were made without one: medians and spreads over 1,500 training faces
# (`agelens.evaluation.calibration.measure_geometry`).
UTKFACE = Geometry(
    ((0.298, 0.288), (0.691, 0.291), (0.493, 0.516), (0.324, 0.686), (0.663, 0.689)),
    (0.013, 0.013, 0.025, 0.029, 0.027),
    200,
)


def similarity(landmarks: NDArray[np.floating], geometry: Geometry, image_size: int) -> NDArray[np.float64]:
    """The similarity that brings landmarks to their places, by weighted least squares (Umeyama 1991, in the plane).

    Args:
        landmarks: (5, 2), pixels of the photograph.
        image_size: pixels of the crop.

    Returns:
        (2, 3): crop = matrix @ (x, y, 1). It never mirrors. Landmarks that all lie in one point give scale 1.
    """
    weights = 1 / np.square(geometry.spread)
    weights /= weights.sum()
    source = np.asarray(landmarks, np.float64)
    target = np.asarray(geometry.landmarks) * image_size
    source_middle, target_middle = weights @ source, weights @ target
    # In the plane a turn with scale is one complex factor, and its least squares solution a weighted mean.
    here = (source - source_middle) @ np.array([1, 1j])
    there = (target - target_middle) @ np.array([1, 1j])
    extent = float(weights @ np.abs(here) ** 2)
    factor = complex(weights @ (np.conj(here) * there)) / extent if extent > 0 else 1 + 0j
    turn = np.array([[factor.real, -factor.imag], [factor.imag, factor.real]])
    return np.column_stack([turn, target_middle - turn @ source_middle])


def align_faces(
    image: Pixels, landmarks: NDArray[np.floating], geometry: Geometry, image_size: int | None = None
) -> Pixels:
    """The aligned faces of a photograph.

    Args:
        image: uint8 (height, width, 3), RGB.
        landmarks: (faces, 5, 2), pixels.
        image_size: of the crops, pixels; those of the training crops if not given.

    Returns:
        uint8 (faces, side, side, 3). What lies beyond the photograph repeats its edge.
    """
    image_size = image_size or geometry.image_size
    crops = np.empty((len(landmarks), image_size, image_size, 3), np.uint8)
    for number, points in enumerate(landmarks):
        matrix = similarity(points, geometry, image_size)
        scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
        # Shrinking by sampling alone would let fine texture turn into noise: sample densely, then average.
        dense = int(np.clip(np.ceil(1 / max(scale, 1e-6)), 1, _DENSEST))
        crop = cv2.warpAffine(
            image, _denser(matrix, dense), (image_size * dense, image_size * dense),
            flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip
        crops[number] = (
            crop if dense == 1 else cv2.resize(crop, (image_size, image_size), interpolation=cv2.INTER_AREA)
        )
    return crops


def _denser(matrix: NDArray[np.float64], dense: int) -> NDArray[np.float64]:
    """The same crop with ``dense`` times the pixels a side; centres of pixels lie at whole numbers."""
    denser = matrix * dense
    denser[:, 2] += (dense - 1) / 2
    return denser
