"""A face network in two: padding, preprocessing and layers that stay as they are, and the layers that learn."""

from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from agelens.errors import AgeLensError
from agelens.models.backbones import Backbone
from agelens.models.importers import Encoder, read_encoder
from agelens.models.layers import dtype_policy
from agelens.models.preprocessing import PREPROCESSINGS, preprocessing_layers
from agelens.models.registry import BackboneSpec
from agelens.training.finetune_recipe import FineTuning
from agelens.utils.files import digest_json


@dataclass(frozen=True)
class PartlyFrozen:
    """An encoder in two: what stays as it is, and what learns.

    Attributes:
        frozen: RGB bytes of a crop to the map at the freeze point; without layers of the encoder where all of them
            learn.
        learning: that map to the averages that the head takes, (faces, features).
    """

    frozen: Backbone
    learning: keras.Model


def freeze_encoder(path: Path, preprocessing: str, recipe: FineTuning) -> PartlyFrozen:
    """Read an encoder and cut it where the recipe says, with its padding and preprocessing before it.

    Raises:
        AgeLensError: the file cannot be read.
    """
    encoder = read_encoder(path, recipe.image_size)
    if not 0 <= recipe.unfreeze_stages <= len(encoder.first) or not encoder.first:
        raise AgeLensError(
            f"{path} has {len(encoder.first)} resolutions that can learn, not {recipe.unfreeze_stages}."
        )
    inner = round(encoder.image_size * recipe.crop_scale)
    unfreeze_stages = recipe.unfreeze_stages or len(encoder.first)
    at = encoder.first[-unfreeze_stages] if recipe.unfreeze_stages else encoder.model.input
    crops = keras.Input((inner, inner, 3), dtype="uint8", name="faces")
    pixels = preprocessing_layers(
        PREPROCESSINGS[preprocessing], pad_crops(crops, encoder.image_size, recipe.crop_shift_y)
    )
    lower = keras.Model(encoder.model.input, at)(pixels) if recipe.unfreeze_stages else pixels
    model = keras.Model(crops, lower, name="frozen_part")
    key = [
        encoder.digest,
        preprocessing,
        encoder.image_size,
        recipe.crop_scale,
        recipe.crop_shift_y,
        unfreeze_stages,
        list(lower.shape[1:]),
    ]
    spec = BackboneSpec(
        Path(encoder.name).stem, None, inner, inner, preprocessing, lower.shape[-1], "as its file says"
    )
    frozen = Backbone(
        spec, inner, encoder.name, digest_json(key), int(model.count_params()), tuple(lower.shape[1:]), model
    )
    with dtype_policy(recipe.precision):
        learning = _pooled(read_encoder(path, recipe.image_size), recipe)
    return PartlyFrozen(frozen, learning)


def pad_crops(crops: keras.KerasTensor, image_size: int, crop_shift_y: float) -> keras.KerasTensor:
    """Put crops into a larger square whose edges repeat theirs, (faces, side, side, 3).

    Args:
        crop_shift_y: share of the side by which they lie below the middle.
    """
    inner = crops.shape[1]
    if inner == image_size and not crop_shift_y:
        return crops
    margin = (image_size - inner) / 2
    for axis, start in ((1, margin + crop_shift_y * image_size), (2, margin)):
        rows = np.clip(np.arange(image_size) - round(start), 0, inner - 1).astype(np.int32)
        crops = keras.ops.take(crops, rows, axis=axis)
    return crops


def _pooled(encoder: Encoder, recipe: FineTuning) -> keras.Model:
    at = encoder.first[-recipe.unfreeze_stages] if recipe.unfreeze_stages else encoder.model.input
    averages = []
    # Below the freeze point there is nothing to average.
    pooled = min(recipe.pooled, recipe.unfreeze_stages or recipe.pooled)
    for number, tensor in enumerate(encoder.last[-pooled:]):
        average = keras.layers.GlobalAveragePooling2D()(tensor)
        # Its statistics are set by `agelens.training.finetune`, and stay.
        scaler = (
            keras.layers.BatchNormalization(
                center=False, scale=False, epsilon=1e-6, dtype="float32", name=f"pooled_{number}"
            )
            if recipe.standardize_features
            else keras.layers.LayerNormalization(dtype="float32", name=f"pooled_{number}")
        )
        averages.append(scaler(average))
    joined = averages[0] if len(averages) == 1 else keras.layers.Concatenate(dtype="float32")(averages)
    return keras.Model(at, joined, name="learning_part")
