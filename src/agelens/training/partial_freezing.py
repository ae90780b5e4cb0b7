"""A face network in two: layers that stay as they are, with framing and scaling before them, and those that learn."""

from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from agelens.errors import AgeLensError
from agelens.models.backbones import Backbone
from agelens.models.importers import Trunk, read_trunk
from agelens.models.layers import dtype_policy
from agelens.models.preprocessing import SCALINGS, scale_layers
from agelens.models.registry import BackboneSpec
from agelens.training.finetune_recipe import FineTuning
from agelens.utils.files import digest_json


@dataclass(frozen=True)
class Cut:
    """A trunk in two: what stays as it is, and what learns.

    Attributes:
        frozen: RGB bytes of a crop to the map at the cut; without layers of the trunk where all of them learn.
        learning: that map to the averages that the head takes, (faces, features).
    """

    frozen: Backbone
    learning: keras.Model


def cut_trunk(path: Path, scaling: str, recipe: FineTuning) -> Cut:
    """Read a trunk and cut it where the recipe says, with its framing and scaling before it.

    Raises:
        AgeLensError: the file cannot be read.
    """
    trunk = read_trunk(path, recipe.side)
    if not 0 <= recipe.stages <= len(trunk.first) or not trunk.first:
        raise AgeLensError(f"{path} has {len(trunk.first)} resolutions that can learn, not {recipe.stages}.")
    inner = round(trunk.side * recipe.inner)
    stages = recipe.stages or len(trunk.first)
    at = trunk.first[-stages] if recipe.stages else trunk.model.input
    crops = keras.Input((inner, inner, 3), dtype="uint8", name="faces")
    pixels = scale_layers(SCALINGS[scaling], frame(crops, trunk.side, recipe.down))
    lower = keras.Model(trunk.model.input, at)(pixels) if recipe.stages else pixels
    model = keras.Model(crops, lower, name="frozen_part")
    key = [trunk.digest, scaling, trunk.side, recipe.inner, recipe.down, stages, list(lower.shape[1:])]
    spec = BackboneSpec(
        Path(trunk.name).stem, None, inner, inner, scaling, lower.shape[-1], "as its file says"
    )
    frozen = Backbone(
        spec, inner, trunk.name, digest_json(key), int(model.count_params()), tuple(lower.shape[1:]), model
    )
    with dtype_policy(recipe.precision):
        learning = _pooled(read_trunk(path, recipe.side), recipe)
    return Cut(frozen, learning)


def frame(crops: keras.KerasTensor, side: int, down: float) -> keras.KerasTensor:
    """Put crops into a larger square whose edges repeat theirs, (faces, side, side, 3).

    Args:
        down: share of the side by which they lie below the middle.
    """
    inner = crops.shape[1]
    if inner == side and not down:
        return crops
    margin = (side - inner) / 2
    for axis, start in ((1, margin + down * side), (2, margin)):
        rows = np.clip(np.arange(side) - round(start), 0, inner - 1).astype(np.int32)
        crops = keras.ops.take(crops, rows, axis=axis)
    return crops


def _pooled(trunk: Trunk, recipe: FineTuning) -> keras.Model:
    at = trunk.first[-recipe.stages] if recipe.stages else trunk.model.input
    averages = []
    # Below the cut there is nothing to average.
    pooled = min(recipe.pooled, recipe.stages or recipe.pooled)
    for number, tensor in enumerate(trunk.last[-pooled:]):
        average = keras.layers.GlobalAveragePooling2D()(tensor)
        # Its statistics are set by `agelens.training.finetune`, and stay.
        scaler = (
            keras.layers.BatchNormalization(
                center=False, scale=False, epsilon=1e-6, dtype="float32", name=f"pooled_{number}"
            )
            if recipe.standardise
            else keras.layers.LayerNormalization(dtype="float32", name=f"pooled_{number}")
        )
        averages.append(scaler(average))
    joined = averages[0] if len(averages) == 1 else keras.layers.Concatenate(dtype="float32")(averages)
    return keras.Model(at, joined, name="learning_part")
