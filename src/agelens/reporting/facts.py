"""The facts of a run, put for the tables and sentences of the report."""

import math
from typing import Any

import pandas as pd

from agelens.data.labels import AGE_BANDS, GENDERS, age_band
from agelens.data.provenance import UNKNOWN_LICENCE, licence
from agelens.data.provenance import source_name as source_name
from agelens.data.table import SPLITS, source_names
from agelens.reporting.exploration import face_caption
from agelens.reporting.formats import percent, score, unit, years
from agelens.reporting.result_charts import MEASURES, has_speed
from agelens.reporting.study_files import StudyFiles

NEAR_YEARS = 5.0
TICK, CROSS = "✓", "✗"


def key_figures(run: StudyFiles) -> list[dict[str, Any]]:
    """The figures of the summary: label, value and interval as text, and what to compare them with."""
    age, gender = run.evaluation.get("age", {}), run.evaluation.get("gender", {})
    figures = []
    if age:
        guess = f"guessing the median age of the training split: {years(age.get('baseline_mae'))}"
        figures.append(_figure("Age: mean absolute error (years)", years, age, "mae", guess))
        figures.append(_figure("Age: within 5 years (CS@5)", percent, age, "cs5", ""))
    if group := run.evaluation.get("age_group", {}):
        one_off = f"or a group beside it: {percent(group['one_off'])}"
        figures.append(_figure("Age: in the right group", percent, group, "right_group", one_off))
    if gender:
        guess = f"always the commoner label: {percent(gender.get('baseline_accuracy'))}"
        figures.append(_figure("Gender: accuracy", percent, gender, "accuracy", guess))
        figures.append(_figure("Gender: area under the ROC curve", unit, gender, "auc", "by chance: 0.500"))
    return figures


def _figure(label: str, write: Any, result: dict[str, Any], key: str, against: str) -> dict[str, Any]:
    low, high = result.get(f"{key}_ci95") or (None, None)
    interval = "" if low is None else f"95 % interval {write(low)} to {write(high)}"
    return {"label": label, "value": write(result.get(key)), "interval": interval, "against": against}


def measured_split(run: StudyFiles) -> str:
    """The split that was measured, "test" unless the evaluation says otherwise; "all" is every face."""
    return str(run.evaluation.get("settings", {}).get("split", "test"))


def split_summary(table: pd.DataFrame) -> dict[str, Any]:
    """Groups of a split table: how many, how many hold several faces, how many lie in more than one split."""
    if "group" not in table.columns:
        return {"groups": None, "shared": None, "leaked": 0}
    groups = table.groupby("group")
    return {
        "groups": groups.ngroups,
        "shared": int((groups.size() > 1).sum()),
        "leaked": int((groups["split"].nunique() > 1).sum()),
    }


def split_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of the table of splits: a label, and for each split its images and their share of it."""
    masks: dict[str, Any] = {"All faces": table["path"].notna()}
    names = source_names(table)
    masks |= {f"from {name}": table["source"] == name for name in (names if len(names) > 1 else [])}
    masks |= {f"labelled {name}": table["gender"] == code for code, name in enumerate(GENDERS)}
    bands = age_band(table["age"])
    masks |= {f"aged {band}": bands == band for band in AGE_BANDS}
    rows = []
    for label, mask in masks.items():
        cells = []
        for split in SPLITS:
            inside = table["split"] == split
            size, hits = int(inside.sum()), int((inside & mask).sum())
            whole = len(table) if label == "All faces" else size
            cells.append({"images": hits, "share": hits / whole if whole else None})
        rows.append({"label": label, "cells": cells})
    return rows


def comparison_rows(comparison: dict[str, Any], task: str) -> list[dict[str, Any]]:
    """The backbones of one task, best validation figure first, with their final figures."""
    measure = MEASURES[task]
    rows = [
        {
            **result,
            "name": name,
            "train": result[f"train_{measure.key}"][-1],
            "validation": result[f"val_{measure.key}"][-1],
            "ci95": result.get(f"val_{measure.key}_ci95"),
        }
        for name, result in comparison[task].items()
    ]
    return sorted(rows, key=lambda row: row["validation"] if measure.fewer_is_better else -row["validation"])


def arithmetic_rows(comparison: dict[str, Any], task: str) -> list[dict[str, Any]]:
    """The backbones that were compared in both ways, in the order of `comparison_rows`, with both final figures."""
    measure, exact = MEASURES[task], comparison.get("notebook_exact", {}).get(task, {})
    key = f"val_{measure.key}"
    return [
        {**row, "exact": exact[row["name"]][key][-1], "exact_ci95": exact[row["name"]].get(f"{key}_ci95")}
        for row in comparison_rows(comparison, task)
        if row["name"] in exact
    ]


def lacks_speed(comparison: dict[str, Any], task: str) -> bool:
    """Whether any backbone's pass was not timed."""
    return not all(has_speed(result) for result in comparison[task].values())


