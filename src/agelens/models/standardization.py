"""Frozen features on one scale, so that what a head learns does not depend on how large they happen to be.

Adam moves every weight by about the learning rate, whatever the size of its gradient: the larger the features, and the
more of them, the further one step moves the estimate. Features of one backbone have a root mean square of 5.6 (VGG16
with ImageNet weights) and those of another of 1e-9 (a deep network with random weights), so without a common scale a
comparison of backbones ranks the sizes of their features.
"""

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray

LAYER = "standardize"
# The length of a face's vector of features that suits steps of a thousandth, by task: an age head has to move by tens
# of years, a gender head by a few units of its logit, and with longer vectors than it needs it learns faces by heart.
# Chosen on validation splits by `benchmarks/head_scaling.py`, which tells how other lengths and other ways do.
LENGTHS = {"age": 40.0, "gender": 14.0}
# Faces that tell the means and deviations: more would change them by less than a hundredth.
_FACES = 4096
_CHUNK = 256

Read = Callable[[NDArray[np.int64]], NDArray[np.float32]]


@dataclass(frozen=True)
class Standardisation:
    """``features * scale + offset``, one number a channel, float64."""

    scale: NDArray[np.float64]
    offset: NDArray[np.float64]

    def layer(self) -> keras.layers.Layer:
        """The same as a layer without anything to learn, which goes into the bundle's graph with the head."""
        return keras.layers.Rescaling(self.scale.tolist(), offset=self.offset.tolist(), name=LAYER)


@dataclass(frozen=True)
class Moments:
    """Mean and standard deviation of each channel over faces and places, and how many inputs a face gives a head."""

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    inputs: int


def measure_moments(read: Read, rows: int) -> Moments:
    """The moments of some faces, spread evenly over all of them.

    Args:
        read: gives the features of the rows asked for, (faces, height, width, channels) or (faces, channels).
        rows: how many faces there are.
    """
    picked = np.linspace(0, rows - 1, min(rows, _FACES)).astype(np.int64)
    total, squares, count, inputs = 0.0, 0.0, 0, 0
    for start in range(0, len(picked), _CHUNK):
        values = read(picked[start : start + _CHUNK])
        inputs = int(np.prod(values.shape[1:]))
        channels = values.reshape(-1, values.shape[-1]).astype(np.float64)
        count += len(channels)
        total = total + channels.sum(axis=0)
        squares = squares + np.square(channels).sum(axis=0)
    mean = np.asarray(total) / count
    variance = np.asarray(squares) / count - np.square(mean)
    return Moments(mean, np.sqrt(np.maximum(variance, 0)), inputs)


def standardise(moments: Moments, task: str) -> Standardisation:
    """The standardization that fits the head of a task to features with these moments.

    Each channel loses its mean, and one factor for all of them brings the vectors of faces to about the length of
    `LENGTHS`, however many inputs these have. A factor for each channel would blow up channels that hardly ever answer.
    """
    spread = float(np.sqrt(np.square(moments.deviation).mean()))
    # Features that are all alike tell no face from another: they become zeros.
    factor = LENGTHS[task] / (spread * np.sqrt(moments.inputs)) if spread > 0 else 0.0
    scale = np.full(len(moments.mean), factor)
    return Standardisation(scale, -moments.mean * scale)
