"""Data sets whose file names, or folders, are their labels."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath

from agelens.data.labels import AGE_RANGE, middle_age

Parse = Callable[[PurePosixPath], dict[str, object] | str]


@dataclass(frozen=True)
class NameFormat:
    """A way to write labels into the paths of images.

    Attributes:
        name: for ``--format``.
        title: for a person.
        parse: gives the columns of the face table from a path relative to its source, or what is wrong with it.
    """

    name: str
    title: str
    parse: Parse


def labels_row(
    age: int | tuple[int, int] | None, gender: int | None, race: str = "", taken_at: str = "", **others: str
) -> dict[str, object] | str:
    """Return labels as columns of the face table, or what is wrong with them.

    Args:
        age: years, or first and last year of a group; None where it is not labelled.
        gender: 0 male, 1 female, or None.
    """
    low, high = age if isinstance(age, tuple) else (age, age)
    if low is not None and high is not None and not AGE_RANGE[0] <= low <= high <= AGE_RANGE[1]:
        return f"age {low} is outside {AGE_RANGE[0]} to {AGE_RANGE[1]}"
    return {
        "age": None if low is None or high is None else middle_age(low, high),
        "age_min": low,
        "age_max": high,
        "gender": gender,
        "race": race,
        "taken_at": taken_at,
        **others,
    }


GENDER_LETTERS = {"m": 0, "f": 1}
