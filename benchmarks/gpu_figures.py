"""What is measured of a network or an ensemble, on faces with exact ages (UTKFace) and with age groups (FairFace).

Needs NumPy alone. `gpu_finetune.py` and `gpu_ensembles.py` use this; it is no program.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Labels = Mapping[str, NDArray[np.generic]]
UTKFACE, FAIRFACE = 0, 1
# Where FairFace's age groups begin, and the end of the last.
GROUPS = (0, 3, 10, 20, 30, 40, 50, 60, 70, 117)


def measure(age: Floats, female: Floats, labels: Labels) -> dict[str, float]:
    """Return the figures, each rounded to four decimals.

    Args:
        age: probabilities of the ages from 0 up, (faces, ages).
        female: logit of female, (faces,).
        labels: columns `source`, `low`, `high` (years), `gender` (1 is female) and `race` (a number from 0 to 6; -1 for
            UTKFace), (faces,) each.
    """
    age, female = age.astype(np.float64), female.astype(np.float64)
    gender = np.asarray(labels["gender"])
    right = (female > 0) == (gender == 1)
    log_loss = np.logaddexp(0, female) - gender * female
    figures: dict[str, float] = {}
    for source, of_source in ((UTKFACE, _measure_exact), (FAIRFACE, _measure_groups)):
        own = labels["source"] == source
        if own.any():
            columns = {name: column[own] for name, column in labels.items()}
            figures |= of_source(age[own], right[own], log_loss[own], columns)
    return {name: round(float(value), 4) for name, value in figures.items()}


def median(age: Floats) -> NDArray[np.integer]:
    """Return the median age of each distribution, (faces,)."""
    return (age.cumsum(1) < 0.5).sum(1)


def _measure_exact(age: Floats, right: Floats, log_loss: Floats, labels: Labels) -> dict[str, float]:
    years = np.asarray(labels["low"])
    error = np.abs(median(age) - years)
    return {
        "utkface_mae": error.mean(),
        "utkface_mae_of_mean": np.abs(age @ np.arange(age.shape[1]) - years).mean(),
        "utkface_cs5": (error <= 5).mean(),
        "utkface_age_log_loss": -np.log(age[np.arange(len(age)), years] + 1e-9).mean(),
        "utkface_gender": right.mean(),
        "utkface_gender_log_loss": log_loss.mean(),
        "utkface_gender_16_and_over": _mean(right[years >= 16]),
    }


def _measure_groups(age: Floats, right: Floats, log_loss: Floats, labels: Labels) -> dict[str, float]:
    low, high, race = (np.asarray(labels[name]) for name in ("low", "high", "race"))
    ages, middle = np.arange(age.shape[1]), median(age)
    of_groups = np.add.reduceat(age, GROUPS[:-1], axis=1)
    inside = (ages >= low[:, None]) & (ages <= high[:, None])
    return {
        "fairface_group": (np.array(GROUPS)[of_groups.argmax(1)] == low).mean(),
        "fairface_median_in_group": ((middle >= low) & (middle <= high)).mean(),
        "fairface_age_log_loss": -np.log((age * inside).sum(1) + 1e-9).mean(),
        "fairface_gender": right.mean(),
        "fairface_gender_log_loss": log_loss.mean(),
        "fairface_gender_under_10": _mean(right[high < 10]),
        "fairface_gender_worst_race": min(right[race == one].mean() for one in np.unique(race)),
    }


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else float("nan")
