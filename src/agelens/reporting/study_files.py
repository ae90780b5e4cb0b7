"""What a run folder holds, read for the report; every part may be absent."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from agelens.bundles.bundle import BOTH, TASKS
from agelens.data.table import read_table
from agelens.errors import AgeLensError
from agelens.evaluation.comparison_file import open_comparison
from agelens.evaluation.label_issues_file import open_label_issues
from agelens.evaluation.stress_file import open_stress
from agelens.utils.files import digest_file, read_json

_CHECKS = {"label_issues": open_label_issues, "stress": open_stress, "model_comparison": open_comparison}
_NUMBERS = ("age", "gender", "age_min", "age_max", "age_years", "p_female")


@dataclass(frozen=True)
class StudyFiles:
    """The files of a run; an empty dict or None stands for a part that is not there yet.

    Attributes:
        folder: the folder of the run.
        config, audit, exploration, comparison, evaluation, label_issues, stress, model_comparison: the values of the
            JSON files of these names.
        cards: the ``card.json`` of each trained network, by task.
        table: the face table with its split.
        predictions: what was predicted on the measured split.
        has_audit_page: whether ``audit.html`` lies beside the report.
        altered: names of files that are not as the study's steps left them; they are not read.
    """

    folder: Path
    config: dict[str, Any] = field(default_factory=dict)
    audit: dict[str, Any] = field(default_factory=dict)
    exploration: dict[str, Any] = field(default_factory=dict)
    comparison: dict[str, Any] = field(default_factory=dict)
    evaluation: dict[str, Any] = field(default_factory=dict)
    label_issues: dict[str, Any] = field(default_factory=dict)
    stress: dict[str, Any] = field(default_factory=dict)
    model_comparison: dict[str, Any] = field(default_factory=dict)
    cards: dict[str, dict[str, Any]] = field(default_factory=dict)
    table: pd.DataFrame | None = None
    predictions: pd.DataFrame | None = None
    has_audit_page: bool = False
    altered: list[str] = field(default_factory=list)

    @property
    def seed(self) -> int:
        """The seed of the run, for what the report draws by chance."""
        return int(self.config.get("seed", 0))

    @property
    def is_split(self) -> bool:
        """Whether the table says which part every face belongs to."""
        return self.table is not None and "split" in self.table.columns


def read_study_files(folder: Path) -> StudyFiles:
    """Read what a run folder holds.

    Raises:
        AgeLensError: a file that is there is broken; the message names it.
    """
    config = _read_object(folder / "config.json")
    altered = altered_files(folder, config)
    both = _read_object(folder / BOTH / "card.json")
    cards = {
        task: _read_object(folder / task / "card.json") or (card_of_task(both, task) if both else {})
        for task in TASKS
    }
    table = folder / "table.csv"
    return StudyFiles(
        folder=folder,
        config=config,
        altered=altered,
        # What was altered is no figure of the study's; the report says so.
        **{
            name: {} if f"{name}.json" in altered else _read_object(folder / f"{name}.json")
            for name in ("audit", "exploration", "comparison", "evaluation")
        },
        **{
            name: read(folder / f"{name}.json")
            for name, read in _CHECKS.items()
            if (folder / f"{name}.json").exists() and f"{name}.json" not in altered
        },
        cards={task: card for task, card in cards.items() if card},
        table=read_table(table) if table.exists() and table.name not in altered else None,
        predictions=None if "predictions.csv" in altered else read_predictions(folder / "predictions.csv"),
        has_audit_page=(folder / "audit.html").exists(),
    )


def altered_files(folder: Path, config: Mapping[str, Any]) -> list[str]:
    """Return the names of a study's files that are not as its steps left them, which keep a digest of each.

    Args:
        folder: of the study. config: the content of its ``config.json``.
    """
    digests = {
        name: digest
        for step in config.get("steps", {}).values()
        for name, digest in step.get("outputs", {}).items()
    }
    return [
        name
        for name, digest in digests.items()
        if (folder / name).is_file() and digest_file(folder / name) != digest
    ]


def card_of_task(card: dict[str, Any], task: str) -> dict[str, Any]:
    """The card of a network for both tasks as that of one of them, whose history is its own."""
    history = {}
    for key, values in card["training"]["history"].items():
        prefix, name = ("val_", key[4:]) if key.startswith("val_") else ("", key)
        if name.startswith(f"{task}_"):
            history[prefix + name.removeprefix(f"{task}_")] = values
    return {**card, "task": task, "training": {**card["training"], "history": history}}


def _read_object(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    value = read_json(path)
    if not isinstance(value, dict):
        raise AgeLensError(f"{path} is not a JSON object; delete it and run the step again.")
    return value


def read_predictions(path: Path) -> pd.DataFrame | None:
    """Return the faces that an evaluation measured, estimates that it lacks as NaN; None where there is none.

    Raises:
        AgeLensError: the file is not a table of predictions.
    """
    if not path.exists():
        return None
    try:
        frame = pd.read_csv(path, keep_default_na=False, na_values={name: [""] for name in _NUMBERS})
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise AgeLensError(f"{path} is not a CSV file: {error}; run 'agelens evaluate' again.") from None
    missing = [column for column in ("path", "age", "gender") if column not in frame.columns]
    if missing:
        raise AgeLensError(f"{path} has no column {', '.join(missing)}; run 'agelens evaluate' again.")
    for column in ("age_years", "p_female"):
        # One network may be measured before the other is trained.
        if column not in frame.columns:
            frame[column] = float("nan")
    return frame if len(frame) else None
