"""Making random weights usable: batch normalisation that has measured something."""

import keras
import numpy as np

from agelens.faces.drawn import draw_face

_FACES = 8


def settle_batch_norms(network: keras.Model, side: int) -> None:
    """Set every batch normalisation to the mean and variance it meets on a few drawn faces.

    Fresh statistics (mean 0, variance 1) normalise nothing, and in a deep network with random weights the features
    then shrink layer by layer to about 1e-9, from which no head can learn. The faces are always the same.

    Args:
        network: from uint8 (faces, side, side, 3); its weights are changed in place.
    """
    norms = [layer for layer in _all_layers(network) if isinstance(layer, keras.layers.BatchNormalization)]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        # With momentum 0 one pass in training mode replaces the statistics by those of its batch.
        norm.momentum = 0.0
    network(_drawn_faces(side), training=True)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


def _drawn_faces(side: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    ages = rng.integers(0, 100, _FACES)
    drawn = [draw_face(int(age), number % 2, rng, max(side, 32)) for number, age in enumerate(ages)]
    return np.stack([np.asarray(face.resize((side, side))) for face in drawn])


def _all_layers(network: keras.Model) -> list[keras.layers.Layer]:
    found: list[keras.layers.Layer] = []
    for layer in network.layers:
        found += _all_layers(layer) if isinstance(layer, keras.Model) else [layer]
    return found
