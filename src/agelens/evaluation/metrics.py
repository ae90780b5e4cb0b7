"""What is measured of estimates, each with its 95 % interval."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from agelens.data.labels import AGE_BANDS, GENDERS, age_band
from agelens.data.table import source_names
from agelens.evaluation.comparisons import paired, welch
from agelens.evaluation.groups import age_ranges, group_columns
from agelens.evaluation.resampling import (
    LEAST_FACES,
    Array,
    Codes,
    auc,
    clusters_of,
    intervals,
    mean,
    root_mean,
)
from agelens.evaluation.shares import share_of

# Cumulative score: the share of faces estimated within this many years, the field's CS@5.
CS_YEARS = 5


def interval(values: Array, seed: int, clusters: Codes | None = None) -> list[float] | None:
    """Return the 95 % bootstrap interval of a mean, by duplicate group; None of too few faces, or of equal ones.

    Args:
        values: one a face, (faces,).
        seed: of the resampling.
        clusters: the duplicate group of each face; None where each is its own.
    """
    codes = np.arange(len(values)) if clusters is None else clusters
    return intervals({"mean": (mean, (values,))}, codes, seed)["mean"]


def share_interval(hits: Array, clusters: Codes | None = None) -> list[float] | None:
    """Return the 95 % Wilson interval of a share, from 0 or 1 a face; None of fewer than LEAST_FACES."""
    share = share_of(hits, clusters)
    return None if share is None or share.faces < LEAST_FACES else share.ci95


def measure_age(ages: Array, estimates: Array, seed: int, clusters: Codes | None = None) -> dict[str, Any]:
    """Return MAE, RMSE and bias (estimate less age) in years and CS@5 of one group, with 95 % intervals.

    Args:
        ages: labelled, years, (faces,).
        estimates: years, (faces,).
        seed: of the resampling.
        clusters: the duplicate group of each face; None where each is its own.
    """
    errors = np.asarray(estimates, float) - np.asarray(ages, float)
    within = (np.abs(errors) <= CS_YEARS).astype(float)
    codes = np.arange(len(errors)) if clusters is None else clusters
    ends = intervals(
        {
            "mae": (mean, (np.abs(errors),)),
            "rmse": (root_mean, (errors**2,)),
            "bias": (mean, (errors,)),
        },
        codes,
        seed,
    )
    return {
        "n": len(errors),
        "mae": float(np.abs(errors).mean()),
        "mae_ci95": ends["mae"],
        "cs5": float(within.mean()),
        "cs5_ci95": share_interval(within, codes),
        "rmse": float(np.sqrt((errors**2).mean())),
        "rmse_ci95": ends["rmse"],
        "bias": float(errors.mean()),
        "bias_ci95": ends["bias"],
    }


def measure_intervals(rows: pd.DataFrame, clusters: Codes | None = None) -> dict[str, Any]:
    """Return the share of intervals ``age_low`` to ``age_high`` that hold the age, and their mean width in years.

    Empty where the network gives none.
    """
    if "age_low" not in rows.columns:
        return {}
    held = np.asarray(rows["age"].between(rows["age_low"], rows["age_high"]), np.float64)
    return {
        "coverage": float(held.mean()),
        "coverage_ci95": share_interval(held, clusters),
        "interval_years": float((rows["age_high"] - rows["age_low"]).mean()),
    }


def measure_gender(
    labels: Array, p_female: Array, seed: int, clusters: Codes | None = None
) -> dict[str, Any]:
    """Return accuracy at one half and AUC of one group, with 95 % intervals; AUC is None for one label only.

    Args:
        labels: 0 male, 1 female, (faces,).
        p_female: probability of female, (faces,).
        seed: of the resampling.
        clusters: the duplicate group of each face; None where each is its own.
    """
    labels, p_female = np.asarray(labels, float), np.asarray(p_female, float)
    right = ((p_female >= 0.5) == (labels == 1)).astype(float)
    both = 0 < labels.sum() < len(labels)
    codes = np.arange(len(labels)) if clusters is None else clusters
    area = {"auc": (auc, (labels, p_female))} if both else {}
    return {
        "n": len(labels),
        "accuracy": float(right.mean()),
        "accuracy_ci95": share_interval(right, codes),
        "auc": float(auc(np.ones((1, len(labels))), labels, p_female)[0]) if both else None,
        "auc_ci95": intervals(area, codes, seed)["auc"] if both else None,
    }


def independent(clusters: Codes) -> int:
    """Return how many faces count as evidence of their own: those of one duplicate group count once."""
    return len(np.unique(clusters))


def given_groups(predictions: pd.DataFrame, group_by: Sequence[str] = ()) -> dict[str, tuple[Any, list[str]]]:
    """Columns of a table by whose values figures are told, and these values: race, source and what is asked for.

    One source alone is no group.
    """
    names = dict.fromkeys(["race", *(["source"] if len(source_names(predictions)) > 1 else []), *group_by])
    # Gender is a group in any case, by its words.
    names.pop("gender", None)
    return {name: (predictions[name], sorted(set(predictions[name].dropna()) - {""})) for name in names}


MEASURES: dict[str, tuple[str, Callable[..., dict[str, Any]]]] = {
    "age": ("age_years", measure_age),
    "gender": ("p_female", measure_gender),
}


def measure(predictions: pd.DataFrame, task: str, seed: int, group_by: Sequence[str] = ()) -> dict[str, Any]:
    """All figures of a task, overall and under ``groups`` by age band, range of ages, gender, race and source.

    The ranges overlap the bands: the field publishes ages of 21 to 60 and gender from 16 on. An age that is known as a
    group is in a band or range only where all of the group is. Where age comes with
    intervals, there are groups by the band of the estimate too, for which the intervals are made. Each group but the
    ranges is tested against all other faces, for `agelens.evaluation.limitations`. ``independent`` is how many faces of
    a group are left where near duplicates count once.

    Args:
        predictions: a face table with ``age_years`` (years) or ``p_female`` (0 to 1), and with ``group`` where an
            audit found duplicates.
        task: "age" or "gender".
        seed: of the resampling.
        group_by: other columns, each of whose values is a group too.
    """
    column, figures = MEASURES[task]
    clusters = clusters_of(predictions)

    def of(chosen: Array) -> dict[str, Any]:
        rows, codes = predictions[chosen], clusters[chosen]
        found = figures(rows[task].to_numpy(float), rows[column].to_numpy(float), seed, codes)
        return {**found, **measure_intervals(rows, codes)} if task == "age" else found

    keys = {
        "age_band": (group_columns(predictions)["age_band"], AGE_BANDS),
        "gender": (predictions["gender"].map(dict(enumerate(GENDERS))), GENDERS),
        **given_groups(predictions, group_by),
    }
    if task == "age" and "age_low" in predictions.columns:
        keys["predicted_band"] = (age_band(predictions["age_years"].clip(lower=0)), AGE_BANDS)
    scores = _scores(predictions, task)
    groups = {
        name: {
            str(value): {
                **of(chosen),
                "independent": independent(clusters[chosen]),
                **_against_rest(scores, chosen, clusters),
            }
            for value in values
            if (chosen := (key == value).to_numpy()).any()
        }
        for name, (key, values) in keys.items()
    }
    groups["age_range"] = {
        name: {**of(rows), "independent": independent(clusters[rows])}
        for name, rows in age_ranges(predictions).items()
        if rows.any()
    }
    return {**of(np.full(len(predictions), True)), "groups": groups}


def _scores(predictions: pd.DataFrame, task: str) -> dict[str, Array]:
    """One value a face of what groups are judged by: errors in years, or whether the gender is right."""
    if task == "age":
        errors = (predictions["age_years"] - predictions["age"]).to_numpy(float)
        return {"mae": np.abs(errors), "bias": errors}
    right = (predictions["p_female"] >= 0.5) == (predictions["gender"] == 1)
    return {"accuracy": right.to_numpy(float)}


def _against_rest(scores: dict[str, Array], chosen: Array, clusters: Codes) -> dict[str, Any]:
    """How a group does beside all other faces, how far it is off to one side, and how likely by chance alone."""
    told: dict[str, Any] = {}
    for name, values in scores.items():
        if name == "bias":
            told["bias_p"] = paired(values[chosen], clusters[chosen]).p
        elif not chosen.all():
            apart = welch(values[chosen], values[~chosen], clusters[chosen], clusters[~chosen])
            told |= {f"{name}_less_rest": apart.value, f"{name}_p": apart.p}
    return told
