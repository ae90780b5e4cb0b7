"""From a fine-tuned network to the ONNX file of a bundle: whole, in float32, then in 8 bits, for faces of any size."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from agelens.data.loaders import read_faces_at
from agelens.export.ensemble import EnsembleMember, average_networks
from agelens.export.quantization import quantize
from agelens.models.bundle_heads import OUTPUTS
from agelens.models.onnx_files import export_onnx
from agelens.models.registry import FEATURES
from agelens.training.finetune import build_network
from agelens.training.finetune_recipe import FineTuning
from agelens.training.partial_freezing import PartlyFrozen, freeze_encoder
from agelens.utils.images import Pixels

CALIBRATION_FACES = 256


@dataclass(frozen=True)
class TrainedModel:
    """A fine-tuned network as it was trained, and what it was trained from.

    Attributes:
        network: from `agelens.training.finetune.finetune`.
        pretrained, preprocessing: the file of its encoder and the pixels that it expects.
        ensemble_weights: how much it counts for each task, relative to others that it is averaged with; 1 where it
            is not named.
    """

    network: keras.Model
    pretrained: Path
    preprocessing: str
    recipe: FineTuning
    ensemble_weights: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def whole(self) -> tuple[PartlyFrozen, keras.Model]:
        """Its parts in float32: what stood still, and what learned, with the weights that it has now."""
        plain = replace(self.recipe, precision="float32")
        parts = freeze_encoder(self.pretrained, self.preprocessing, plain)
        learned = build_network(parts.learning, plain)
        learned.set_weights(self.network.get_weights())
        return parts, learned

    @property
    def image_size(self) -> int:
        """Pixels of the square crop that it takes."""
        return self.whole[0].frozen.image_size

    @property
    def parameters(self) -> int:
        parts, learned = self.whole
        return parts.frozen.parameters + int(learned.count_params())


def ship(learned: Sequence[TrainedModel], table: pd.DataFrame, folder: Path) -> dict[str, Path]:
    """Write networks from uint8 (faces, height, width, 3) of any size to OUTPUTS, and name them.

    "float32" and "int8" are the average of all. Where there are several, each alone follows in 8 bits, by the name of
    its file, so that it can be told what averaging is worth.

    Args:
        learned: what is averaged.
        table: the training split, whose faces tell the ranges of the maps.
        folder: takes the files.
    """
    tasks = learned[0].recipe.tasks
    parts: dict[str, list[EnsembleMember]] = {"float32": [], "int8": []}
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        for number, one in enumerate(learned):
            exported, small = (Path(temporary) / f"{number}-{name}.onnx" for name in parts)
            joined = join_parts(*one.whole, one.recipe)
            export_onnx(joined, [*(OUTPUTS[task] for task in tasks), FEATURES], exported)
            quantize(exported, small, _calibration(table, one.image_size))
            ensemble_weights = {OUTPUTS[task]: share for task, share in one.ensemble_weights.items()}
            parts["float32"].append(EnsembleMember(exported, one.image_size, ensemble_weights))
            parts["int8"].append(EnsembleMember(small, one.image_size, ensemble_weights))
        written = {name: folder / f"{name}.onnx" for name in parts}
        for name, files in parts.items():
            average_networks(files, written[name], [OUTPUTS[task] for task in tasks])
        for one, part in zip(learned, parts["int8"], strict=True) if len(learned) > 1 else ():
            name = f"{one.pretrained.stem} alone"
            written[name] = folder / f"{name}.onnx"
            average_networks([part], written[name], [OUTPUTS[task] for task in tasks])
    return written


def join_parts(parts: PartlyFrozen, learned: keras.Model, recipe: FineTuning) -> keras.Model:
    """One network from RGB bytes, uint8 (faces, side, side, 3), to the outputs of its tasks and to its features."""
    assert parts.frozen.model is not None
    faces = keras.Input((parts.frozen.image_size, parts.frozen.image_size, 3), dtype="uint8", name="faces")
    maps = parts.frozen.model(faces)
    outputs = learned(maps)
    named = [
        keras.layers.Softmax(name="age_distribution")(outputs[task])
        if task == "age"
        else keras.layers.Identity(name="female_logit")(outputs[task])
        for task in recipe.tasks
    ]
    features = keras.layers.Identity(name=FEATURES)(learned.get_layer("learning_part")(maps))
    return keras.Model(faces, [*named, features])


def _calibration(table: pd.DataFrame, image_size: int) -> Iterator[Pixels]:
    """Faces of all ages alike, one at a time, so that the ranges hold for children and old people too."""
    order = np.argsort(table["age"].to_numpy(), kind="stable")
    chosen = order[np.linspace(0, len(order) - 1, min(CALIBRATION_FACES, len(order))).astype(int)]
    for path in table["path"].to_numpy()[chosen]:
        yield read_faces_at([path], image_size)
