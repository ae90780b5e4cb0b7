"""A whole network: a backbone with a head, trained by a recipe and shipped as a bundle."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from agelens.bundles.bundle import CARD, open_bundle, write_bundle
from agelens.data.loaders import Batches, face_batches
from agelens.data.table import digest_table
from agelens.errors import AgeLensError
from agelens.models.backbones import Backbone, build_backbone, content_digest, fitting_side
from agelens.models.onnx_backbone import append_onnx, export_onnx
from agelens.models.registry import BackboneSpec, seen_by
from agelens.models.standardization import Standardisation, measure_standardisation
from agelens.training.feature_cache import Features, extract, resolve_precision
from agelens.training.recipes import Recipe, build_head, compile_network, describe_layers
from agelens.training.trainer import Training, fit
from agelens.utils.environment import machine, made_with, versions
from agelens.utils.files import digest_json, read_json
from agelens.utils.images import DECODER_VERSION
from agelens.utils.progress import Track, quiet

OUTPUTS = {"age": "age_years", "gender": "p_female"}
INTENDED_USE = (
    "For research on age and gender estimation and its errors by group. An estimate is not a measurement: it must not "
    "decide about a person. Gender is the binary label of the dataset, not a person's identity. Race is a column for "
    "auditing only; no network predicts it."
)


@dataclass(frozen=True)
class Settings:
    """What a network is made with, apart from the table.

    Attributes:
        weights: "imagenet", "random", or a file.
        side: pixels, or None for the backbone's own.
        precision: of frozen features, "auto", "bf16" or "f32".
        seed: of weights, order and dropout.
        cache: folder of features, or None for the default.
        source, licence: of the data, for the card.
        about: what is known of the data and bounds what figures on it say, for the card.
        command: that repeats the training, for the card.
        round: how often it was begun again on purpose; what another round left is not taken.
    """

    weights: str = "imagenet"
    side: int | None = None
    precision: str = "auto"
    seed: int = 42
    cache: Path | None = None
    source: str = ""
    licence: str = "as the source of the images says"
    about: str = ""
    command: str = ""
    round: int = 0


def train_network(
    table: pd.DataFrame,
    recipe: Recipe,
    spec: BackboneSpec,
    folder: Path,
    target: Path,
    settings: Settings,
    track: Track = quiet,
) -> dict[str, Any]:
    """Train by a recipe and write the bundle; a finished bundle of the same making is left as it is.

    Args:
        table: a face table with parts.
        folder: takes the states of the training, in a subfolder for each making.
        target: folder of the bundle.

    Returns:
        the bundle's card.
    """
    parts = learning_parts(table)
    identity = _identity(table, spec, recipe, settings)
    if (finished := intact_card(target)) and finished["identity"] == digest_json(identity):
        return finished
    # Each making has states of its own: other settings neither continue nor destroy them.
    folder = folder / digest_json(identity)[:12]
    side = fitting_side(spec, settings.side)
    backbone = build_backbone(spec, settings.weights, side, settings.seed)
    median_age = baselines(table)["median_age"]
    if recipe.trainable:
        network, training = _train_all(backbone, parts, recipe, folder, settings, identity, median_age, track)
        head = network.layers[-1]
    else:
        head, training = _train_head(backbone, table, recipe, folder, settings, identity, median_age, track)
        network = None
    card = _card(backbone, recipe, settings, table, head, training, identity)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        onnx_file = Path(temporary) / "network.onnx"
        with track(f"{recipe.name}, writing the network", None):
            _write_onnx(backbone, network, head, recipe, onnx_file)
        seen = {digest: name for name in ("validation", "train") for digest in parts[name]["digest"]}
        # What its backbone learned from, the network has learned from too.
        write_bundle(target, onnx_file, card, {**seen_by(spec), **seen})
    return dict(read_json(target / CARD))


def learning_parts(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The rows that a network learns from and those that choose among its epochs: "train" and "validation".

    Raises:
        AgeLensError: there are none of one of them.
    """
    parts = {name: table[table["part"] == name].reset_index(drop=True) for name in ("train", "validation")}
    if any(part.empty for part in parts.values()):
        raise AgeLensError("The table has no training or no validation part; split it first.")
    return parts


def intact_card(target: Path) -> dict[str, Any] | None:
    """The card of a bundle, or None where there is none or it is damaged."""
    try:
        return open_bundle(target).card
    except AgeLensError:
        return None


def _identity(table: pd.DataFrame, spec: BackboneSpec, recipe: Recipe, settings: Settings) -> dict[str, Any]:
    return {
        "table": digest_table(table),
        "recipe": {**recipe.settings(), "backbone": spec.name},
        "backbone": spec.name,
        "scaling": spec.scaling,
        "side": fitting_side(spec, settings.side),
        "contents": content_digest(spec, settings.weights),
        "decoder": DECODER_VERSION,
        "precision": "f32" if recipe.trainable else resolve_precision(settings.precision),
        "seed": settings.seed,
        "made_by": [made_with("keras", "openvino"), settings.round],
    }


