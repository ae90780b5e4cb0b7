"""Figures of estimated ages where an age is known as a group only, such as 20-29.

An estimate lies in a group if its completed years do: 29.9 years lies in 20-29, and 30.0 does not. The groups of a
source stand in order, and the neighbours of the right one count for the one-off accuracy of Adience's benchmark
(Levi and Hassner 2015).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agelens.data.labels import GENDERS, group_name
from agelens.data.table import source_names
from agelens.evaluation.metrics import given_groups, independent, interval, share_interval
from agelens.evaluation.resampling import Codes, clusters_of

Floats = NDArray[np.float64]
Groups = list[tuple[int, int]]


def measure_age_groups(predictions: pd.DataFrame, seed: int) -> dict[str, Any]:
    """Return how often estimated ages lie in the group that is known, and how far outside it.

    Args:
        predictions: rows of a face table whose ages are groups (``age_min`` and ``age_max``), with ``age_years``.
        seed: of the bootstrap.

    Returns:
        ``n``; ``right_group``, the share in the right group; ``years_outside``, the mean distance from it in years, 0
        within; ``one_off``, the share in the right group or one beside it; where there are prediction intervals
        ``interval_meets``, the share of them that hold some age of the group (the share that holds the age itself,
        which nobody knows, is at most as large); each with a 95 % interval; ``interval_years``, their mean width; and
        ``confusion``, by name of the source its ``groups`` and ``counts``, labelled by row and estimated by column.
    """
    years = predictions["age_years"].to_numpy(np.float64)
    low, high = (predictions[name].to_numpy(np.float64) for name in ("age_min", "age_max"))
    outside = years_outside(years, low, high)
    right = (outside == 0).astype(np.float64)
    near, confusion = np.zeros(len(years)), {}
    origin = predictions["source"].to_numpy()
    for name in source_names(predictions):
        rows = origin == name
        groups = _groups(low[rows], high[rows])
        labelled = np.array(
            [groups.index((int(a), int(b))) for a, b in zip(low[rows], high[rows], strict=True)]
        )
        estimated = _nearest(years[rows], groups)
        near[rows] = np.abs(labelled - estimated) <= 1
        counts = np.zeros((len(groups), len(groups)), int)
        np.add.at(counts, (labelled, estimated), 1)
        confusion[name] = {"groups": [group_name(*group) for group in groups], "counts": counts.tolist()}
    near, clusters = np.maximum(near, right), clusters_of(predictions)
    return {
        "n": len(years),
        "right_group": float(right.mean()),
        "right_group_ci95": share_interval(right, clusters),
        "years_outside": float(outside.mean()),
        "years_outside_ci95": interval(outside, seed, clusters),
        "one_off": float(near.mean()),
        "one_off_ci95": share_interval(near, clusters),
        **_intervals(predictions, low, high, clusters),
        "confusion": confusion,
    }


def _intervals(rows: pd.DataFrame, low: Floats, high: Floats, clusters: Codes) -> dict[str, Any]:
    """How many prediction intervals meet the group; {} where the network gives none."""
    if "age_low" not in rows.columns:
        return {}
    begin, end = (rows[name].to_numpy(np.float64) for name in ("age_low", "age_high"))
    meets = ((begin < high + 1) & (end >= low)).astype(np.float64)
    return {
        "interval_meets": float(meets.mean()),
        "interval_meets_ci95": share_interval(meets, clusters),
        "interval_years": float((end - begin).mean()),
    }


def measure_group_labels(
    predictions: pd.DataFrame, seed: int, group_by: Sequence[str] = ()
) -> dict[str, Any]:
    """Return `measure_age_groups`, overall and under ``groups`` by group of ages, gender, race, source and columns.

    Args:
        predictions, seed: as of `measure_age_groups`.
        group_by: other columns, each of whose values is a group too.
    """
    bounds = list(zip(predictions["age_min"].astype(int), predictions["age_max"].astype(int), strict=True))
    labels = pd.Series([group_name(*pair) for pair in bounds], index=predictions.index)
    keys = {
        "age_group": (labels, [group_name(*pair) for pair in sorted(set(bounds))]),
        "gender": (predictions["gender"].map(dict(enumerate(GENDERS))), list(GENDERS)),
        **given_groups(predictions, group_by),
    }
    groups = {
        name: {value: _of_group(predictions[key == value], seed) for value in values if (key == value).any()}
        for name, (key, values) in keys.items()
    }
    return {**measure_age_groups(predictions, seed), "groups": groups}


def _of_group(rows: pd.DataFrame, seed: int) -> dict[str, Any]:
    figures = {key: value for key, value in measure_age_groups(rows, seed).items() if key != "confusion"}
    return {**figures, "independent": independent(clusters_of(rows))}


def years_outside(years: Floats, low: Floats | np.float64, high: Floats | np.float64) -> Floats:
    """Return how many years each estimate lies outside its group, 0 within.

    Args:
        years: estimates. low, high: first and last year of the groups, both included: 20 to 29 ends before 30.
    """
    return np.where(years < low, low - years, np.where(years >= high + 1, years - high, 0.0))


def _groups(low: Floats, high: Floats) -> Groups:
    """The groups that occur, in order."""
    return sorted({(int(a), int(b)) for a, b in zip(low, high, strict=True)})


def _nearest(years: Floats, groups: Groups) -> NDArray[np.int64]:
    """Of each estimate the group that it lies in, or the nearest where the groups leave gaps."""
    distances = np.array(
        [
            years_outside(years, np.asarray(low, np.float64), np.asarray(high, np.float64))
            for low, high in groups
        ]
    )
    return np.asarray(distances.argmin(axis=0), np.int64)
