"""Making features of random weights usable."""

import keras
import numpy as np

from agelens.faces.drawn import draw_face

_FACES = 4


def feature_gain(network: keras.Model, side: int) -> float:
    """The factor that brings a network's features to a standard deviation of one on a few drawn faces.

    The fresh batch normalisation of a deep network with random weights normalises nothing, and its features shrink
    layer by layer to about 1e-9, from which no head can learn. One factor for all features leaves everything else
    about them as it is. The faces are always the same.

    Args:
        network: from uint8 (faces, side, side, 3) to features.
    """
    rng = np.random.default_rng(0)
    ages = rng.integers(0, 100, _FACES)
    drawn = [draw_face(int(age), number % 2, rng, max(side, 32)) for number, age in enumerate(ages)]
    # Called and not predicted: tracing a deep network takes longer than running it once.
    features = keras.ops.convert_to_numpy(
        network(np.stack([np.asarray(face) for face in drawn]), training=False)
    )
    spread = float(np.std(features.astype(np.float64)))
    # Three digits, so that rounding elsewhere in the machine does not make another network of it.
    return float(f"{1 / spread:.3g}") if spread > 0 else 1.0
