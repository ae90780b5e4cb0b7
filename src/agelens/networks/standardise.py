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

LAYER = "standardise"
# Faces that tell the means and deviations: more would change them by less than a hundredth.
_FACES = 4096
_CHUNK = 256
# A channel that hardly ever answers would be blown up to noise; it counts as at least this share of the usual spread.
_LEAST_SHARE = 0.05

Read = Callable[[NDArray[np.int64]], NDArray[np.float32]]


@dataclass(frozen=True)
class Standardisation:
    """``features * scale + offset``, one number a channel, float64."""

    scale: NDArray[np.float64]
    offset: NDArray[np.float64]

    def layer(self) -> keras.layers.Layer:
        """The same as a layer without anything to learn, which goes into the bundle's graph with the head."""
        return keras.layers.Rescaling(self.scale.tolist(), offset=self.offset.tolist(), name=LAYER)


def measure_standardisation(read: Read, rows: int) -> Standardisation:
    """The standardisation that fits some training faces, spread evenly over all of them.

    Args:
        read: gives the features of the rows asked for, (faces, height, width, channels) or (faces, channels).
        rows: how many training faces there are.

    Returns:
        what brings each channel to mean 0 and standard deviation 1 over faces and places, then divides by the root of
        the number of inputs of the head, so that every face is a vector of about length 1 however many these are.
    """
    picked = np.linspace(0, rows - 1, min(rows, _FACES)).astype(np.int64)
    total = squares = np.zeros(0)
    count = inputs = 0
    for start in range(0, len(picked), _CHUNK):
        values = read(picked[start : start + _CHUNK])
        inputs = int(np.prod(values.shape[1:]))
        channels = values.reshape(-1, values.shape[-1]).astype(np.float64)
        count += len(channels)
        total = channels.sum(axis=0) + (total if total.size else 0)
        squares = np.square(channels).sum(axis=0) + (squares if squares.size else 0)
    mean = total / count
    deviation = np.sqrt(np.maximum(squares / count - mean**2, 0))
    deviation = np.maximum(deviation, _LEAST_SHARE * np.sqrt(np.square(deviation).mean()))
    # Features that are all alike tell nothing apart: they become zeros.
    scale = np.where(deviation > 0, 1 / np.where(deviation > 0, deviation, 1), 0) / np.sqrt(inputs)
    return Standardisation(scale, -mean * scale)
