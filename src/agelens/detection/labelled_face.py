"""The face of a photograph that a label is of: the one in a box, at some landmarks, or the largest."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agelens.detection.alignment import Geometry, align_faces
from agelens.detection.base import Detector, Found
from agelens.detection.boxes import within
from agelens.detection.detector import find_faces
from agelens.utils.images import Pixels

# A face that is found counts as the one in the box from this share of common area (intersection over union) on.
# Boxes of data sets are drawn wider or tighter than the detector's, but boxes of two faces hardly meet.
LEAST_OVERLAP = 0.2
# Where no such face is found, the box with this much around it, in shares of its sides, is searched by itself.
_AROUND = 0.6
# Landmarks that all lie within so many pixels are no face: shares of the sides, or one point five times.
_LEAST_EXTENT = 2


def align_labelled_face(
    image: Pixels,
    detector: Detector,
    geometry: Geometry,
    box: Sequence[float] | None = None,
    landmarks: Sequence[float] | None = None,
    image_size: int | None = None,
) -> Pixels | str:
    """Return the labelled face of a photograph, cut out and aligned as crops are, or why there is none.

    Args:
        image: uint8 (height, width, 3), RGB.
        geometry: where landmarks lie in crops.
        box: left, top, right and bottom of the face, in pixels; None takes the largest face.
        landmarks: ten numbers, x and y of the five landmarks in pixels; with them nothing is searched.
        image_size: pixels of the crop; that of the geometry if not given.

    Returns:
        uint8 (side, side, 3), or a reason in words.
    """
    if landmarks is not None:
        points: NDArray[np.float64] = np.asarray(landmarks, np.float64).reshape(1, 5, 2)
        if reason := _no_face_at(points[0], image):
            return reason
    elif box is not None:
        found = _find_in_box(image, detector, np.asarray(box, np.float64))
        if found is None:
            return "no face is found in its box"
        points = found.landmarks.astype(np.float64)
    else:
        faces = find_faces(detector, image)
        if not len(faces.scores):
            return "no face is found"
        points = faces.landmarks[:1].astype(np.float64)
    return np.asarray(align_faces(image, points, geometry, image_size)[0])


def _no_face_at(points: NDArray[np.float64], image: Pixels) -> str:
    """Why no face can be where landmarks say, or ""; a face at the edge may have some of them beyond it."""
    if np.ptp(points, axis=0).max() < _LEAST_EXTENT:
        return "its landmarks lie in one point; they are given in pixels"
    height, width = image.shape[:2]
    x, y = points.mean(axis=0)
    return "" if 0 <= x <= width and 0 <= y <= height else "its landmarks lie outside the photograph"


def _find_in_box(image: Pixels, detector: Detector, box: NDArray[np.float64]) -> Found | None:
    """The face that a box is of; None where there is none."""
    found = _best(find_faces(detector, image), box)
    if found is not None:
        return found
    height, width = image.shape[:2]
    room = _AROUND * (box[2:] - box[:2])
    left, top = np.maximum(0, np.floor(box[:2] - room)).astype(int)
    right, bottom = np.minimum([width, height], np.ceil(box[2:] + room)).astype(int)
    if right - left < 2 or bottom - top < 2:
        return None
    corner = np.array([left, top])
    near = find_faces(detector, np.ascontiguousarray(image[top:bottom, left:right]))
    moved = near._replace(boxes=near.boxes + np.tile(corner, 2), landmarks=near.landmarks + corner)
    return _best(within(moved, width, height), box)


def _best(found: Found, box: NDArray[np.float64]) -> Found | None:
    """The face whose box has most in common with a box, if that is enough."""
    if not len(found.scores):
        return None
    common = np.minimum(found.boxes[:, 2:], box[2:]) - np.maximum(found.boxes[:, :2], box[:2])
    shared = np.clip(common, 0, None).prod(1)
    areas = (found.boxes[:, 2:] - found.boxes[:, :2]).prod(1) + np.prod(box[2:] - box[:2])
    overlap = shared / np.maximum(areas - shared, 1e-9)
    best = int(np.argmax(overlap))
    return found.take(np.array([best])) if overlap[best] >= LEAST_OVERLAP else None
