"""Figures of NIST's evaluation of age estimation, by its definitions, so that they can stand beside its tables.

Source: NIST, Face Analysis Technology Evaluation: Age Estimation and Verification (FATE AEV), NIST IR 8525 and
https://pages.nist.gov/frvt/html/frvt_age_estimation.html. Its pictures are visa, application and border photographs and
mug shots: the same network gets other figures on other pictures.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from agelens.data.labels import GENDERS
from agelens.evaluation.age_limit_rates import NEAR_YEARS, LimitRates, limit_rates
from agelens.evaluation.resampling import Array, Codes, intervals

SOURCE = "https://pages.nist.gov/frvt/html/frvt_age_estimation.html"
MACRO_AGES = (18, 30)
CHALLENGE_25 = (18, 25)
DEFINITIONS = {
    "macro_mae": "Mean of the MAE of each cell of gender (2) and age in whole years (18 to 30), cells counted alike; "
    "NIST's table averages such 26 estimates. Cells without a face are left out and counted.",
    "challenge_25": "Share of faces labelled under 18 that are estimated at 25 or older, and the same of the ages 13 "
    "to 17 alone. NIST's table asks how often people outside the allowed range are estimated within it; its pictures "
    "and ages are its own. Faces that were not found do not pass.",
}


@dataclass(frozen=True)
class MacroMae:
    """The mean of the mean absolute errors of cells.

    Attributes:
        value: years; None where no cell has a face.
        ci95: [low, high] by bootstrap; None where too few faces tell.
        cells: how many cells have a face.
        empty_cells: how many have none.
        faces: in all cells.
        fewest: faces of the smallest cell that has one.
    """

    value: float | None
    ci95: list[float] | None
    cells: int
    empty_cells: int
    faces: int
    fewest: int

    def to_json(self) -> dict[str, Any]:
        """JSON with all of it."""
        return dict(vars(self))


def macro_mae(
    ages: Array,
    genders: Array,
    estimates: Array,
    clusters: Codes,
    seed: int,
) -> MacroMae:
    """Return the MAE averaged over cells of age, in whole years, and gender, each cell counting alike.

    Args:
        ages: labelled, years, (faces,).
        genders: labelled, 0 or 1, (faces,).
        estimates: years, (faces,).
        clusters: the duplicate group of each face.
        seed: of the bootstrap. Resamples average the cells that they have faces of.
    """
    first, last = MACRO_AGES
    inside = (ages >= first) & (ages <= last)
    cells = ((ages - first) * len(GENDERS) + genders).astype(np.int64)[inside]
    errors = np.abs(estimates - ages)[inside]
    possible = (last - first + 1) * len(GENDERS)
    counts = np.bincount(cells, minlength=possible)
    filled = int((counts > 0).sum())
    if not filled:
        return MacroMae(None, None, 0, possible, 0, 0)
    members = np.eye(possible)[cells]

    def statistic(weights: Array, values: Array) -> Array:
        faces = weights @ members
        sums = (weights * values) @ members
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.nanmean(np.where(faces > 0, sums / faces, np.nan), axis=1))

    value = float(statistic(np.ones((1, len(errors))), errors)[0])
    ends = intervals({"macro": (statistic, (errors,))}, clusters[inside], seed)["macro"]
    return MacroMae(value, ends, filled, possible - filled, len(errors), int(counts[counts > 0].min()))


def challenge_25(ages: Array, estimates: Array, clusters: Codes | None = None) -> Mapping[str, LimitRates]:
    """Return the rates at the limit of 18 and the challenge age of 25: of all, and without children under 13.

    Args:
        ages: labelled, years, (faces,).
        estimates: years, (faces,); NaN where no face was found.
        clusters: the duplicate group of each face; None where each is its own.
    """
    limit, challenge = CHALLENGE_25
    near = ages >= limit - NEAR_YEARS
    return {
        "under_18": limit_rates(ages, estimates >= challenge, limit, clusters),
        "13_to_17": limit_rates(
            ages[near], estimates[near] >= challenge, limit, None if clusters is None else clusters[near]
        ),
    }
