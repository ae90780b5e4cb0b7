"""Faces that fill the picture: a detection pass of its own on a very small copy with a border.

Detectors lose faces that reach from edge to edge, or are higher than some 500 pixels: they have learned faces with
something around them. A copy of LONGEST pixels shows them as what they know. It is so small that several turned
copies, side by side in one picture, cost a thirtieth of the search for ordinary faces.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from agelens.detection.base import NOTHING, Detector, Found, join
from agelens.detection.boxes import rotated_back, usable
from agelens.utils.images import Pixels

# Pixels of the longer side of the copy, and of the square around it, in which it can be turned.
LONGEST = 112
TILE = 160
# A grey border: of black, grey, the picture's mean and its own edge repeated, with this most faces are found.
_BORDER = (127, 127, 127)
# Share of the picture's longer side from which on a face is taken from here; smaller ones are found elsewhere, better.
LEAST_SHARE = 0.4


def look_close(detector: Detector, image: Pixels, turns: tuple[float, ...] = (0.0,)) -> Found:
    """The faces that fill much of a picture, in pixels of the picture.

    Args:
        image: uint8 (height, width, 3), RGB.
        turns: degrees by which the copies are turned, one copy each.

    Returns:
        boxes of one face may lie over one another, one from each copy.
    """
    longest = max(image.shape[:2])
    factor = LONGEST / longest
    width, height = (max(1, round(length * factor)) for length in image.shape[1::-1])
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    small = cv2.resize(image, (width, height), interpolation=how)
    sheet = np.empty((TILE, TILE * len(turns), 3), np.uint8)
    ways_back = []
    for number, turn in enumerate(turns):
        matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), turn, 1)
        matrix[:, 2] += [(TILE - width) / 2, (TILE - height) / 2]
        sheet[:, number * TILE : (number + 1) * TILE] = cv2.warpAffine(
            small, matrix, (TILE, TILE), flags=cv2.INTER_LINEAR, borderValue=_BORDER
        )
        # From the sheet: shifted by the copies to the left of this one.
        matrix[0, 2] += number * TILE
        ways_back.append(np.asarray(cv2.invertAffineTransform(matrix), np.float64) * (longest / LONGEST))
    return _from_copies(usable(detector.detect(sheet)), ways_back, LEAST_SHARE * longest)


def _from_copies(found: Found, ways_back: list[NDArray[np.float64]], least: float) -> Found:
    """The large faces of a sheet of copies, each brought back from the copy that its middle lies in."""
    if not len(found.scores):
        return NOTHING
    copies = np.clip((found.boxes[:, 0] + found.boxes[:, 2]) / 2 // TILE, 0, len(ways_back) - 1)
    parts = [rotated_back(found.take(copies == number), back) for number, back in enumerate(ways_back)]
    together = join(parts)
    longer = (together.boxes[:, 2:] - together.boxes[:, :2]).max(1)
    return together.take(longer >= least)
