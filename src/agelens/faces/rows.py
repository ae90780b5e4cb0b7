"""One row of the face table: from the name of a file of UTKFace, or from a line of a manifest."""

import re
from pathlib import Path

AGE_RANGE = (0, 116)
GENDERS = ("male", "female")
RACES = ("White", "Black", "Asian", "Indian", "Other")

# Python refuses to read numbers of thousands of digits.
_MOST_DIGITS = 9
_UTKFACE_NAME = re.compile(r"(?P<age>\d+)_(?P<gender>\d+)_(?P<race>\d+)_(?P<taken_at>\d+)\D.*")


def is_line(name: str) -> bool:
    """Whether a name is text in one line; on Linux it may be any bytes."""
    return not any(letter < " " or "\ud800" <= letter <= "\udfff" for letter in name)


def parse_name(name: str) -> dict[str, object] | str:
    """The labels in a file name of UTKFace, as columns of the face table; or what is wrong with it."""
    match = _UTKFACE_NAME.fullmatch(name)
    if match is None:
        return "the name is not AGE_GENDER_RACE_TIME"
    problem = _problem(int(match["age"]), int(match["gender"]))
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


def parse_manifest_row(folder: Path, path: str, age: str, gender: str, race: str) -> dict[str, object] | str:
    """A row of the face table but for its digest, from the fields of a manifest in this folder; or what is wrong."""
    if not path.strip():
        return "the path is empty"
    file = (folder / path.strip()).absolute()
    if not _is_file(file):
        return "the file does not exist"
    if not age.strip().isdecimal() or len(age.strip()) > _MOST_DIGITS:
        return f"age {age!r} is not a whole number"
    code = {"male": "0", "female": "1"}.get(gender.strip().lower(), gender.strip())
    if code not in ("0", "1"):
        return f"gender {gender!r} is not 0, 1, male or female"
    problem = _problem(int(age), int(code))
    if problem:
        return problem
    return {
        "path": str(file),
        "age": int(age),
        "gender": int(code),
        "race": _race_name(race.strip()),
        "taken_at": "",
    }


def _problem(age: int, gender: int) -> str:
    if not AGE_RANGE[0] <= age <= AGE_RANGE[1]:
        return f"age {age} is outside {AGE_RANGE[0]} to {AGE_RANGE[1]}"
    if gender not in (0, 1):
        return f"gender code {gender} is not 0 (male) or 1 (female)"
    return ""


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        # A name too long for any file.
        return False


def _race_name(race: str) -> str:
    """UTKFace's codes become names; any other word of a manifest stays as it is (it is only an audit column)."""
    if race.isdecimal() and len(race) <= _MOST_DIGITS and int(race) < len(RACES):
        return RACES[int(race)]
    return race
