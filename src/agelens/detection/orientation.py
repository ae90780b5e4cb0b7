"""Faces in an image that may lie on its side, which its EXIF cannot tell for sure."""

from collections.abc import Callable

import numpy as np

from agelens.detection.base import Found
from agelens.utils.decoding.orientation import turn_points_back, turn_upright
from agelens.utils.images import Pixels


def find_lying(find: Callable[[Pixels], Found], image: Pixels, orientation: int) -> Found:
    """Search an image as it is and turned as its EXIF says, and keep the search that is surer of a face.

    What Pillow makes of an image that was opened (`convert`, `resize`, `transpose`, `rotate`) has the EXIF of the file,
    whether it lies as the file does or was turned since.

    Args:
        find: searches uint8 (height, width, 3), RGB.
        orientation: EXIF's, 2 to 8.

    Returns:
        faces in pixels of the image as it is.
    """
    as_it_is, rotated = find(image), find(turn_upright(image, orientation))
    if rotated.scores.max(initial=0) <= as_it_is.scores.max(initial=0):
        return as_it_is
    height, width = image.shape[:2]
    corners = turn_points_back(rotated.boxes.reshape(-1, 2, 2), orientation, width, height)
    boxes = np.concatenate([corners.min(1), corners.max(1)], 1).astype(np.float32)
    landmarks = turn_points_back(rotated.landmarks, orientation, width, height)
    return Found(boxes, rotated.scores, landmarks.astype(np.float32))
