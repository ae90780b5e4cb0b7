"""SCRFD (Guo et al. 2022, "Sample and Computation Redistribution for Efficient Face Detection")."""

from pathlib import Path

import numpy as np

from agelens.detection.base import Floats, Found, Runner, join
from agelens.runtime.options import RuntimeOptions
from agelens.utils.images import Pixels

_STRIDES = (8, 16, 32)
# Boxes that are predicted at each place.
_ANCHORS = 2


class Scrfd:
    """SCRFD with landmarks: at places 8, 16 and 32 pixels apart, scores and the distances of edges and landmarks."""

    least, confidence_threshold = 0.45, 0.6
    outputs = frozenset({"score_8", "bbox_16", "kps_32"})

    def __init__(self, file: Path, options: RuntimeOptions | None = None) -> None:
        self.file = file
        self._run = Runner(file, options, 127.5, 128.0)

    def detect(self, image: Pixels) -> Found:
        with self._run(image) as maps:
            return self._read(maps, image.shape[1])

    def _read(self, maps: dict[str, Floats], width: int) -> Found:
        parts = []
        for stride in _STRIDES:
            scores = maps[f"score_{stride}"].reshape(-1)
            chosen = np.flatnonzero(scores >= self.least)
            # Places run along rows, both anchors of a place one after the other.
            row, column = np.divmod(chosen // _ANCHORS, width // stride)
            places = np.stack([column, row], 1).astype(np.float32) * stride
            edges = maps[f"bbox_{stride}"].reshape(-1, 4)[chosen] * stride
            points = maps[f"kps_{stride}"].reshape(-1, 5, 2)[chosen] * stride
            boxes = np.concatenate([places - edges[:, :2], places + edges[:, 2:]], 1)
            parts.append(Found(boxes, scores[chosen], places[:, None] + points))
        return join(parts)
