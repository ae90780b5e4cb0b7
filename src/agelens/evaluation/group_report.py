"""The section ``disaggregated`` of an evaluation: age error, gender accuracy and coverage by group and by pair."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from agelens.data.labels import age_bounds, has_age_group, has_exact_age, has_label
from agelens.evaluation.age_groups import years_outside
from agelens.evaluation.comparisons import SIGNIFICANCE, holm
from agelens.evaluation.disaggregation import Disaggregated, disaggregate
from agelens.evaluation.groups import PAIR, groups_of, kind_title
from agelens.evaluation.resampling import Array, clusters_of

TITLES = {
    "age_mae": "Age: mean absolute error (years)",
    "right_group": "Age: in the right group",
    "gender_accuracy": "Gender: accuracy",
    "coverage": "Age: share held by the 90 % intervals",
}
_GAPS = 6


@dataclass(frozen=True)
class FaceScores:
    """One value a face.

    Attributes:
        rows: the faces that have one.
        values: in the same order.
        fewer_is_better: whether a smaller value is the better one.
    """

    rows: pd.DataFrame
    values: Array
    fewer_is_better: bool


def face_scores(predictions: pd.DataFrame) -> dict[str, FaceScores]:
    """Return the scores of faces by name, as far as the predictions and the labels have them.

    Args:
        predictions: rows of a face table with the estimates of a network.
    """
    found = {}
    aged = predictions[has_exact_age(predictions)]
    gendered = predictions[has_label(predictions, "gender")]
    if "age_years" in predictions.columns and len(aged):
        errors = (aged["age_years"] - aged["age"]).abs().to_numpy(float)
        found["age_mae"] = FaceScores(aged, errors, True)
    grouped = predictions[has_age_group(predictions)]
    if "age_years" in predictions.columns and len(grouped):
        outside = years_outside(grouped["age_years"].to_numpy(np.float64), *age_bounds(grouped))
        found["right_group"] = FaceScores(grouped, (outside == 0).astype(float), False)
    if "p_female" in predictions.columns and len(gendered):
        right = (gendered["p_female"] >= 0.5) == (gendered["gender"] == 1)
        found["gender_accuracy"] = FaceScores(gendered, right.to_numpy(float), False)
    if "age_low" in predictions.columns and len(aged):
        held = aged["age"].between(aged["age_low"], aged["age_high"])
        found["coverage"] = FaceScores(aged, held.to_numpy(float), False)
    return found


def measure_groups(predictions: pd.DataFrame, seed: int, group_by: Sequence[str] = ()) -> dict[str, Any]:
    """Return the section ``disaggregated`` of ``evaluation.json``: the figures and the largest gaps in words.

    Args:
        predictions: rows of a face table with the estimates of a network. Each figure is of the faces that have the
            label for it: ages in years, ages that are groups, genders.
        seed: of the bootstrap.
        group_by: other columns, each of whose values is a group too.
    """
    found = {
        name: disaggregate(
            one.values,
            groups_of(one.rows, pairs=True, group_by=group_by),
            clusters_of(one.rows),
            one.fewer_is_better,
            seed,
        )
        for name, one in face_scores(predictions).items()
    }
    return {
        "figures": {name: figures.to_json() for name, figures in found.items()},
        "gaps": [line for name, figures in found.items() for line in largest_gaps(name, figures)],
    }


def largest_gaps(name: str, figures: Disaggregated) -> list[str]:
    """Return the gaps between the best and the worst group of each kind in words, the largest _GAPS of them.

    A gap is told where its p, which counts the pairs of groups that best and worst were picked from, is below 0.05
    after Holm's correction for the number of kinds. Pairs of kinds come after single ones.

    Args:
        name: one of TITLES.
        figures: of `disaggregate`.
    """
    gaps = []
    corrected = holm([groups.p for groups in figures.kinds.values()])
    for (kind, groups), p in zip(figures.kinds.items(), corrected, strict=True):
        if not groups.worst or p >= SIGNIFICANCE:
            continue
        worst, best = groups.by_group[groups.worst], groups.by_group[groups.best]
        ends = worst.difference_ci95
        if ends and worst.difference:
            sentence = (
                f"{TITLES[name]}, {kind_title(kind).lower()}: {groups.worst} {_told(name, worst.value)} "
                f"({worst.faces:,} faces) against {groups.best} {_told(name, best.value)} ({best.faces:,} faces), a "
                f"difference of {_difference(name, abs(worst.difference), ends)}."
            )
            gaps.append((PAIR in kind, -abs(worst.difference), sentence))
    return [sentence for *_, sentence in sorted(gaps)][:_GAPS]


def _difference(name: str, value: float, ends: list[float]) -> str:
    scale, unit = (1, "years") if name == "age_mae" else (100, "points")
    low, high = (scale * end for end in (ends if ends[0] + ends[1] > 0 else (-ends[1], -ends[0])))
    return f"{scale * value:.1f} {unit} [{low:.1f}, {high:.1f}]"


def _told(name: str, value: float) -> str:
    return f"{value:.1f} years" if name == "age_mae" else f"{100 * value:.1f} %"
