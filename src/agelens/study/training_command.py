"""The command that repeats a training from pretrained networks, for the card of its network."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agelens.bundles.bundle import OWN
from agelens.bundles.hub import read_hub_address
from agelens.data.provenance import source_parts
from agelens.data.split_ratios import DEFAULT_SPLIT_RATIOS, write_split_ratios
from agelens.study.folder import StudyFolder
from agelens.study.plan import TrainingPlan


def bundle_name(text: str) -> str:
    """Return a bundle as a card names it; paths are nobody's business."""
    return text if text in OWN or read_hub_address(text) else Path(text).resolve().name


def training_command(run: StudyFolder, plan: TrainingPlan, pretrained: Sequence[str]) -> str:
    """Return what a person types to repeat a training from pretrained networks.

    Args:
        pretrained: what ``--pretrained`` is given.
    """
    start = ["agelens", "train", *source_parts(run.config["source"]), "--out", "RUN", "--recipe", plan.recipe]
    named = [word for one in pretrained for word in ("--pretrained", one)]
    options = {**_reading(run.config), **_learning(plan), **_faces(run), "--seed": run.config["seed"]}
    told = [word for option, value in options.items() if value is not None for word in (option, str(value))]
    as_they_are = ["--crops-as-they-are"] if run.crops_as_they_are else []
    return shlex.join([*start, *named, *told, *as_they_are])


def _reading(config: Mapping[str, Any]) -> dict[str, Any]:
    """How the sources were read."""
    reading = config.get("reading") or {}
    columns = ",".join(f"{name}={column}" for name, column in reading.get("columns", {}).items())
    return {"--format": reading.get("format") or None, "--columns": columns or None}


def _learning(plan: TrainingPlan) -> dict[str, Any]:
    return {
        "--task": plan.tasks[0] if len(plan.tasks) == 1 else None,
        "--teacher": plan.teacher and bundle_name(plan.teacher),
        "--soup-size": plan.soup_size,
        "--unfreeze-stages": plan.unfreeze_stages,
        "--augmented-views": plan.augmented_views,
        "--source-balance": plan.source_balance,
        "--age-balance": plan.age_balance,
        "--epochs": plan.epochs,
        "--batch-size": plan.batch_size,
        "--learning-rate": plan.learning_rate,
    }


def _faces(run: StudyFolder) -> dict[str, Any]:
    """Which faces were taken, with which labels and in which split."""
    standard = run.split_ratios == DEFAULT_SPLIT_RATIOS
    return {
        "--limit": run.config.get("limit"),
        "--split-ratios": None if standard else write_split_ratios(run.split_ratios),
        **{f"--{kind}": _correction_file(run.config, kind) for kind in ("exclude", "relabel")},
    }


def _correction_file(config: Mapping[str, Any], kind: str) -> str | None:
    """The name of a file of corrections; a run of an earlier version kept what it said, but not its name."""
    if not config.get("corrections", {}).get(kind):
        return None
    return str(config.get("correction_files", {}).get(kind, f"{kind}.csv"))
