"""Comparing backbones: one pass of each, then the notebook's small head for both tasks from the same features."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from agelens.errors import AgeLensError
from agelens.faces.table import digest_table
from agelens.files import digest_json, read_json, write_json
from agelens.networks.backbones import NOTEBOOK_SEVEN, Backbone, BackboneSpec, build_backbone, find_backbone
from agelens.networks.features import Features, extract, resolve_precision
from agelens.networks.network import baselines, feature_batches
from agelens.networks.recipes import HEADS, TASKS, Recipe, build_head, comparison_recipe, compile_network
from agelens.progress import Track, quiet
from agelens.study.metrics import interval, mean


@dataclass(frozen=True)
class Comparison:
    """Settings of a comparison.

    Attributes:
        backbones: names or files, as `find_backbone` takes them.
        weights: "imagenet", "random", or a file (for a single backbone).
        side: pixels, or None for each backbone's own; raised to a backbone's least side where it is below it.
        head: "flatten" (the notebook's) or "pooled".
        epochs: the notebook's 5.
        precision, seed, cache: as in `agelens.networks.network.Settings`.
    """

    backbones: tuple[str, ...] = NOTEBOOK_SEVEN
    weights: str = "imagenet"
    side: int | None = None
    head: str = "flatten"
    epochs: int = 5
    precision: str = "auto"
    seed: int = 42
    cache: Path | None = None


def compare(
    table: pd.DataFrame,
    comparison: Comparison,
    folder: Path,
    track: Track = quiet,
    say: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """Compare backbones on age and gender.

    Args:
        table: a face table with parts.
        folder: takes one JSON file a backbone as it is done, so that a comparison that was killed goes on.
        track, say: show progress and a line a backbone.

    Returns:
        the content of ``comparison.json``: for each task and backbone its curves and figures.
    """
    if comparison.head not in HEADS:
        raise AgeLensError(f"There is no head {comparison.head!r}; known are {', '.join(HEADS)}.")
    specs = [find_backbone(text) for text in comparison.backbones]
    if len({spec.name for spec in specs}) != len(specs):
        raise AgeLensError("Each backbone can be compared once; one is named twice.")
    result: dict[str, Any] = {task: {} for task in TASKS}
    for spec in specs:
        one = _compare_one(table, spec, comparison, folder, track)
        for task in TASKS:
            result[task][spec.name] = one[task]
        say(_line(spec.name, one))
    result["baseline"] = _baseline(table)
    return result


def _compare_one(
    table: pd.DataFrame, spec: BackboneSpec, comparison: Comparison, folder: Path, track: Track
) -> dict[str, Any]:
    side = max(comparison.side or spec.side, spec.least_side)
    identity = digest_json(
        {
            "table": digest_table(table),
            "backbone": spec.name,
            "file": str(spec.file or ""),
            "scaling": spec.scaling,
            "side": side,
            "weights": comparison.weights,
            "head": comparison.head,
            "epochs": comparison.epochs,
            "precision": resolve_precision(comparison.precision),
            "seed": comparison.seed,
        }
    )
    kept = folder / f"{spec.name}.json"
    if kept.exists() and (one := read_json(kept)).get("identity") == identity:
        return dict(one)
    backbone = build_backbone(spec, comparison.weights, side, comparison.seed)
    features = extract(
        backbone, table, comparison.precision, comparison.head == "pooled", comparison.cache, track
    )
    one = {"identity": identity}
    for task in TASKS:
        recipe = comparison_recipe(task, comparison.head, comparison.epochs)
        figures = train_small_head(features, table, recipe, comparison.seed, spec.name, track)
        one[task] = {**figures, **_costs(backbone, features, comparison)}
    write_json(kept, one)
    return one


def train_small_head(
    features: Features, table: pd.DataFrame, recipe: Recipe, seed: int, name: str, track: Track = quiet
) -> dict[str, Any]:
    """Train the comparison's head on cached features.

    Returns:
        ``train_M`` and ``val_M``, one figure an epoch, and ``val_M_ci95`` of the last, M being mae (years) or accuracy.
    """
    keras.utils.set_random_seed(seed)
    head = build_head(recipe, features.shape)
    compile_network(head, recipe)
    train = feature_batches(features, table, "train", recipe, seed)
    validation = feature_batches(features, table, "validation", recipe)
    with track(f"{name} {recipe.task}", recipe.epochs) as advance:
        metric = recipe.metric
        shown = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: advance(1, f"val {metric} {logs[f'val_{metric}']:.3f}")
        )
        history = head.fit(
            train, validation_data=validation, epochs=recipe.epochs, callbacks=[shown], verbose=0
        ).history
    mask = (table["part"] == "validation").to_numpy()
    estimates = head.predict(validation, verbose=0).reshape(-1)
    labels = table.loc[mask, recipe.task].to_numpy(float)
    score = (
        np.abs(estimates - labels)
        if recipe.task == "age"
        else ((estimates >= 0.5) == (labels == 1)).astype(float)
    )
    return {
        f"train_{metric}": [float(value) for value in history[metric]],
        f"val_{metric}": [float(value) for value in history[f"val_{metric}"]],
        f"val_{metric}_ci95": interval(mean, score, seed=seed),
    }


def _costs(backbone: Backbone, features: Features, comparison: Comparison) -> dict[str, Any]:
    return {
        "images_per_second": features.images_per_second,
        "parameters": backbone.parameters,
        "weights": backbone.weights,
        "feature_bytes": features.bytes_per_image,
        "side": backbone.side,
        "precision": features.precision,
        "head": comparison.head,
        "scaling": backbone.spec.scaling,
    }


def _baseline(table: pd.DataFrame) -> dict[str, dict[str, float]]:
    """What predicting the training part's median age or majority gender scores on the validation part."""
    validation, blind = table[table["part"] == "validation"], baselines(table)
    return {
        "age": {"val_mae": float((validation["age"] - blind["median_age"]).abs().mean())},
        "gender": {"val_accuracy": float((validation["gender"] == blind["majority_gender"]).mean())},
    }


def _line(name: str, one: dict[str, Any]) -> str:
    age, gender = one["age"], one["gender"]
    pace = f"{age['images_per_second']:.0f} images/s" if age["images_per_second"] else "from the cache"
    return (
        f"{name}: validation MAE {age['val_mae'][-1]:.2f} years, accuracy {gender['val_accuracy'][-1]:.1%}, {pace}"
        + (", RANDOM weights" if age["weights"] == "random" else "")
    )
