"""Labels from the name of a file of UTKFace."""

import re
from pathlib import PurePosixPath

from agelens.data.labels import RACES, out_of_range
from agelens.data.sources.name_format import NameFormat, labels_row

_UTKFACE_NAME = re.compile(r"(?P<age>\d+)_(?P<gender>\d+)_(?P<race>\d+)_(?P<taken_at>\d+)(\D.*)?")


def parse_name(name: str) -> dict[str, object] | str:
    """The labels in a file name of UTKFace, as columns of the face table; or what is wrong with it."""
    match = _UTKFACE_NAME.fullmatch(name)
    if match is None:
        return "the name is not AGE_GENDER_RACE_TIME"
    error = out_of_range(int(match["age"]), int(match["gender"]))
    if error:
        return error
    race = int(match["race"])
    if race >= len(RACES):
        return f"race code {race} is not 0 to {len(RACES) - 1}"
    return labels_row(int(match["age"]), int(match["gender"]), RACES[race], match["taken_at"])


def _parse(path: PurePosixPath) -> dict[str, object] | str:
    return parse_name(path.name)


UTKFACE = NameFormat("utkface", "names of UTKFace", _parse)
