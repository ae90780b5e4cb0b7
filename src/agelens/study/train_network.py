"""Training a backbone with a head by a recipe, as a bundle."""

import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

from agelens.data.baselines import baselines
from agelens.data.labels import has_label
from agelens.data.splits import hold_out_calibration, learning_splits
from agelens.data.table import digest_table
from agelens.export.cards import network_card
from agelens.export.keras_model import has_keras_model, keras_file, write_keras_model
from agelens.export.onnx import write_network
from agelens.models.backbones import build_backbone, content_digest, fitting_image_size
from agelens.models.registry import BackboneSpec, training_images_of
from agelens.study.calibrated_bundle import finished_card, write_calibrated
from agelens.training.feature_cache import resolve_precision
from agelens.training.recipes import Recipe
from agelens.training.transfer import Settings, train_all, train_head
from agelens.utils.environment import made_with
from agelens.utils.files import digest_json
from agelens.utils.images import DECODER_VERSION
from agelens.utils.progress import Track, quiet


def train_network(
    table: pd.DataFrame,
    recipe: Recipe,
    spec: BackboneSpec,
    folder: Path,
    target: Path,
    settings: Settings,
    track: Track = quiet,
) -> dict[str, Any]:
    """Train by a recipe and write the bundle, calibrated, and the Keras model beside it; finished ones stay.

    Args:
        table: a face table that is split.
        folder: takes the states of the training, in a subfolder for each making.
        target: folder of the bundle.

    Returns:
        the bundle's card.
    """
    table = hold_out_calibration(table[has_label(table, recipe.task)].reset_index(drop=True))
    splits = learning_splits(table)
    identity = _identity(table, spec, recipe, settings)
    there = keras_file(target).is_file() or not has_keras_model(spec)
    if there and (finished := finished_card(target, identity)):
        return finished
    # Each making has states of its own: other settings neither continue nor destroy them.
    folder = folder / digest_json(identity)[:12]
    image_size = fitting_image_size(spec, settings.image_size)
    backbone = build_backbone(spec, settings.weights, image_size, settings.seed)
    median_age = baselines(table).get("median_age", 0.0)
    if recipe.trainable:
        network, training = train_all(backbone, splits, recipe, folder, settings, identity, median_age, track)
        head = network.layers[-1]
    else:
        head, training = train_head(backbone, table, recipe, folder, settings, identity, median_age, track)
        network = None
    card = network_card(backbone, recipe, settings, table, head, training, identity)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        onnx_file = Path(temporary) / "network.onnx"
        with track(f"{recipe.name}, writing the network", None):
            write_network(backbone, network, head, recipe, onnx_file)
            # Before the bundle, whose being there says that all is done.
            write_keras_model(backbone, network, head, keras_file(target))
        # What its backbone learned from, the network has learned from too.
        return write_calibrated(target, onnx_file, card, table, training_images_of(spec), track)


def _identity(table: pd.DataFrame, spec: BackboneSpec, recipe: Recipe, settings: Settings) -> dict[str, Any]:
    return {
        "table": digest_table(table),
        "recipe": {**recipe.settings(), "backbone": spec.name},
        "backbone": spec.name,
        "preprocessing": spec.preprocessing,
        "image_size": fitting_image_size(spec, settings.image_size),
        "contents": content_digest(spec, settings.weights),
        "decoder": DECODER_VERSION,
        "precision": "f32" if recipe.trainable else resolve_precision(settings.precision),
        "seed": settings.seed,
        "made_by": [made_with("keras", "openvino"), settings.round],
    }
