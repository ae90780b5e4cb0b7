"""Read the faces that `gpu_prepare.py` packed.

Needs NumPy and OpenCV alone. `gpu_finetune.py` and `gpu_ensembles.py` use this; it is no program.
"""

from pathlib import Path

import cv2
import numpy as np


def read_blobs(folder: Path) -> list[np.ndarray]:
    """Return the WebP file of each face as bytes, uint8 (size,), in the order of the labels."""
    blobs = []
    for path in sorted(folder.glob("faces-*.npz"), key=lambda path: int(path.stem.split("-")[1])):
        shard = np.load(path)
        blobs += np.split(shard["data"], np.cumsum(shard["sizes"])[:-1])
    return blobs


def decode(blob: np.ndarray) -> np.ndarray:
    """Return a face as uint8 (side, side, 3), RGB."""
    return cv2.cvtColor(cv2.imdecode(blob, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
