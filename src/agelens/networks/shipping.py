"""From a fine-tuned network to the ONNX file of a bundle: whole, in float32, then in 8 bits, for faces of any size."""

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from agelens.faces.batches import read_faces_at
from agelens.images import Pixels
from agelens.networks.cuts import Cut, cut_trunk
from agelens.networks.finetune import build_network
from agelens.networks.finetune_recipe import FineTuning
from agelens.networks.portable import export_onnx
from agelens.networks.quantize import quantize, take_any_size
from agelens.networks.specs import FEATURES

OUTPUTS = {"age": "age_distribution", "gender": "female_logit"}
CALIBRATION_FACES = 256


def ship(
    network: keras.Model,
    init: Path,
    scaling: str,
    recipe: FineTuning,
    table: pd.DataFrame,
    folder: Path,
) -> dict[str, Path]:
    """Write ``float32.onnx`` and ``int8.onnx``, from uint8 (faces, height, width, 3) of any size to OUTPUTS.

    Args:
        network: from `agelens.networks.finetune.finetune`, as it was trained.
        init, scaling: the trunk that it was trained on.
        table: the training part, whose faces tell the ranges of the maps.
        folder: takes the files.
    """
    plain = replace(recipe, precision="float32")
    cut = cut_trunk(init, scaling, plain)
    learned = build_network(cut.learning, plain)
    learned.set_weights(network.get_weights())
    whole = join_cut(cut, learned, plain)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        exported = Path(temporary) / "exported.onnx"
        export_onnx(whole, [*(OUTPUTS[task] for task in recipe.tasks), FEATURES], exported)
        small = Path(temporary) / "small.onnx"
        quantize(exported, small, _calibration(table, cut.frozen.side))
        written = {"float32": folder / "float32.onnx", "int8": folder / "int8.onnx"}
        take_any_size(exported, written["float32"], cut.frozen.side, hide=FEATURES)
        take_any_size(small, written["int8"], cut.frozen.side, hide=FEATURES)
    return written


def join_cut(cut: Cut, learned: keras.Model, recipe: FineTuning) -> keras.Model:
    """One network from RGB bytes, uint8 (faces, side, side, 3), to the outputs of its tasks and to its features."""
    assert cut.frozen.model is not None
    faces = keras.Input((cut.frozen.side, cut.frozen.side, 3), dtype="uint8", name="faces")
    maps = cut.frozen.model(faces)
    outputs = learned(maps)
    named = [
        keras.layers.Softmax(name="age_distribution")(outputs[task])
        if task == "age"
        else keras.layers.Identity(name="female_logit")(outputs[task])
        for task in recipe.tasks
    ]
    features = keras.layers.Identity(name=FEATURES)(learned.get_layer("learning_part")(maps))
    return keras.Model(faces, [*named, features])


def _calibration(table: pd.DataFrame, side: int) -> Iterator[Pixels]:
    """Faces of all ages alike, one at a time, so that the ranges hold for children and old people too."""
    order = np.argsort(table["age"].to_numpy(), kind="stable")
    chosen = order[np.linspace(0, len(order) - 1, min(CALIBRATION_FACES, len(order))).astype(int)]
    for path in table["path"].to_numpy()[chosen]:
        yield read_faces_at([path], side)
