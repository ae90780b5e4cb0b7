"""Adapting a bundle to other data: its heads learn on the features of its encoders, which are computed once.

It takes minutes where fine-tuning takes hours, since the encoders stay as they are; they know less of faces that are
unlike those that they learned from than encoders that learn too.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agelens.data.loaders import View
from agelens.data.splits import learning_splits, without_conflicts
from agelens.models.backbones import Backbone
from agelens.models.bundle_heads import Dense, Head
from agelens.training.adapt_recipe import Adaptation
from agelens.training.feature_cache import extract
from agelens.training.finetune import task_losses
from agelens.training.labels import lacks_genders, training_labels
from agelens.training.mixup import ViewBatches
from agelens.training.sampling import sampling_weights
from agelens.training.trainer import Training, fit
from agelens.utils.progress import Track, quiet

# No probability is less, so that it has a logarithm.
_LEAST = 1e-9


def adapt(
    table: pd.DataFrame,
    encoders: Sequence[Backbone],
    heads: Sequence[Head],
    recipe: Adaptation,
    folder: Path,
    seed: int,
    identity: dict[str, Any],
    cache: Path | None = None,
    track: Track = quiet,
) -> tuple[list[Head], Training]:
    """Let heads learn from the training split, and choose the epoch on the validation split.

    Args:
        table: a face table with groups that is split.
        encoders: each from RGB bytes to the features of one or several heads, joined.
        heads: what learning begins with, in the order of their features.
        folder: takes the states of the training.

    Returns:
        the heads that were learned, and how the training went.
    """
    splits = learning_splits(table)
    rows = {
        "train": without_conflicts(splits["train"]).reset_index(drop=True),
        "validation": splits["validation"],
    }
    views: list[View | None] = [
        None,
        *(View(recipe.view_seed, number) for number in range(recipe.augmented_views)),
    ]
    seen: dict[str, list[View | None]] = {"train": views, "validation": [None]}
    batches = {
        name: ViewBatches(
            [_reader(encoders, rows[name], view, cache, track) for view in seen[name]],
            {task: training_labels(rows[name], task) for task in recipe.tasks},
            recipe.batch_size,
            seed if name == "train" else None,
            recipe.mixup_alpha if name == "train" else 0.0,
            recipe.epochs - recipe.epochs_without_mixup,
            sampling_weights(rows[name], recipe.source_balance, recipe.age_balance)
            if name == "train"
            else None,
        )
        for name in rows
    }
    keras.utils.set_random_seed(seed)
    network = build_heads(heads, recipe)
    steps = recipe.epochs * len(batches["train"])
    network.compile(
        keras.optimizers.AdamW(
            keras.optimizers.schedules.CosineDecay(recipe.learning_rate, steps),
            weight_decay=recipe.weight_decay,
        ),
        **task_losses(recipe, "gender" in recipe.tasks and lacks_genders(table)),
        jit_compile=False,
    )
    network, training = fit(
        network, recipe, batches["train"], batches["validation"], folder, seed, identity, track
    )
    return _heads_of(network, heads), training


def _reader(
    encoders: Sequence[Backbone], rows: pd.DataFrame, view: View | None, cache: Path | None, track: Track
) -> Callable[[NDArray[np.int64]], NDArray[np.float32]]:
    """Give the features of all encoders, joined, of rows that it is asked for."""
    features = [extract(one, rows, cache=cache, track=track, view=view) for one in encoders]
    return lambda chosen: np.concatenate([one.read(chosen) for one in features], axis=1)


def build_heads(heads: Sequence[Head], recipe: Adaptation) -> keras.Model:
    """Return the heads as one Keras network, with the weights that they have.

    It takes the joined features, float32 (faces, features), and gives "age", the logarithm of the averaged
    probabilities of the ages, and "gender", the averaged logit of female, as the bundle averages them.
    """
    features = keras.Input((sum(head.features for head in heads),), name="features")
    logits: dict[str, list[Any]] = {task: [] for task in recipe.tasks}
    start = 0
    for number, head in enumerate(heads):
        own = features[:, start : start + head.features]
        start += head.features
        hidden = keras.layers.Dropout(recipe.dropout)(own)
        hidden = keras.layers.Dense(len(head.hidden.bias), "relu", name=f"hidden_{number}")(hidden)
        hidden = keras.layers.Dropout(recipe.dropout)(hidden)
        for task in recipe.tasks:
            layer = keras.layers.Dense(len(head.outputs[task].bias), name=f"{task}_{number}")
            logits[task].append(layer(hidden))
    outputs = {}
    for task in recipe.tasks:
        counts = [head.ensemble_weights[task] for head in heads]
        values = [keras.ops.softmax(one) for one in logits[task]] if task == "age" else logits[task]
        mean = sum(float(count) * value for count, value in zip(counts, values, strict=True))
        if task == "age":
            mean = keras.ops.log(mean + _LEAST)
        outputs[task] = keras.layers.Identity(name=task)(mean)
    network = keras.Model(features, outputs, name="heads")
    for number, head in enumerate(heads):
        for name, dense in (("hidden", head.hidden), *head.outputs.items()):
            if name == "hidden" or name in recipe.tasks:
                network.get_layer(f"{name}_{number}").set_weights([dense.kernel, dense.bias])
    return network


def _heads_of(network: keras.Model, like: Sequence[Head]) -> list[Head]:
    """The weights of a network of `build_heads`."""

    def dense(name: str) -> Dense:
        return Dense(*(np.asarray(value, np.float32) for value in network.get_layer(name).get_weights()))

    return [
        replace(
            head,
            hidden=dense(f"hidden_{number}"),
            outputs={task: dense(f"{task}_{number}") for task in head.outputs},
        )
        for number, head in enumerate(like)
    ]
