"""YuNet (Wu et al. 2023, "YuNet: A Tiny Millisecond-level Face Detector") through the class that OpenCV has for it."""

from pathlib import Path

import cv2
import numpy as np

from agelens.detection.base import NOTHING, Found
from agelens.runtime.options import RuntimeOptions
from agelens.utils.images import Pixels
from agelens.utils.progress import say


class YuNet:
    """YuNet in OpenCV; calls side by side take networks of their own, since OpenCV's keep the size of their image."""

    least, confidence_threshold = 0.6, 0.75
    outputs = frozenset({"cls_8", "obj_16", "kps_32"})

    def __init__(self, file: Path, options: RuntimeOptions | None = None) -> None:
        self.file, self._options = file, options or RuntimeOptions()
        if self._options.threads is not None:
            # OpenCV has one number for the whole process; without it, each process would take all cores.
            cv2.setNumThreads(self._options.threads)
        if self._options.device not in ("auto", "cpu"):
            say("YuNet is computed by OpenCV on the processor, whatever --device names.")
        self._idle: list[cv2.FaceDetectorYN] = []

    def __reduce__(self) -> tuple[type["YuNet"], tuple[Path, RuntimeOptions]]:
        return YuNet, (self.file, self._options)

    def detect(self, image: Pixels) -> Found:
        size = (image.shape[1], image.shape[0])
        try:
            network = self._idle.pop()
        except IndexError:
            network = _create(str(self.file), size, self.least)
        network.setInputSize(size)
        _, rows = network.detect(np.ascontiguousarray(image[..., ::-1]))
        self._idle.append(network)
        if rows is None:
            return NOTHING
        corners = np.concatenate([rows[:, :2], rows[:, :2] + rows[:, 2:4]], 1)
        return Found(corners, np.clip(rows[:, 14], 0, 1), rows[:, 4:14].reshape(-1, 5, 2).astype(np.float32))


def _create(file: str, size: tuple[int, int], least: float) -> cv2.FaceDetectorYN:
    # OpenCV 5 warns of a choice that it makes itself.
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
    try:
        return cv2.FaceDetectorYN.create(file, "", size, least, top_k=5000)
    finally:
        cv2.utils.logging.setLogLevel(level)
