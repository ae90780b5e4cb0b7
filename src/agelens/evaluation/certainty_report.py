"""The section ``certainty`` of an evaluation: coverage by group, reliability of gender, and abstaining."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from agelens.data.labels import has_exact_age, has_label
from agelens.evaluation.certainty import abstain, bins_by_quantile, coverage, reliability
from agelens.evaluation.groups import groups_of
from agelens.evaluation.metrics import interval
from agelens.evaluation.resampling import clusters_of
from agelens.evaluation.shares import share_of

LEVELS = (0.8, 0.9, 0.95)
_WIDTH_BINS = 5
# Gender is mostly stated with more than 0.9: there the bins are narrow.
_CERTAINTY_EDGES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)


def level_columns(level: float) -> tuple[str, str]:
    """Return the names of the columns that hold the ends of intervals of a coverage; those of 90 % bear no number."""
    return (
        ("age_low", "age_high")
        if level == 0.9
        else (f"age_low_{level:.0%}"[:-1], f"age_high_{level:.0%}"[:-1])
    )


def measure_certainty(
    predictions: pd.DataFrame,
    calibrated: Mapping[float, bool],
    temperature: float,
    allowed_error: float,
    seed: int,
    group_by: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the section ``certainty`` of ``evaluation.json``.

    Args:
        predictions: rows of a face table with ``p_female``, and the columns of `level_columns`, as far as there are.
        calibrated: for each coverage whether the bundle was calibrated for it, and not for 90 % alone.
        temperature: by which the bundle's logits of gender are divided.
        allowed_error: largest share of wrong genders among those answered.
        seed: of bootstrap intervals.
        group_by: other columns, each of whose values is a group too.
    """
    told: dict[str, Any] = {}
    aged = predictions[has_exact_age(predictions)]
    gendered = predictions[has_label(predictions, "gender")]
    levels = [level for level in LEVELS if level_columns(level)[0] in predictions.columns]
    if levels and len(aged):
        told["age"] = {
            "levels": {
                f"{level:.0%}"[:-1]: {
                    "calibrated": calibrated[level],
                    **_measure_level(aged, level, group_by),
                }
                for level in levels
            },
            "error_by_width": _error_by_width(aged, seed),
        }
    if "p_female" in predictions.columns and len(gendered):
        told["gender"] = {"temperature": temperature, **_measure_gender(gendered, allowed_error)}
    return told


def _measure_level(rows: pd.DataFrame, level: float, group_by: Sequence[str]) -> dict[str, Any]:
    def of(group: pd.DataFrame) -> dict[str, Any]:
        ages, low, high = (group[name].to_numpy(float) for name in ("age", *level_columns(level)))
        found = coverage(ages, low, high, level, clusters_of(group))
        assert found is not None
        return found.to_json()

    groups = {
        kind: {name: of(rows[chosen]) for name, chosen in members.items()}
        for kind, members in groups_of(rows, group_by=group_by).items()
    }
    return {**of(rows), "groups": groups}


def _error_by_width(rows: pd.DataFrame, seed: int) -> list[dict[str, Any]]:
    """The error of faces with narrow and with wide intervals: where certainty is worth something, it grows."""
    width = (rows["age_high"] - rows["age_low"]).to_numpy(float)
    errors = (rows["age_years"] - rows["age"]).abs().to_numpy(float)
    clusters = clusters_of(rows)
    return [
        {
            "from_years": low,
            "to_years": high,
            "n": int(chosen.sum()),
            "mae": float(errors[chosen].mean()),
            "mae_ci95": interval(errors[chosen], seed, clusters[chosen]),
        }
        for low, high, chosen in bins_by_quantile(width, _WIDTH_BINS)
    ]


def _measure_gender(rows: pd.DataFrame, allowed_error: float) -> dict[str, Any]:
    p_female, labels = rows["p_female"].to_numpy(float), rows["gender"].to_numpy(float)
    certainty, right = np.maximum(p_female, 1 - p_female), ((p_female >= 0.5) == (labels == 1)).astype(float)
    clusters = clusters_of(rows)
    by_certainty = []
    for low, high in pairwise(_CERTAINTY_EDGES):
        chosen = (certainty >= low) & ((certainty < high) | (high == 1.0))
        if (share := share_of(right[chosen], clusters[chosen])) is not None:
            stated = float(certainty[chosen].mean())
            by_certainty.append(
                {"from": low, "to": high, "n": share.faces, "stated": stated, "accuracy": share.value,
                 "accuracy_ci95": share.ci95}
            )  # fmt: skip
    return {
        "reliability": reliability(p_female, labels, clusters).to_json(),
        "accuracy_by_certainty": by_certainty,
        "abstain": abstain(certainty, right, allowed_error, clusters).to_json(),
    }
