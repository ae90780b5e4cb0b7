"""Comparing backbones: one pass of each, then the notebook's small head for both tasks from the same features."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from agelens.bundles.bundle import TASKS
from agelens.data.baselines import baselines
from agelens.data.labels import has_label, labelled_tasks
from agelens.data.table import digest_table
from agelens.errors import AgeLensError
from agelens.evaluation.paired import best_against_others
from agelens.evaluation.resampling import clusters_of
from agelens.evaluation.small_heads import train_all_heads
from agelens.models.backbones import Backbone, build_backbone, content_digest, fitting_image_size
from agelens.models.heads import HEADS
from agelens.models.registry import NOTEBOOK_SEVEN, BackboneSpec, find_backbone
from agelens.training.feature_cache import extract, resolve_precision
from agelens.training.features import Features
from agelens.training.recipes import comparison_recipe
from agelens.training.transfer import to_learn_from
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
        device, threads: of the features, as in `agelens.training.feature_cache.extract`.
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
    device: str = "auto"
    threads: int | None = None


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
        notebook's arithmetic under "notebook_exact" where that was asked for; under "paired" the best backbone of each
        task beside each other one on the same faces.
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
    scores: dict[str, dict[str, list[float]]] = {task: {} for task in TASKS}
    for spec in specs:
        for exact in (False, True) if comparison.notebook_exact else (False,):
            one = _compare_one(table, spec, comparison, exact, folder, track)
            for task in labelled_tasks(table):
                figures = {key: value for key, value in one[task].items() if key != "scores"}
                (result[EXACT] if exact else result)[task][spec.name] = figures
                if not exact:
                    scores[task][spec.name] = one[task]["scores"]
            say(_line(f"{spec.name}, the notebook's arithmetic" if exact else spec.name, one))
    validation = table[table["split"] == "validation"]
    result["paired"] = {
        task: best_against_others(
            scores[task], clusters_of(validation[has_label(validation, task)]), task == "age", comparison.seed
        )
        for task in labelled_tasks(table)
    }
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
            **({} if comparison.device == "auto" else {"device": comparison.device}),
            "made_by": [made_with("keras", "openvino"), comparison.round],
        }
    )
    kept = folder / f"{spec.name}{'-notebook' if exact else ''}.json"
    if (
        kept.exists()
        and (one := read_json(kept)).get("identity") == identity
        and all("scores" in one[task] for task in labelled_tasks(table))
    ):
        return dict(one)
    backbone = build_backbone(spec, comparison.weights, image_size, comparison.seed)
    learning = to_learn_from(table)
    features = extract(
        backbone,
        learning,
        comparison.precision,
        comparison.head == "avg-pool",
        comparison.cache,
        track,
        device=comparison.device,
        threads=comparison.threads,
    )
    figures = train_all_heads(features, learning, recipes, comparison.seed, spec.name, track)
    costs = _costs(backbone, features, comparison)
    one = {"identity": identity, **{task: {**result, **costs} for task, result in figures.items()}}
    write_json(kept, one)
    return one


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
