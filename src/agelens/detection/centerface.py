"""CenterFace (Xu et al. 2019, "CenterFace: Joint Face Detection and Alignment Using Face as Point")."""

from pathlib import Path

import numpy as np

from agelens.detection.base import Floats, Found, Runner
from agelens.runtime.options import RuntimeOptions
from agelens.utils.images import Pixels

_STRIDE = 4


class CenterFace:
    """A map of centres of faces, 4 pixels apart, with size, offset and landmarks at each; pixels from 0 to 255."""

    least, confidence_threshold = 0.4, 0.6
    outputs = frozenset({"537", "538", "539", "540"})

    def __init__(self, file: Path, options: RuntimeOptions | None = None) -> None:
        self.file = file
        self._run = Runner(file, options)

    def detect(self, image: Pixels) -> Found:
        with self._run(image) as maps:
            return self._read(maps)

    def _read(self, maps: dict[str, Floats]) -> Found:
        centres, sizes, offsets, points = (maps[name][0] for name in sorted(self.outputs))
        row, column = np.nonzero(centres[0] >= self.least)
        # Sizes are logarithms; height comes before width, and y before x, in every map.
        height, width = np.exp(sizes[:, row, column]) * _STRIDE
        y, x = (np.stack([row, column]) + offsets[:, row, column] + 0.5) * _STRIDE
        left, top = x - width / 2, y - height / 2
        landmarks = np.stack(
            [points[1::2, row, column] * width + left, points[0::2, row, column] * height + top], 2
        )
        boxes = np.stack([left, top, left + width, top + height], 1)
        return Found(boxes, centres[0, row, column], landmarks.transpose(1, 0, 2))
