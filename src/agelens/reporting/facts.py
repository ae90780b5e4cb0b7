"""The facts of a run, put for the tables and sentences of the report, and how its numbers are written."""

import math
from pathlib import PurePath
from typing import Any

import pandas as pd

from agelens.data.labels import AGE_BANDS, GENDERS, age_band
from agelens.data.table import SPLITS, source_names
from agelens.evaluation.groups import GROUP_TITLES
from agelens.evaluation.metrics import LEAST_FACES
from agelens.reporting.exploration import face_caption
from agelens.reporting.result_charts import MEASURES, has_speed
from agelens.reporting.study_files import Run

FEW_TEST_FACES = 200
NEAR_YEARS = 5.0
TICK, CROSS = "✓", "✗"


def years(value: float | None) -> str:
    """An age or error in years with two decimals, or a dash."""
    return "–" if value is None else f"{value:.2f}".replace("-", "−")


def percent(value: float | None) -> str:
    """A share (0 to 1) as a percentage with one decimal, or a dash."""
    return "–" if value is None else f"{100 * value:.1f} %"


def unit(value: float | None) -> str:
    """A figure between 0 and 1 with three decimals, or a dash."""
    return "–" if value is None else f"{value:.3f}"


def count(value: float | None) -> str:
    """A whole number with commas between thousands, or a dash."""
    return "–" if value is None else f"{value:,.0f}"