def _train_head(
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
    scale = standardisation_of(features, table) if recipe.standardise else None
    keras.utils.set_random_seed(settings.seed)
    head = build_head(recipe, features.shape, median_age, scale)
    train = feature_batches(features, table, "train", recipe.task, recipe.batch_size, settings.seed)
    compile_network(head, recipe, len(train))
    validation = feature_batches(features, table, "validation", recipe.task, recipe.batch_size)
    return fit(head, recipe, train, validation, folder, settings.seed, identity, track)


def to_learn_from(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of a table that a head learns from or is chosen by; features of the test part are never needed."""
    return table[table["part"] != "test"].reset_index(drop=True)


def standardisation_of(features: Features, table: pd.DataFrame) -> Standardisation:
    """What brings the features of a table to one scale, measured on its training part."""
    training = features.of((table["part"] == "train").to_numpy())
    return measure_standardisation(training.read, len(training))


def feature_batches(
    features: Features,
    table: pd.DataFrame,
    part: str,
    targets: str | tuple[str, ...],
    batch_size: int,
    shuffle_seed: int | None = None,
) -> Batches:
    """Batches of the features of one part and a label, or several by name."""
    mask = (table["part"] == part).to_numpy()
    columns = table.loc[mask]
    labels = (
        columns[targets].to_numpy(np.float32)
        if isinstance(targets, str)
        else {target: columns[target].to_numpy(np.float32) for target in targets}
    )
    # One worker: Keras waits a tenth of a second at the end of every epoch for more, and rows of features are
    # read faster than anything learns from them.
    return Batches(features.of(mask).read, labels, batch_size, shuffle_seed, workers=1)


def _train_all(
    backbone: Backbone,
    parts: dict[str, pd.DataFrame],
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
        face_batches(part, recipe.task, backbone.side, batch_size=recipe.batch_size, shuffle_seed=seed)
        for part, seed in ((parts["train"], settings.seed), (parts["validation"], None))
    )
    compile_network(network, recipe, len(train))
    return fit(network, recipe, train, validation, folder, settings.seed, identity, track)


def join(backbone: Backbone, head: keras.Model) -> keras.Model:
    """One network from RGB bytes, uint8 (faces, side, side, 3), to the head's output, (faces, 1)."""
    assert backbone.model is not None
    faces = keras.Input((backbone.side, backbone.side, 3), dtype="uint8", name="faces")
    return keras.Model(faces, head(backbone.model(faces)))


def _write_onnx(
    backbone: Backbone, network: keras.Model | None, head: keras.Model, recipe: Recipe, target: Path
) -> None:
    output = OUTPUTS[recipe.task]
    if backbone.model is not None:
        export_onnx(network or join(backbone, head), output, target)
        return
    head_file = target.with_name("head.onnx")
    export_onnx(head, output, head_file)
    append_onnx(backbone.spec, backbone.side, head_file, target)


def _card(
    backbone: Backbone,
    recipe: Recipe,
    settings: Settings,
    table: pd.DataFrame,
    head: keras.Model,
    training: Training,
    identity: dict[str, Any],
) -> dict[str, Any]:
    return {
        "task": recipe.task,
        "identity": digest_json(identity),
        "network": {
            "backbone": backbone.spec.name,
            "weights": backbone.weights,
            "weights_licence": backbone.spec.licence if backbone.weights == "imagenet" else "",
            "weights_sha256": backbone.digest,
            "side": backbone.side,
            "scaling": backbone.spec.scaling,
            "head": describe_layers(head),
            "parameters": backbone.parameters + int(head.count_params()),
            "frozen": not recipe.trainable,
            "input": "uint8 (faces, side, side, 3), RGB, 0 to 255",
            "output": OUTPUTS[recipe.task],
        },
        "data": {
            "source": settings.source,
            "licence": settings.licence,
            "about": settings.about,
            "images": {name: int((table["part"] == name).sum()) for name in ("train", "validation")},
            "split_digest": identity["table"],
            "baseline": baselines(table),
            "labels": {"gender": {"0": "male", "1": "female"}, "age": "years, 0 to 116"},
        },
        "training": {
            "recipe": recipe.name,
            "settings": {**recipe.settings(), "backbone": backbone.spec.name},
            "seed": settings.seed,
            "precision": identity["precision"],
            "epochs_run": training.epochs_run,
            "best_epoch": training.best_epoch,
            "monitor": recipe.monitor,
            "history": training.history,
            "seconds": round(training.seconds, 2),
            "versions": {**versions(), "keras_backend": keras.backend.backend()},
            "machine": machine(),
        },
        "intended_use": INTENDED_USE,
    }


def baselines(table: pd.DataFrame) -> dict[str, float]:
    """What predicts without looking: the median age in years and the more frequent gender of the training part."""
    train = table[table["part"] == "train"]
    return {"median_age": float(train["age"].median()), "majority_gender": int(train["gender"].mean() >= 0.5)}
