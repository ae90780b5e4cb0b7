"""The labels of a face table: their ranges, names and bands."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agelens.data.rows import MOST_DIGITS
from agelens.utils.ages import OLDEST

AGE_RANGE = (0, OLDEST)


GENDERS = ("male", "female")


RACES = ("White", "Black", "Asian", "Indian", "Other")


# Bands of ten years carry every stratum and every table by age; the last one is open.
AGE_BANDS = ("0-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69", "70-79", "80+")


# An open group such as "70 and over" counts as this wide where its middle is asked for.
_OPEN_GROUP_YEARS = 10


def middle_age(age_min: int, age_max: int) -> int:
    """Return the middle of a group of ages in whole years; of an open group that of its first ten years.

    Args:
        age_min, age_max: first and last year of the group, both included; equal for an exact age.
    """
    if age_max >= AGE_RANGE[1] and age_max - age_min >= _OPEN_GROUP_YEARS:
        age_max = age_min + _OPEN_GROUP_YEARS - 1
    return (age_min + age_max) // 2


def group_name(age_min: int, age_max: int) -> str:
    """Return what a group of ages is called, such as "20-29" or "70+"; an exact age is called by its years."""
    if age_min == age_max:
        return str(age_min)
    return f"{age_min}+" if age_max >= AGE_RANGE[1] else f"{age_min}-{age_max}"


def age_bounds(table: pd.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return first and last year of what is known of each age, float64 (rows,); NaN where it is not labelled."""
    if "age_min" not in table.columns:
        ages = table["age"].to_numpy(np.float64)
        return ages, ages
    return table["age_min"].to_numpy(np.float64), table["age_max"].to_numpy(np.float64)


def has_age_group(table: pd.DataFrame) -> "pd.Series[bool]":
    """Return for each row whether its age is known as a group only; the column ``age`` is then the middle of it."""
    low, high = age_bounds(table)
    return pd.Series(low < high, index=table.index)


def has_exact_age(table: pd.DataFrame) -> "pd.Series[bool]":
    """Return for each row whether its age is known in years."""
    low, high = age_bounds(table)
    return pd.Series(low == high, index=table.index)


def has_label(table: pd.DataFrame, task: str) -> "pd.Series[bool]":
    """Return for each row whether it is labelled for a task, "age" (also as a group) or "gender"."""
    return table[task].notna()


def labelled_tasks(table: pd.DataFrame) -> tuple[str, ...]:
    """Return the tasks, "age" and "gender", that at least one row is labelled for."""
    return tuple(task for task in ("age", "gender") if has_label(table, task).any())


def out_of_range(age: int, gender: int) -> str:
    """What is wrong with labels that are whole numbers; empty where nothing is."""
    if not AGE_RANGE[0] <= age <= AGE_RANGE[1]:
        return f"age {age} is outside {AGE_RANGE[0]} to {AGE_RANGE[1]}"
    if gender not in (0, 1):
        return f"gender code {gender} is not 0 (male) or 1 (female)"
    return ""


def race_name(race: str) -> str:
    """UTKFace's codes become names; any other word of a manifest stays as it is (it is only an audit column)."""
    if race.isdecimal() and len(race) <= MOST_DIGITS and int(race) < len(RACES):
        return RACES[int(race)]
    return race


def age_band(ages: "pd.Series[int] | pd.Series[float]") -> "pd.Series[str]":
    """The band of ten years of each age, as one of AGE_BANDS."""
    return (ages // 10).clip(upper=len(AGE_BANDS) - 1).map(dict(enumerate(AGE_BANDS)))
