"""What is measured of estimates, each with its spread."""

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from agelens.data.labels import AGE_BANDS, GENDERS, age_band
from agelens.data.table import source_names

Array = NDArray[np.float64]
RESAMPLES = 2000
# What is drawn from three faces lies between the worst and the best of them, and the truth too often does not.
LEAST_FACES = 4
# Cumulative score: the share of faces estimated within this many years, the field's CS@5.
CS_YEARS = 5
AGE_RANGES = {"21 to 60": (21, 60), "16 and over": (16, 200)}


def interval(statistic: Callable[..., Any], *columns: Array, seed: int) -> list[float] | None:
    """A 95 % percentile bootstrap interval over faces (Efron and Tibshirani 1993, chapter 13).

    Of few faces the percentiles lie further out, as those of Student's distribution do (the expanded percentile
    interval; Hesterberg 2015, "What teachers should know about the bootstrap", section 5.3): of ten it then holds the
    truth in 93 and not in 90 of 100 cases, and of a thousand it is the same.

    Args:
        statistic: of the columns along ``axis``.
        columns: one value a face, resampled together.
        seed: of the resampling.

    Returns:
        [low, high], or None where it cannot be given: of fewer than LEAST_FACES, of faces that do not differ, or of
        too few of one label.
    """
    if len(columns[0]) < LEAST_FACES or all(np.ptp(column) == 0 for column in columns):
        return None
    # Blocks keep the memory flat for large parts.
    count = len(columns[0])
    block = max(1, 2_000_000 // count)
    outside = stats.norm.cdf(math.sqrt(count / (count - 1)) * stats.t.ppf(0.025, count - 1))
    with warnings.catch_warnings():
        # Resamples of a small group may hold one label only; the interval is then not a number, hence None.
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        result = stats.bootstrap(
            columns,
            statistic,
            paired=len(columns) > 1,
            vectorized=True,
            n_resamples=RESAMPLES,
            batch=block,
            method="percentile",
            confidence_level=1 - 2 * outside,
            rng=np.random.default_rng(seed),
        )
    low, high = result.confidence_interval
    return [float(low), float(high)] if np.isfinite([low, high]).all() else None


def share_interval(hits: Array, seed: int) -> list[float] | None:
    """A 95 % interval of a share, from 0 or 1 for each face.

    Where all faces are alike, nothing varies between resamples, though the next face may be otherwise: there it is the
    exact one (Clopper and Pearson 1934), of 20 hits among 20 from 0.83 to 1.
    """
    if len(hits) >= LEAST_FACES and np.ptp(hits) == 0:
        exact = stats.binomtest(int(hits.sum()), len(hits)).proportion_ci(0.95, "exact")
        return [float(exact.low), float(exact.high)]
    return interval(mean, hits, seed=seed)


def mean(values: Array, axis: int = -1) -> Any:
    return np.mean(values, axis=axis)


def root_mean(values: Array, axis: int = -1) -> Any:
    return np.sqrt(np.mean(values, axis=axis))


def auc(labels: Array, scores: Array, axis: int = -1) -> Any:
    """Area under the ROC curve from ranks (Mann and Whitney 1947); NaN where only one label occurs.

    Args:
        labels: 0 or 1. scores: any order-preserving score. Both of the same shape.
    """
    ranks = stats.rankdata(scores, axis=axis)
    positives = labels.sum(axis=axis)
    negatives = labels.shape[axis] - positives
    area = (ranks * labels).sum(axis=axis) - positives * (positives + 1) / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        return area / (positives * negatives)


def measure_age(ages: Array, estimates: Array, seed: int) -> dict[str, Any]:
    """MAE, RMSE and bias (estimate less age) in years and CS@5, each with its 95 % interval, of one group."""
    errors = np.asarray(estimates, float) - np.asarray(ages, float)
    within = (np.abs(errors) <= CS_YEARS).astype(float)
    return {
        "n": len(errors),
        "mae": float(np.abs(errors).mean()),
        "mae_ci95": interval(mean, np.abs(errors), seed=seed),
        "cs5": float(within.mean()),
        "cs5_ci95": share_interval(within, seed),
        "rmse": float(root_mean(errors**2)),
        "rmse_ci95": interval(root_mean, errors**2, seed=seed),
        "bias": float(errors.mean()),
        "bias_ci95": interval(mean, errors, seed=seed),
    }


def measure_intervals(rows: pd.DataFrame, seed: int) -> dict[str, Any]:
    """Of intervals ``age_low`` to ``age_high``: the share that holds the age, and their mean width in years.

    Empty where the network gives none.
    """
    if "age_low" not in rows.columns:
        return {}
    held = np.asarray(rows["age"].between(rows["age_low"], rows["age_high"]), np.float64)
    return {
        "coverage": float(held.mean()),
        "coverage_ci95": share_interval(held, seed),
        "interval_years": float((rows["age_high"] - rows["age_low"]).mean()),
    }


def measure_gender(labels: Array, p_female: Array, seed: int) -> dict[str, Any]:
    """Accuracy at one half and AUC, each with its 95 % interval, of one group; AUC is None for one label only."""
    labels, p_female = np.asarray(labels, float), np.asarray(p_female, float)
    right = ((p_female >= 0.5) == (labels == 1)).astype(float)
    both = 0 < labels.sum() < len(labels)
    return {
        "n": len(labels),
        "accuracy": float(right.mean()),
        "accuracy_ci95": share_interval(right, seed),
        "auc": float(auc(labels, p_female)) if both else None,
        "auc_ci95": interval(auc, labels, p_female, seed=seed) if both else None,
    }


def given_groups(predictions: pd.DataFrame, group_by: Sequence[str] = ()) -> dict[str, tuple[Any, list[str]]]:
    """Columns of a table by whose values figures are told, and these values: race, source and what is asked for.

    One source alone is no group.
    """
    names = dict.fromkeys(["race", *(["source"] if len(source_names(predictions)) > 1 else []), *group_by])
    return {name: (predictions[name], sorted(set(predictions[name].dropna()) - {""})) for name in names}


MEASURES = {"age": ("age_years", measure_age), "gender": ("p_female", measure_gender)}


def measure(predictions: pd.DataFrame, task: str, seed: int, group_by: Sequence[str] = ()) -> dict[str, Any]:
    """All figures of a task, overall and under ``groups`` by age band, range of ages, gender, race and source.

    The ranges overlap the bands: the field publishes ages of 21 to 60 and gender from 16 on. Where age comes with
    intervals, there are groups by the band of the estimate too, for which the intervals are made.

    Args:
        predictions: a face table with ``age_years`` (years) or ``p_female`` (0 to 1).
        task: "age" or "gender".
        group_by: other columns, each of whose values is a group too.
    """
    column, figures = MEASURES[task]

    def of(rows: pd.DataFrame) -> dict[str, Any]:
        found = figures(rows[task].to_numpy(float), rows[column].to_numpy(float), seed)
        return {**found, **measure_intervals(rows, seed)} if task == "age" else found

    keys = {
        "age_band": (age_band(predictions["age"]), AGE_BANDS),
        "gender": (predictions["gender"].map(dict(enumerate(GENDERS))), GENDERS),
        **given_groups(predictions, group_by),
    }
    if task == "age" and "age_low" in predictions.columns:
        keys["predicted_band"] = (age_band(predictions["age_years"].clip(lower=0)), AGE_BANDS)
    groups = {
        name: {str(value): of(predictions[key == value]) for value in values if (key == value).any()}
        for name, (key, values) in keys.items()
    }
    ranges = {name: predictions["age"].between(*ends) for name, ends in AGE_RANGES.items()}
    groups["age_range"] = {name: of(predictions[rows]) for name, rows in ranges.items() if rows.any()}
    return {**of(predictions), "groups": groups}
