"""The notebook's small heads: both tasks learn side by side from the same frozen features."""

from typing import Any

import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agelens.data.baselines import baselines
from agelens.data.labels import has_label
from agelens.data.table import source_names
from agelens.errors import AgeLensError
from agelens.evaluation.metrics import interval, share_interval
from agelens.evaluation.resampling import clusters_of
from agelens.models.heads import build_head
from agelens.models.standardization import standardise
from agelens.training.features import Features
from agelens.training.recipes import Recipe
from agelens.training.transfer import feature_batches, moments_of
from agelens.utils.progress import Track, quiet


def train_all_heads(
    features: Features, table: pd.DataFrame, recipes: list[Recipe], seed: int, name: str, track: Track
) -> dict[str, dict[str, Any]]:
    """`train_small_heads` for all tasks, or, where some faces lack a label, for each task on those that have it."""
    if all(has_label(table, recipe.task).all() for recipe in recipes):
        return train_small_heads(features, table, recipes, seed, name, track)
    figures: dict[str, dict[str, Any]] = {}
    for recipe in recipes:
        mask = has_label(table, recipe.task).to_numpy()
        rows = table[mask].reset_index(drop=True)
        figures |= train_small_heads(features.subset(mask), rows, [recipe], seed, name, track)
    return figures


def train_small_heads(
    features: Features, table: pd.DataFrame, recipes: list[Recipe], seed: int, name: str, track: Track = quiet
) -> dict[str, dict[str, Any]]:
    """Train the comparison's heads side by side on cached features, so that each batch is read once for all.

    The heads share nothing that learns, so each learns as it would alone.

    Args:
        table: the rows of the features, with parts.
        recipes: one a task, with the same epochs and batch size, and both with standardized features or neither.

    Returns:
        by task ``train_M`` and ``val_M``, one figure an epoch, ``val_M_ci95`` of the last epoch, M being mae (in
        years) or accuracy, and ``scores``, that epoch's error or hit of each validation face.
    """
    tasks = tuple(recipe.task for recipe in recipes)
    epochs, batch_size = recipes[0].epochs, recipes[0].batch_size
    train = feature_batches(features, table, "train", tasks, batch_size, seed)
    validation = feature_batches(features, table, "validation", tasks, batch_size)
    network = _side_by_side(features, table, recipes, seed)
    with track(f"{name} heads", epochs) as advance:
        shown = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: advance(1, _note(recipes, logs))
        )
        history = network.fit(
            train, validation_data=validation, epochs=epochs, callbacks=[shown], shuffle=False, verbose=0
        ).history
    if not all(np.isfinite(values).all() for values in history.values()):
        raise AgeLensError(
            f"{name}: the loss of the small head is no longer a number, as its features are not numbers or too large."
        )
    estimates = network.predict(validation, verbose=0)
    rows = table[table["split"] == "validation"]
    return {
        recipe.task: _figures(recipe, history, rows, estimates[recipe.task].reshape(-1), seed)
        for recipe in recipes
    }


def _side_by_side(features: Features, table: pd.DataFrame, recipes: list[Recipe], seed: int) -> keras.Model:
    inputs = keras.Input(features.shape, name="features")
    median_age = baselines(table).get("median_age", 0.0)
    moments = moments_of(features, table) if recipes[0].standardize_features else None
    outputs = {}
    for recipe in recipes:
        # Each head starts from the seed as if it were alone.
        keras.utils.set_random_seed(seed)
        scale = standardise(moments, recipe.task) if moments else None
        outputs[recipe.task] = build_head(recipe, features.shape, median_age, scale)(inputs)
    network = keras.Model(inputs, outputs)
    network.compile(
        optimizer=keras.optimizers.Adam(recipes[0].learning_rate),
        loss={recipe.task: recipe.loss for recipe in recipes},
        metrics={recipe.task: [recipe.metric] for recipe in recipes},
        jit_compile=False,
    )
    return network


def _note(recipes: list[Recipe], logs: dict[str, float]) -> str:
    return ", ".join(f"val {recipe.metric} {_series(recipe, logs, 'val_'):.2f}" for recipe in recipes)


def _series(recipe: Recipe, logs: dict[str, Any], prefix: str = "") -> Any:
    """A figure of a task; Keras leaves its name out where a network has one output."""
    key = f"{prefix}{recipe.task}_{recipe.metric}"
    return logs[key] if key in logs else logs[f"{prefix}{recipe.metric}"]


def _figures(
    recipe: Recipe,
    history: dict[str, list[float]],
    rows: pd.DataFrame,
    estimates: NDArray[np.float32],
    seed: int,
) -> dict[str, Any]:
    labels = rows[recipe.task].to_numpy(float)
    if recipe.task == "age":
        scores = np.abs(estimates - labels)
        ends = interval(scores, seed, clusters_of(rows))
    else:
        scores = ((estimates >= 0.5) == (labels == 1)).astype(float)
        ends = share_interval(scores, clusters_of(rows))
    sources = {name: float(scores[(rows["source"] == name).to_numpy()].mean()) for name in source_names(rows)}
    return {
        f"train_{recipe.metric}": [float(value) for value in _series(recipe, history)],
        f"val_{recipe.metric}": [float(value) for value in _series(recipe, history, "val_")],
        f"val_{recipe.metric}_ci95": ends,
        **({f"val_{recipe.metric}_by_source": sources} if len(sources) > 1 else {}),
        "scores": [round(float(score), 4) for score in scores],
    }