def duration(seconds: float | None) -> str:
    """Seconds as a person says them."""
    if seconds is None:
        return "–"
    if seconds < 60:
        return f"{seconds:.1f} s"
    hours, minutes = divmod(int(seconds // 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {int(seconds % 60)} s"


def score(task: str, value: float | None) -> str:
    """The figure by which a task is judged: MAE in years, or accuracy as a percentage."""
    return years(value) if task == "age" else percent(value)


def listed(settings: dict[str, Any] | None) -> str:
    """Settings in one line, those left to their default (None) omitted; a dash for none."""
    told = [f"{key} = {value}" for key, value in (settings or {}).items() if value is not None]
    return ", ".join(told) or "–"


def source_name(run: Run) -> str:
    """The last part of the source's path, for the head of the page."""
    source = run.config.get("source") or "a source not recorded"
    return " and ".join(PurePath(str(one)).name for one in ([source] if isinstance(source, str) else source))


def key_figures(run: Run) -> list[dict[str, Any]]:
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


def warnings(run: Run) -> list[str]:
    """What a reader must know before trusting a figure."""
    told = []
    if run.config.get("synthetic"):
        told.append(
            "The faces are synthetic: nobody in these pictures exists, and no figure here says how "
            "a network does on photographs."
        )
    meaningless = _frozen_at_random(run)
    if meaningless:
        told.append(
            f"The weights of {', '.join(meaningless)} were random: their figures say nothing about pretrained "
            "backbones."
        )
    if run.config.get("limit") is not None:
        told.append(
            f"Only {count(run.config['limit'])} images of the source, picked at random, make up this run."
        )
    if measured_split(run) in ("train", "validation"):
        told.append(f"The figures are of the {measured_split(run)} split, not of the test split.")
    measured = run.evaluation.get("settings", {}).get("bundles", {})
    others = [
        task
        for task, card in run.cards.items()
        if measured.get(task, card.get("identity")) != card.get("identity")
    ]
    if others:
        told.append(
            f"The figures for {' and '.join(others)} are of another network than the one that this run holds: it was "
            "named with --bundle, or trained anew since; 'agelens evaluate --out RUN --force' measures the run's own."
        )
    if run.evaluation.get("settings", {}).get("overlap_included"):
        told.append(
            "The measured faces include images that a network was trained on: the figures are too good."
        )
    leaked = split_summary(run.table)["leaked"] if run.table is not None and run.is_split else 0
    if leaked:
        groups = "1 group" if leaked == 1 else f"{count(leaked)} groups"
        told.append(f"{groups} of (nearly) identical faces leaked between splits: the figures are too good.")
    faces = min((result["n"] for result in run.evaluation.values() if "n" in result), default=FEW_TEST_FACES)
    if faces < FEW_TEST_FACES:
        only = "1 face" if faces == 1 else f"{count(faces)} faces"
        wide = (
            "the intervals are wide"
            if faces >= LEAST_FACES
            else "too few to tell how far the figures may be off"
        )
        told.append(f"Measured on only {only}: {wide}.")
    return [*told, *run.evaluation.get("settings", {}).get("notes", [])]


def _frozen_at_random(run: Run) -> list[str]:
    """The backbones that stayed at random weights; a network that learned whole may well begin with them."""
    compared = [pair for task in MEASURES for pair in run.comparison.get(task, {}).items()]
    networks = [card.get("network", {}) for card in run.cards.values()]
    frozen = [(network.get("backbone", "?"), network) for network in networks if network.get("frozen", True)]
    names = (name for name, result in [*compared, *frozen] if result.get("weights") == "random")
    return list(dict.fromkeys(names))


def measured_split(run: Run) -> str:
    """The part that was measured, "test" unless the evaluation says otherwise; "all" is every face."""
    return str(run.evaluation.get("settings", {}).get("split", "test"))


def split_summary(table: pd.DataFrame) -> dict[str, Any]:
    """Groups of a split table: how many, how many hold several faces, how many lie in more than one part."""
    if "group" not in table.columns:
        return {"groups": None, "shared": None, "leaked": 0}
    groups = table.groupby("group")
    return {
        "groups": groups.ngroups,
        "shared": int((groups.size() > 1).sum()),
        "leaked": int((groups["split"].nunique() > 1).sum()),
    }


def split_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of the table of parts: a label, and for each part its images and their share of the part."""
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
    """Which backbone is best on the validation split, and which cannot be told apart from it."""
    rows = comparison_rows(comparison, task)
    best = rows[0]
    told = f"Best on the validation split: {best['name']} ({score(task, best['validation'])})."
    if not best["ci95"]:
        return told
    low, high = best["ci95"]
    near = [
        row["name"] for row in rows[1:] if row["ci95"] and row["ci95"][0] <= high and row["ci95"][1] >= low
    ]
    if near:
        return (
            f"{told} Its 95 % interval overlaps with that of {', '.join(near)}: they are not clearly apart."
        )
    return told if len(rows) == 1 else f"{told} Its 95 % interval overlaps with no other."


def group_tables(result: dict[str, Any]) -> list[dict[str, Any]]:
    """The groups of one task's evaluation as tables: a title, and rows of name and figures."""
    tables = []
    known = {**GROUP_TITLES, "age_range": "Range of ages (years)", "age_group": "Group of ages (years)"}
    others = {
        kind: kind for kind in result.get("groups", {}) if kind not in known and kind != "predicted_band"
    }
    for kind, title in {**known, **others}.items():
        groups = result.get("groups", {}).get(kind, {})
        names = (
            [band for band in AGE_BANDS if band in groups] if kind == "age_band" else [n for n in groups if n]
        )
        if names:
            tables.append({"title": title, "rows": [{"name": name, **groups[name]} for name in names]})
    return tables


def extremes(result: dict[str, Any], task: str) -> list[str]:
    """For every kind of group, where the network does best and worst."""
    measure, told = MEASURES[task], []
    for table in group_tables(result):
        if table["title"] not in GROUP_TITLES.values():
            continue
        rows = [row for row in table["rows"] if row.get(measure.key) is not None]
        rows.sort(key=lambda row: row[measure.key], reverse=not measure.fewer_is_better)
        if len(rows) > 1:
            best, worst = (
                f"{row['name']} ({score(task, row[measure.key])}, n {row['n']:,})"
                for row in (rows[0], rows[-1])
            )
            told.append(f"{table['title']}: best {best}, worst {worst}.")
    return told


def prediction_lines(age: float, gender: float, age_years: float, p_female: float) -> tuple[list[str], bool]:
    """The caption of an estimated face, and whether its gender estimate is wrong.

    A tick or a cross stands before each estimate: age within 5 years of the label, and the labelled gender.
    An estimate that is NaN is left out, and one without a label has neither.
    """
    lines, wrong = [f"true {face_caption(age, gender)}"], False
    if not math.isnan(age_years):
        near = "" if math.isnan(age) else f"{TICK if abs(age_years - age) <= NEAR_YEARS else CROSS} "
        lines.append(f"{near}est {age_years:.1f}")
    if not math.isnan(p_female):
        female = p_female >= 0.5
        wrong = not math.isnan(gender) and female != bool(gender)
        mark = "" if math.isnan(gender) else f"{CROSS if wrong else TICK} "
        lines.append(f"{mark}{'MF'[female]} {100 * max(p_female, 1 - p_female):.0f} %")
    return lines, wrong


def licence(run: Run) -> str:
    """The licence of the data as a card tells it, or what is known of UTKFace; "" if nothing is."""
    for card in run.cards.values():
        if card.get("data", {}).get("licence"):
            return str(card["data"]["licence"])
    known = "utkface" in str(run.config.get("source", "")).lower() and not run.config.get("synthetic")
    return "UTKFace: non-commercial research only" if known else ""