def verdict(comparison: dict[str, Any], task: str) -> str:
    """Which backbone is best on the validation split, and which may be as good by paired differences."""
    rows = comparison_rows(comparison, task)
    best = rows[0]
    told = f"Best on the validation split: {best['name']} ({score(task, best['validation'])})."
    against = comparison.get("paired", {}).get(task, {}).get("against", {})
    if not against:
        return told
    near = [name for name, difference in against.items() if not difference["better"]]
    how = "in paired differences on the same faces, corrected for their number (Holm)"
    if near:
        return f"{told} Chance alone may have put it before {', '.join(near)} ({how})."
    return f"{told} It is better than {'each other one' if len(against) > 1 else 'the other'} {how}."


def prediction_lines(
    age_min: float, age_max: float, gender: float, age_years: float, p_female: float
) -> tuple[list[str], bool]:
    """The caption of a measured face, and whether its gender is predicted wrong.

    A tick or a cross stands before each prediction: age within 5 years of the label, or within the group where that is
    what is known of it, and the labelled gender. A prediction that is NaN is left out, and one without a label has
    neither.

    Args:
        age_min, age_max, gender: labels, as of `face_caption`.
        age_years: predicted. p_female: predicted, 0 to 1.
    """
    lines, wrong = [f"true {face_caption(age_min, age_max, gender)}"], False
    if not math.isnan(age_years):
        exact = age_min == age_max
        right = abs(age_years - age_min) <= NEAR_YEARS if exact else age_min <= age_years < age_max + 1
        mark = "" if math.isnan(age_min) else f"{TICK if right else CROSS} "
        lines.append(f"{mark}pred {age_years:.1f}")
    if not math.isnan(p_female):
        female = p_female >= 0.5
        wrong = not math.isnan(gender) and female != bool(gender)
        mark = "" if math.isnan(gender) else f"{CROSS if wrong else TICK} "
        lines.append(f"{mark}{'MF'[female]} {100 * max(p_female, 1 - p_female):.0f} %")
    return lines, wrong


def licence_of_data(run: StudyFiles) -> str:
    """The licence of the data as a card tells it, or what is known of the source; "" if nothing is."""
    for card in run.cards.values():
        if card.get("data", {}).get("licence"):
            return str(card["data"]["licence"])
    known = UNKNOWN_LICENCE if run.table is None else licence(run.config, run.table)
    return "" if known == UNKNOWN_LICENCE else known


def commands(run: StudyFiles) -> list[str]:
    """The command lines that made the run, each once, in the order of its steps; none where it was made from Python."""
    # Stress tests and comparisons of networks are no steps: they may stand in any folder.
    done = [*run.config.get("steps", {}).values(), run.stress, run.model_comparison]
    told = (one.get("command") for one in done)
    return list(dict.fromkeys(command for command in told if command))
