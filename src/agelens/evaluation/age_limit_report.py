"""The section ``age_limits`` of an evaluation: each limit, overall and by group."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agelens.data.labels import age_bounds, has_exact_age, has_label
from agelens.evaluation.age_limit_rates import (
    CHALLENGE_YEARS,
    NEAR_YEARS,
    limit_curve,
    limit_rates,
    smallest_challenge,
)
from agelens.evaluation.certainty import reliability
from agelens.evaluation.groups import groups_of
from agelens.evaluation.nist import CHALLENGE_25, DEFINITIONS, SOURCE, challenge_25, macro_mae
from agelens.evaluation.resampling import Array, clusters_of

NOTICE = (
    "These figures tell how often a rule would be wrong; they decide about nobody. An estimate is no proof of age, and "
    "who is refused must have another way to show it."
)


def measure_age_limits(
    predictions: pd.DataFrame,
    missed: pd.DataFrame,
    limits: tuple[int, ...],
    max_false_positives: float,
    seed: int,
    group_by: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the section ``age_limits`` of ``evaluation.json``.

    Args:
        predictions: rows of a face table with ``age_years``, and where the network gives them ``age_low`` and
            ``p_at_least_L`` for each limit L. A face whose age is known as a group counts for the limits that its
            whole group lies on one side of, but not among those who nearly reach one.
        missed: the rows in whose images no face was found; each counts as a refusal.
        limits: years.
        max_false_positives: largest share of under-age faces that may pass, 0 to 1.
        seed: of bootstrap intervals.
        group_by: other columns, each of whose values is a group too.
    """
    rows = pd.concat([predictions, missed], ignore_index=True) if len(missed) else predictions
    return {
        "notice": NOTICE,
        "max_false_positives": max_false_positives,
        "not_found": len(missed),
        "limits": {
            str(limit): _measure_limit(rows, limit, max_false_positives, group_by) for limit in limits
        },
        "nist": _measure_nist(rows, seed),
    }


def _measure_limit(
    rows: pd.DataFrame, limit: int, max_false_positives: float, group_by: Sequence[str]
) -> dict[str, Any]:
    rows = rows[_knows_side(rows, limit)]
    told: dict[str, Any] = {
        "overall": _measure_group(rows, limit, max_false_positives),
        "decisions": _decisions(rows, limit),
        "groups": {},
    }
    for kind, name, group in _groups(rows, group_by):
        told["groups"].setdefault(kind, {})[name] = _measure_group(group, limit, max_false_positives)
    column = f"p_at_least_{limit}"
    found = rows.dropna(subset=column) if column in rows.columns else rows.iloc[:0]
    if len(found):
        told["probability"] = reliability(
            found[column].to_numpy(float), (found["age"] >= limit).to_numpy(float), clusters_of(found)
        ).to_json()
    return told


def _knows_side(rows: pd.DataFrame, limit: int) -> NDArray[np.bool_]:
    """Which rows are known to lie under an age limit or not, (rows,); a group of ages may lie on both sides."""
    low, high = age_bounds(rows)
    return (high < limit) | (low >= limit)


def _groups(rows: pd.DataFrame, group_by: Sequence[str]) -> Iterator[tuple[str, str, pd.DataFrame]]:
    for kind, members in groups_of(rows, group_by=group_by).items():
        if kind != "age_band":
            for name, chosen in members.items():
                yield kind, name, rows[chosen]


def _measure_group(rows: pd.DataFrame, limit: int, max_false_positives: float) -> dict[str, Any]:
    ages, estimates, clusters = _columns(rows)
    challenges = range(limit, limit + CHALLENGE_YEARS + 1)
    near = has_exact_age(rows).to_numpy() & (ages >= limit - NEAR_YEARS)
    at_limit = limit_rates(ages, estimates >= limit, limit, clusters)
    nearly = limit_rates(ages[near], estimates[near] >= limit, limit, clusters[near]).to_json()
    return {
        "n": len(rows),
        "at_limit": at_limit.to_json(),
        "near_false_positives": nearly["false_positives"],
        "smallest_challenge": smallest_challenge(
            ages, estimates, limit, max_false_positives, clusters
        ).to_json(),
        "curve": limit_curve(ages, estimates, limit, challenges, clusters).to_json(),
    }


def _decisions(rows: pd.DataFrame, limit: int) -> dict[str, Any]:
    """The ways to decide beside each other: by the estimate, and by the lower end of the 90 % interval."""
    ages, estimates, clusters = _columns(rows)
    ways = {"estimate": estimates}
    if "age_low" in rows.columns:
        # Below the lower end of a two-sided 90 % interval lie 5 %: "at least this old, with 95 %".
        ways["interval_low"] = rows["age_low"].to_numpy(float)
    return {
        name: limit_rates(ages, values >= limit, limit, clusters).to_json() for name, values in ways.items()
    }


def _measure_nist(rows: pd.DataFrame, seed: int) -> dict[str, Any]:
    ages, estimates, clusters = _columns(rows)
    found = ~np.isnan(estimates) & (has_exact_age(rows) & has_label(rows, "gender")).to_numpy()
    side, exact = _knows_side(rows, CHALLENGE_25[0]), has_exact_age(rows).to_numpy()
    rates = {
        **challenge_25(ages[side], estimates[side], clusters[side]),
        # A group such as 12-17 does not tell who is 13 and older.
        "13_to_17": challenge_25(ages[exact], estimates[exact], clusters[exact])["13_to_17"],
    }
    genders = rows["gender"].to_numpy(float)
    return {
        "source": SOURCE,
        "definitions": DEFINITIONS,
        "macro_mae": macro_mae(
            ages[found], genders[found], estimates[found], clusters[found], seed
        ).to_json(),
        "challenge_25": {name: one.to_json() for name, one in rates.items()},
    }


def _columns(rows: pd.DataFrame) -> tuple[Array, Array, Array]:
    return rows["age"].to_numpy(float), rows["age_years"].to_numpy(float), clusters_of(rows)
