"""Transfer learning: a head on the features of a frozen backbone, or a backbone that learns with it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from agelens.data.loaders import Batches, FaceBatches
from agelens.data.provenance import UNKNOWN_LICENCE
from agelens.errors import AgeLensError
from agelens.models.backbones import Backbone
from agelens.models.heads import build_head
from agelens.models.standardization import Moments, measure_moments, standardise
from agelens.training.feature_cache import extract
from agelens.training.features import Features
from agelens.training.recipes import Recipe, compile_network
from agelens.training.trainer import Training, fit
from agelens.utils.progress import Track


@dataclass(frozen=True)
class Settings:
    """What a network is made with, apart from the table.

    Attributes:
        weights: "imagenet", "random", or a file.
        image_size: pixels, or None for the backbone's own.
        precision: of frozen features, "auto", "bf16" or "f32".
        seed: of weights, order and dropout.
        cache: folder of features, or None for the default.
        source, licence: of the data, for the card.
        about: what is known of the data and bounds what figures on it say, for the card.
        command: that repeats the training, for the card.
        round: how often it was begun again on purpose; what another round left is not taken.
    """

    weights: str = "imagenet"
    image_size: int | None = None
    precision: str = "auto"
    seed: int = 42
    cache: Path | None = None
    source: str = ""
    licence: str = UNKNOWN_LICENCE
    about: str = ""
    command: str = ""
    round: int = 0


def train_head(
    backbone: Backbone,
    table: pd.DataFrame,
    recipe: Recipe,
    folder: Path,
    settings: Settings,
    identity: dict[str, Any],
    median_age: float,
    track: Track,
) -> tuple[keras.Model, Training]:
    """The backbone is frozen, so the head learns from its features, computed once."""
    table = to_learn_from(table)
    features = extract(backbone, table, settings.precision, cache=settings.cache, track=track)
    scale = standardise(moments_of(features, table), recipe.task) if recipe.standardize_features else None
    keras.utils.set_random_seed(settings.seed)
    head = build_head(recipe, features.shape, median_age, scale)
    train = feature_batches(features, table, "train", recipe.task, recipe.batch_size, settings.seed)
    compile_network(head, recipe, len(train))
    validation = feature_batches(features, table, "validation", recipe.task, recipe.batch_size)
    return fit(head, recipe, train, validation, folder, settings.seed, identity, track)


def to_learn_from(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of a table that a head learns from or is chosen by; features of the test split are never needed."""
    return table[table["split"] != "test"].reset_index(drop=True)


def moments_of(features: Features, table: pd.DataFrame) -> Moments:
    """The moments of the features of a table, measured on its training split."""
    training = features.subset((table["split"] == "train").to_numpy())
    return measure_moments(training.read, len(training))


def feature_batches(
    features: Features,
    table: pd.DataFrame,
    split: str,
    targets: str | tuple[str, ...],
    batch_size: int,
    shuffle_seed: int | None = None,
) -> Batches:
    """Batches of the features of one split and a label, or several by name."""
    mask = (table["split"] == split).to_numpy()
    columns = table.loc[mask]
    labels = (
        columns[targets].to_numpy(np.float32)
        if isinstance(targets, str)
        else {target: columns[target].to_numpy(np.float32) for target in targets}
    )
    # One worker: Keras waits a tenth of a second at the end of every epoch for more, and rows of features are
    # read faster than anything learns from them.
    return Batches(features.subset(mask).read, labels, batch_size, shuffle_seed, workers=1)


def train_all(
    backbone: Backbone,
    splits: dict[str, pd.DataFrame],
    recipe: Recipe,
    folder: Path,
    settings: Settings,
    identity: dict[str, Any],
    median_age: float,
    track: Track,
) -> tuple[keras.Model, Training]:
    """The backbone learns too, so every epoch goes through the images."""
    if backbone.model is None:
        raise AgeLensError(
            f"{backbone.spec.name} is an ONNX file, which cannot be trained; leave out --trainable."
        )
    head = build_head(recipe, backbone.feature_shape, median_age)
    network = join(backbone, head)
    train, validation = (
        FaceBatches(split, recipe.task, backbone.image_size, batch_size=recipe.batch_size, shuffle_seed=seed)
        for split, seed in ((splits["train"], settings.seed), (splits["validation"], None))
    )
    compile_network(network, recipe, len(train))
    return fit(network, recipe, train, validation, folder, settings.seed, identity, track)


def join(backbone: Backbone, head: keras.Model) -> keras.Model:
    """One network from RGB bytes, uint8 (faces, side, side, 3), to the head's output, (faces, 1)."""
    assert backbone.model is not None
    faces = keras.Input((backbone.image_size, backbone.image_size, 3), dtype="uint8", name="faces")
    return keras.Model(faces, head(backbone.model(faces)))
