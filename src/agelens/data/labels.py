"""The labels of a face table: their ranges, names and bands."""

import pandas as pd

from agelens.data.rows import MOST_DIGITS

AGE_RANGE = (0, 116)


GENDERS = ("male", "female")


RACES = ("White", "Black", "Asian", "Indian", "Other")


# Bands of ten years carry every stratum and every table by age; the last one is open.
AGE_BANDS = ("0-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69", "70-79", "80+")


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


def age_band(ages: "pd.Series[int]") -> "pd.Series[str]":
    """The band of ten years of each age, as one of AGE_BANDS."""
    return (ages // 10).clip(upper=len(AGE_BANDS) - 1).map(dict(enumerate(AGE_BANDS)))
