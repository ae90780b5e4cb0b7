"""Comparing backbones: one pass of each, then the notebook's small head for both tasks from the same features."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agelens.data.baselines import baselines
from agelens.data.labels import has_label, labelled_tasks
from agelens.data.table import digest_table, source_names
from agelens.errors import AgeLensError
from agelens.evaluation.metrics import interval, mean
from agelens.models.backbones import Backbone, build_backbone, content_digest, fitting_image_size
from agelens.models.heads import HEADS, build_head
from agelens.models.registry import NOTEBOOK_SEVEN, BackboneSpec, find_backbone
from agelens.training.feature_cache import Features, extract, resolve_precision
from agelens.training.recipes import TASKS, Recipe, comparison_recipe
from agelens.training.transfer import feature_batches, standardisation_of, to_learn_from
from agelens.utils.environment import made_with
from agelens.utils.files import digest_json, read_json, write_json
from agelens.utils.images import DECODER_VERSION
from agelens.utils.progress import Track, quiet

# The key of the second comparison, and what its files and lines are called.
EXACT = "notebook_exact"
# The notebook divides the pixels by 255, whatever a backbone was trained with.
NOTEBOOK_SCALING = "unit"


@dataclass(frozen=True)
class Comparison:
    """Settings of a comparison.

    Attributes:
        backbones: names or files, as `find_backbone` takes them.
        weights: "imagenet", "random", or a file (for a single backbone).
        image_size: pixels, or None for each backbone's own; raised to a backbone's least side where it is below it.
        head: "flatten" (the notebook's) or "pooled".
        epochs: the notebook's 5.
        precision, seed, cache, round: as in `agelens.training.transfer.Settings`.
        notebook_exact: compare each backbone with the notebook's own arithmetic too (pixels / 255, features as they
            come).
    """

    backbones: tuple[str, ...] = NOTEBOOK_SEVEN
    weights: str = "imagenet"
    image_size: int | None = None
    head: str = "flatten"
    epochs: int = 5
    precision: str = "auto"
    seed: int = 42
    cache: Path | None = None
    notebook_exact: bool = False
    round: int = 0


def compare(
    table: pd.DataFrame,
    comparison: Comparison,
    folder: Path,
    track: Track = quiet,
    say: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """Compare backbones on age and gender.

    Args:
        table: a face table that is split.
        folder: takes one JSON file a backbone as it is done, so that a comparison that was killed goes on.
        track, say: show progress and a line a backbone.

    Returns:
        the content of ``comparison.json``: for each task and backbone its curves and figures, and the same with the
        notebook's arithmetic under "notebook_exact" where that was asked for.
    """
    if comparison.head not in HEADS:
        raise AgeLensError(f"There is no head {comparison.head!r}; known are {', '.join(HEADS)}.")
    specs = [find_backbone(text) for text in comparison.backbones]
    if len({spec.name for spec in specs}) != len(specs):
        raise AgeLensError(
            "Each backbone can be compared once; one is named twice, or two files share a name."
        )
    result: dict[str, Any] = {task: {} for task in TASKS}
    if comparison.notebook_exact:
        result[EXACT] = {task: {} for task in TASKS}
    for spec in specs:
        for exact in (False, True) if comparison.notebook_exact else (False,):
            one = _compare_one(table, spec, comparison, exact, folder, track)
            for task in labelled_tasks(table):
                (result[EXACT] if exact else result)[task][spec.name] = one[task]
            say(_line(f"{spec.name}, the notebook's arithmetic" if exact else spec.name, one))
    result["baseline"] = _baseline(table)
    return result


def _compare_one(
    table: pd.DataFrame, spec: BackboneSpec, comparison: Comparison, exact: bool, folder: Path, track: Track
) -> dict[str, Any]:
    image_size = fitting_image_size(spec, comparison.image_size)
    recipes = [comparison_recipe(task, comparison.head, comparison.epochs) for task in labelled_tasks(table)]
    if exact:
        spec = replace(spec, preprocessing=NOTEBOOK_SCALING)
        recipes = [recipe.exact() for recipe in recipes]
    identity = digest_json(
        {
            "table": digest_table(table),
            "backbone": spec.name,
            "preprocessing": spec.preprocessing,
            "image_size": image_size,
            "contents": content_digest(spec, comparison.weights),
            "decoder": DECODER_VERSION,
            "recipes": [recipe.settings() for recipe in recipes],
            "precision": resolve_precision(comparison.precision),
            "seed": comparison.seed,
            "made_by": [made_with("keras", "openvino"), comparison.round],
        }
    )
    kept = folder / f"{spec.name}{'-notebook' if exact else ''}.json"
    if kept.exists() and (one := read_json(kept)).get("identity") == identity:
        return dict(one)
    backbone = build_backbone(spec, comparison.weights, image_size, comparison.seed)
    learning = to_learn_from(table)
    features = extract(
        backbone, learning, comparison.precision, comparison.head == "avg-pool", comparison.cache, track
    )
    figures = _train_all_heads(features, learning, recipes, comparison.seed, spec.name, track)
    costs = _costs(backbone, features, comparison)
    one = {"identity": identity, **{task: {**result, **costs} for task, result in figures.items()}}
    write_json(kept, one)
    return one


def _train_all_heads(
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
        by task ``train_M`` and ``val_M``, one figure an epoch, and ``val_M_ci95`` of the last epoch, M being mae (in
        years) or accuracy.
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
    scale = standardisation_of(features, table) if recipes[0].standardize_features else None
    outputs = {}
    for recipe in recipes:
        # Each head starts from the seed as if it were alone.
        keras.utils.set_random_seed(seed)
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
    score = np.abs(estimates - labels) if recipe.task == "age" else (estimates >= 0.5) == (labels == 1)
    score = np.asarray(score, float)
    sources = {name: float(score[(rows["source"] == name).to_numpy()].mean()) for name in source_names(rows)}
    return {
        f"train_{recipe.metric}": [float(value) for value in _series(recipe, history)],
        f"val_{recipe.metric}": [float(value) for value in _series(recipe, history, "val_")],
        f"val_{recipe.metric}_ci95": interval(mean, score, seed=seed),
        **({f"val_{recipe.metric}_by_source": sources} if len(sources) > 1 else {}),
    }


def _costs(backbone: Backbone, features: Features, comparison: Comparison) -> dict[str, Any]:
    return {
        "images_per_second": features.images_per_second,
        "parameters": backbone.parameters,
        "weights": backbone.weights,
        "feature_bytes": features.bytes_per_image,
        "image_size": backbone.image_size,
        "precision": features.precision,
        "head": comparison.head,
        "preprocessing": backbone.spec.preprocessing,
    }


def _baseline(table: pd.DataFrame) -> dict[str, dict[str, float]]:
    """What predicting the training split's median age or majority gender scores on the validation split."""
    validation, blind = table[table["split"] == "validation"], baselines(table)
    found = {}
    if "median_age" in blind:
        found["age"] = {"val_mae": float((validation["age"] - blind["median_age"]).abs().mean())}
    if "majority_gender" in blind:
        genders = validation["gender"].dropna()
        found["gender"] = {"val_accuracy": float((genders == blind["majority_gender"]).mean())}
    return found


def _line(name: str, one: dict[str, Any]) -> str:
    told = []
    if "age" in one:
        told.append(f"MAE {one['age']['val_mae'][-1]:.2f} years")
    if "gender" in one:
        told.append(f"accuracy {one['gender']['val_accuracy'][-1]:.1%}")
    any_task = one["age"] if "age" in one else one["gender"]
    pace = (
        f"{any_task['images_per_second']:.0f} images/s" if any_task["images_per_second"] else "from the cache"
    )
    return f"{name}: validation {', '.join(told)}, {pace}" + (
        ", RANDOM weights" if any_task["weights"] == "random" else ""
    )
