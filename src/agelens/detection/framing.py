"""How faces are framed: whether images are face crops or whole photographs, and a face cut out as crops have it.

A network that learned from crops says little of whole photographs. UTKFace's faces at 0.9, 0.8, 0.7, 0.6, 0.5 and 0.35
of their usual size give the bundled network a MAE of 4.0, 4.2, 4.9, 6.8, 12.2 and 16.0 years for 3.9, without any
other sign. So a sample is looked at with the detector before images are taken for crops.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from agelens.detection.alignment import UTKFACE, Geometry
from agelens.detection.base import Detector, Found, join
from agelens.detection.boxes import non_maximum_suppression, within
from agelens.detection.close_up import look_close
from agelens.detection.detector import COARSE, LYING, ROTATIONS, find_faces
from agelens.errors import AgeLensError, ImageError
from agelens.utils.images import Pixels, read_rgb

# Count it up when the same images would be judged otherwise.
VERSION = 1
# How many images are looked at, shrunken to COARSE pixels: some two seconds' work on one core.
SAMPLE = 64
# A face of a size between these, in shares of what crops have, and with its middle no further from where crops have it
# (in shares of the side) is framed as a crop. None of 1,300 crops of UTKFace, 450 synthetic faces and 400 crops
# turned by 20 to 180 degrees lies outside, and one in some hundred of FairFace's, which are not aligned.
_SMALLEST, _LARGEST = 0.6, 1 / 0.6
_FARTHEST = 0.25
# Images are no crops where more than this share is framed otherwise, or where the median face is no size between these.
_UNLIKE = 0.2
_MEDIAN = (0.7, 1 / 0.7)
_MEDIAN_OF = 5
# Crops whose median landmark lies further from its place than this, in shares of the side, are cut out but not aligned:
# 0.032 in UTKFace's aligned crops, 0.054 in FairFace's, whose faces lean and turn.
_ALIGNED = 0.043
# Size of a UTKFace face's box, square root of its area in shares of the side, over the extent of its landmarks.
_BOX_TO_EXTENT = 1.63


@dataclass(frozen=True)
class Framing:
    """How the faces of a sample of images are framed.

    Attributes:
        images: how many were looked at.
        found: in how many a face was found for sure.
        unlike: how many of these faces have another size or place than in crops.
        size: median size of the faces, in shares of the size in crops; 0 where none was found.
        deviation: median distance of a face's landmarks from their places in crops, in shares of the side.
    """

    images: int
    found: int
    unlike: int
    size: float
    deviation: float = 0.0

    @property
    def is_aligned(self) -> bool:
        """Whether these images may be crops that are aligned too; true where too few faces were found to tell."""
        return self.as_crops and (self.found < _MEDIAN_OF or self.deviation <= _ALIGNED)

    @property
    def as_crops(self) -> bool:
        """Whether these images may be face crops; true where too few faces were found to tell."""
        if self.found and self.unlike == self.found:
            return False
        if self.unlike > max(1.0, _UNLIKE * self.found):
            return False
        return self.found < _MEDIAN_OF or _MEDIAN[0] <= self.size <= _MEDIAN[1]

    def describe(self) -> str:
        """One sentence of what was seen."""
        sample = "it" if self.images == 1 else f"a sample of {self.images}"
        faces = "1 face" if self.found == 1 else f"{self.found} faces"
        return (
            f"{sample} shows {faces}, {self.unlike} of which in another size or place than in crops, and the median "
            f"size is {self.size:.2f} of that in crops"
        )


def refuse_scenes(
    paths: Sequence[Path | str], detector: Detector, geometry: Geometry, way_out: str
) -> Framing:
    """Look at a sample of images that are meant to be face crops.

    Args:
        way_out: a sentence of what to do where they are none.

    Raises:
        AgeLensError: they are not framed as crops are.
    """
    framing = measure_framing(paths, detector, geometry)
    if not framing.as_crops:
        raise AgeLensError(f"These images are not framed as face crops: {framing.describe()}. {way_out}")
    return framing


def measure_framing(paths: Sequence[Path | str], detector: Detector, geometry: Geometry = UTKFACE) -> Framing:
    """How the faces of images are framed, from a sample that is the same for the same paths.

    Args:
        geometry: where the landmarks of faces lie in crops.

    Returns:
        the framing; images that cannot be read, and faces that the detector is unsure of, say nothing.
    """
    chosen = np.random.default_rng(0).permutation(len(paths))[:SAMPLE]
    with ThreadPoolExecutor(2) as workers:
        look = partial(_run_pass, detector=detector, geometry=geometry)
        seen = [one for one in workers.map(look, [Path(paths[place]) for place in chosen]) if one is not None]
    sizes, deviations = [size for size, *_ in seen], [deviation for *_, deviation in seen]
    unlike = sum(not _SMALLEST <= size <= _LARGEST or shift > _FARTHEST for size, shift, _ in seen)
    medians = (float(np.median(values)) if values else 0.0 for values in (sizes, deviations))
    return Framing(len(chosen), len(seen), unlike, *medians)


def _run_pass(path: Path, detector: Detector, geometry: Geometry) -> tuple[float, float, float] | None:
    """Size, shift and deviation of the largest face, in shares of the size in crops and of the side.

    None where the detector is sure of none.
    """
    try:
        image = read_rgb(path, min_side=COARSE)
    except ImageError:
        return None
    factor = COARSE / max(image.shape[:2])
    if factor < 1:
        size = (max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor)))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    found = _largest_sure(detector, image)
    if not len(found.scores):
        return None
    height, width = image.shape[:2]
    places = found.landmarks[0] / np.array([width, height]) - np.asarray(geometry.landmarks)
    deviation = float(np.sqrt(np.square(places).sum(1).mean()))
    return *compare_framing(found, width, height, geometry), deviation


def _largest_sure(detector: Detector, image: Pixels) -> Found:
    """The largest face that the detector is sure of: anywhere if it is upright, at any angle if it fills the image."""
    height, width = image.shape[:2]
    crop = within(look_close(detector, image, (*ROTATIONS, *LYING)), width, height)
    found = non_maximum_suppression(join([find_faces(detector, image, rotations=False), crop]))
    found = found.take(found.scores >= detector.confidence_threshold)
    return found.take(np.argsort(-(found.boxes[:, 2:] - found.boxes[:, :2]).prod(1), kind="stable")[:1])


def compare_framing(found: Found, width: int, height: int, geometry: Geometry) -> tuple[float, float]:
    """Size and shift of the first face of an image against those in crops.

    Returns:
        its size in shares of the size in crops, and the distance of its middle from there in shares of the side.
    """
    places = np.asarray(geometry.landmarks)
    middle, extent = _middle_and_extent(places)
    _, its_extent = _middle_and_extent(found.landmarks[0] / np.array([width, height]))
    corners = found.boxes[0].reshape(2, 2) / np.array([width, height])
    # A face that lies on its side may be found with landmarks that are wrong, but in a box that is right.
    size = max(its_extent, float(np.sqrt(np.prod(corners[1] - corners[0]))) / _BOX_TO_EXTENT) / extent
    return size, float(np.hypot(*(corners.mean(0) - middle)))


def _middle_and_extent(points: NDArray[np.floating]) -> tuple[NDArray[np.floating], float]:
    middle = points.mean(0)
    return middle, float(np.sqrt(np.square(points - middle).sum()))
