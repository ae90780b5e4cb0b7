"""What the card of a network says."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import keras
import pandas as pd

from agelens.data.baselines import baselines
from agelens.data.splits import count_splits, without_conflicts
from agelens.export.onnx import HEAD_OUTPUTS
from agelens.export.pipeline import TrainedModel
from agelens.models.backbones import Backbone
from agelens.models.bundle_heads import OUTPUTS
from agelens.models.heads import describe_layers
from agelens.training.finetune import kept_epochs
from agelens.training.losses import AGES
from agelens.training.pretrained_encoders import PretrainedEncoder
from agelens.training.recipes import Recipe
from agelens.training.trainer import Training
from agelens.training.transfer import Settings
from agelens.utils.environment import machine, versions
from agelens.utils.files import digest_json

INTENDED_USE = (
    "For research on age and gender estimation and its errors by group. An estimate is not a measurement: it must not "
    "decide about a person. Gender is the binary label of the dataset, not a person's identity. Race is a column for "
    "auditing only; no network predicts it."
)


OUT_OF_SCOPE_USE = (
    "decide about a person: admission, age checks, employment, credit, policing, advertising to children",
    "identify people, or follow them",
    "be taken for a statement about who a person is: gender is the binary label that somebody gave a picture",
    "be sold, or built into what is sold, where the licence of its data (below) forbids it",
)


def card_of(
    learned: Sequence[TrainedModel],
    trainings: Sequence[Sequence[Training]],
    settings: Settings,
    table: pd.DataFrame,
    split_digest: str,
) -> dict[str, Any]:
    """The card of the average of some networks, without its identity and what it scores.

    Args:
        trainings: of each network, one or more whose weights were averaged.
        table: the face table that they learned from.
        split_digest: of that table.
    """
    recipe = learned[0].recipe
    first = trainings[0][0]
    encoders = [PretrainedEncoder(one.pretrained, one.preprocessing) for one in learned]
    outputs = {
        "age": f"{OUTPUTS['age']}: probabilities of the ages 0 to {AGES - 1}, float32 (faces, {AGES})",
        "gender": f"{OUTPUTS['gender']}: logit of female, float32 (faces, 1)",
    }
    return {
        "task": recipe.task,
        "network": {
            "backbone": " + ".join(Path(pretrained.file.name).stem for pretrained in encoders),
            "weights": " + ".join(pretrained.file.name for pretrained in encoders),
            "weights_licence": "; ".join(pretrained.origin for pretrained in encoders),
            "weights_sha256": " ".join(pretrained.digest for pretrained in encoders),
            "image_size": max(one.image_size for one in learned),
            "image_sizes": [one.image_size for one in learned],
            "ensemble_weights": [
                {task: one.ensemble_weights.get(task, 1.0) for task in recipe.tasks} for one in learned
            ],
            "preprocessing": " + ".join(pretrained.preprocessing for pretrained in encoders),
            "parameters": sum(one.parameters for one in learned),
            "frozen": False,
            "input": "faces: uint8 (faces, height, width, 3), RGB, 0 to 255, any size, cropped as its data",
            "output": [outputs[task] for task in recipe.tasks],
            "stored": "8-bit weights and maps (QDQ)",
        },
        "data": data_section(settings, table, split_digest, agreeing_images(table)),
        "training": {
            **training_section(recipe, settings, first, recipe.precision),
            "settings": common_settings([one.recipe.settings() for one in learned]),
            "kept_epochs": kept_epochs(first),
            "soup_members": [
                {"weights": one.pretrained.name, "seed": settings.seed + 1 + number, **_told(training)}
                for one, members in zip(learned, trainings, strict=True)
                for number, training in enumerate(members)
            ],
            "seconds": round(sum(one.seconds for members in trainings for one in members), 1),
        },
        "intended_use": INTENDED_USE,
    }


class Learned(Protocol):
    """What a card says of any recipe."""

    @property
    def name(self) -> str: ...
    @property
    def monitor(self) -> str: ...
    def settings(self) -> dict[str, Any]: ...


def data_section(
    settings: Settings, table: pd.DataFrame, split_digest: str, images: dict[str, int]
) -> dict[str, Any]:
    """What a card says of the faces that made its network.

    Args:
        split_digest: of the table.
        images: how many of each split.
    """
    return {
        "source": settings.source,
        "licence": settings.licence,
        "about": settings.about,
        "images": images,
        "split_digest": split_digest,
        "baseline": baselines(table),
        "labels": {"gender": {"0": "male", "1": "female"}, "age": "years, 0 to 116"},
    }


def agreeing_images(table: pd.DataFrame) -> dict[str, int]:
    """The images of each split where faces whose labels contradict are not learned from."""
    train = table[table["split"] == "train"]
    agreed = len(without_conflicts(train))
    return {
        **count_splits(table),
        "train": agreed,
        "left_out_for_conflicting_labels": len(train) - agreed,
    }


def training_section(
    recipe: Learned, settings: Settings, training: Training, precision: str
) -> dict[str, Any]:
    """What a card says of one training; where several are averaged, more is to be added."""
    return {
        "recipe": recipe.name,
        # Only what is trained from pretrained networks has one.
        **({"command": settings.command} if settings.command else {}),
        "settings": recipe.settings(),
        "seed": settings.seed,
        "precision": precision,
        "epochs_run": training.epochs_run,
        "best_epoch": training.best_epoch,
        "monitor": recipe.monitor,
        "history": training.history,
        "seconds": round(training.seconds, 2),
        "versions": {**versions(), "keras_backend": keras.backend.backend()},
        "machine": machine(),
    }


def _told(training: Training) -> dict[str, Any]:
    """When the best epoch was, its figures on the validation split, and the epochs whose weights are averaged."""
    best = training.best_epoch
    figures = {key: values[best - 1] for key, values in training.history.items() if key.startswith("val_")}
    kept = kept_epochs(training)
    return {"best_epoch": best, "kept_epochs": kept, "seconds": round(training.seconds, 1), **figures}


def common_settings(each: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The settings of several recipes as one: where they differ, the values of all, in order."""
    return {
        key: value if all(one[key] == value for one in each) else [one[key] for one in each]
        for key, value in each[0].items()
    }


def network_card(
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
            "image_size": backbone.image_size,
            "preprocessing": backbone.spec.preprocessing,
            "head": describe_layers(head),
            "parameters": backbone.parameters + int(head.count_params()),
            "frozen": not recipe.trainable,
            "input": "uint8 (faces, side, side, 3), RGB, 0 to 255",
            "output": HEAD_OUTPUTS[recipe.task],
        },
        "data": data_section(settings, table, identity["table"], count_splits(table)),
        "training": {
            **training_section(recipe, settings, training, identity["precision"]),
            "settings": {**recipe.settings(), "backbone": backbone.spec.name},
        },
        "intended_use": INTENDED_USE,
    }
