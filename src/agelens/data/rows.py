"""Rows of the face table as sources give them, and what the name of a file of UTKFace says."""

import re
from dataclasses import dataclass, field

AGE_RANGE = (0, 116)
GENDERS = ("male", "female")
RACES = ("White", "Black", "Asian", "Indian", "Other")

# Python refuses to read numbers of thousands of digits.
_MOST_DIGITS = 9
_UTKFACE_NAME = re.compile(r"(?P<age>\d+)_(?P<gender>\d+)_(?P<race>\d+)_(?P<taken_at>\d+)(\D.*)?")


@dataclass(frozen=True)
class Rejected:
    """A file that was left out, and why."""

    file: str
    reason: str


@dataclass
class Rows:
    """What reading a source gives before any image is looked at.

    Attributes:
        rows: the columns of the face table but for the digest.
        rejected: files whose name or row is malformed, and what a folder holds besides images.
        notes: sentences for the person: what was skipped, and how something was understood.
        hints: further ones, that tell why files may not be found.
    """

    rows: list[dict[str, object]] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)


def is_line(name: str) -> bool:
    """Whether a name is text in one line; on Linux it may be any bytes."""
    return not any(letter < " " or "\ud800" <= letter <= "\udfff" for letter in name)


def as_line(name: str) -> str:
    """A name as text in one line, with escapes where it is none."""
    return name if is_line(name) else ascii(name)[1:-1]


def parse_name(name: str) -> dict[str, object] | str:
    """The labels in a file name of UTKFace, as columns of the face table; or what is wrong with it."""
    match = _UTKFACE_NAME.fullmatch(name)
    if match is None:
        return "the name is not AGE_GENDER_RACE_TIME"
    problem = out_of_range(int(match["age"]), int(match["gender"]))
    if problem:
        return problem
    race = int(match["race"])
    if race >= len(RACES):
        return f"race code {race} is not 0 to {len(RACES) - 1}"
    return {
        "age": int(match["age"]),
        "gender": int(match["gender"]),
        "race": RACES[race],
        "taken_at": match["taken_at"],
    }


def out_of_range(age: int, gender: int) -> str:
    """What is wrong with labels that are whole numbers; empty where nothing is."""
    if not AGE_RANGE[0] <= age <= AGE_RANGE[1]:
        return f"age {age} is outside {AGE_RANGE[0]} to {AGE_RANGE[1]}"
    if gender not in (0, 1):
        return f"gender code {gender} is not 0 (male) or 1 (female)"
    return ""


def race_name(race: str) -> str:
    """UTKFace's codes become names; any other word of a manifest stays as it is (it is only an audit column)."""
    if race.isdecimal() and len(race) <= _MOST_DIGITS and int(race) < len(RACES):
        return RACES[int(race)]
    return race
