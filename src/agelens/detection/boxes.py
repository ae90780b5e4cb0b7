"""Boxes of faces: brought back from a turned picture, kept within the photograph, and one for each face."""

import numpy as np
from numpy.typing import NDArray

from agelens.detection.base import Found

# Share of the smaller box from which on two boxes are of one face.
_OVERLAP = 0.4
# Share of a box that must lie within the photograph: of less, nothing could be estimated.
_WITHIN = 0.25


def rotated_back(found: Found, matrix: NDArray[np.float64]) -> Found:
    """Faces of a turned picture in the upright one: boxes of the same size around the same middle.

    Args:
        matrix: (2, 3), from pixels of the turned picture to those of the upright one; it turns, scales and shifts.
    """
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    middle = (found.boxes[:, :2] + found.boxes[:, 2:]) / 2
    half = (found.boxes[:, 2:] - found.boxes[:, :2]) / 2 * scale
    middle = middle @ matrix[:, :2].T + matrix[:, 2]
    boxes = np.concatenate([middle - half, middle + half], 1).astype(np.float32)
    landmarks = found.landmarks @ matrix[:, :2].T + matrix[:, 2]
    return Found(boxes, found.scores, landmarks.astype(np.float32))


def usable(found: Found) -> Found:
    """The faces whose boxes have an area and whose numbers are finite.

    Detectors give others now and then: boxes without width or height, or turned inside out, and sizes beyond what a
    number holds.
    """
    finite = np.isfinite(found.boxes).all(1) & np.isfinite(found.scores)
    finite &= np.isfinite(found.landmarks).all((1, 2))
    left, top, right, bottom = np.where(finite[:, None], found.boxes, 0).T
    return found.take(finite & (right > left) & (bottom > top))


def within(found: Found, width: int, height: int) -> Found:
    """The faces that lie in a photograph, with their boxes clipped to it; landmarks stay where they are.

    Boxes that lie outside, or of which little or less than a pixel lies inside, are left out.
    """
    found = usable(found)
    boxes = found.boxes.astype(np.float64)
    limits = np.array([width, height, width, height])
    clipped = np.clip(boxes, 0, limits)
    sides, inside = boxes[:, 2:] - boxes[:, :2], clipped[:, 2:] - clipped[:, :2]
    kept = (inside >= 1).all(1) & (inside.prod(1) >= _WITHIN * sides.prod(1))
    return Found(clipped.astype(np.float32), found.scores, found.landmarks).take(kept)


def non_maximum_suppression(found: Found) -> Found:
    """One box for each face: of boxes that share much of the smaller one's area, the one with the highest score.

    Boxes without area are left out.
    """
    found = usable(found)
    order = np.argsort(-found.scores, kind="stable")
    boxes = found.boxes[order]
    areas = _areas(boxes)
    kept: list[int] = []
    open_ = np.ones(len(order), bool)
    for place in range(len(order)):
        if not open_[place]:
            continue
        kept.append(place)
        shared = _shared(boxes[place : place + 1], boxes)[0]
        open_ &= shared < _OVERLAP * np.minimum(areas, areas[place])
    return found.take(order[kept])


def _areas(boxes: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.asarray((boxes[:, 2:] - boxes[:, :2]).astype(np.float64).prod(1))


def _shared(boxes: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float64]:
    """The area that each box shares with each of the others, (boxes, others)."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    return np.asarray(np.clip((high - low).astype(np.float64), 0, None).prod(2))
