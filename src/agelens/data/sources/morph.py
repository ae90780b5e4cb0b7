"""MORPH (album 2): names such as ``000013_1M59.JPG``, or its label file with ``id_num, picture_num, age, gender``.

A name is the person's number, that of the picture, M or F, and the age in years.
"""

import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from agelens.data.sources.name_format import GENDER_LETTERS, NameFormat, labels_row
from agelens.data.sources.sheet_format import SheetFormat

_NAME = re.compile(r"(?P<person>\d+)_(?P<picture>\d+)(?P<gender>[MF])(?P<age>\d{1,3})", re.I)
_RACES = {"b": "Black", "w": "White", "a": "Asian", "h": "Hispanic", "o": "Other", "i": "Indian"}


def _parse(path: PurePosixPath) -> dict[str, object] | str:
    match = _NAME.fullmatch(path.stem)
    if match is None:
        return "the name is not PERSON_PICTURE(M or F)AGE"
    return labels_row(int(match["age"]), GENDER_LETTERS[match["gender"].lower()], person=match["person"])


def _translate(row: Mapping[str, str], file: Path) -> dict[str, str]:
    return {
        "path": row["photo"],
        "age": row["age"],
        "gender": row["gender"],
        "race": _RACES.get(row.get("race", "").casefold(), row.get("race", "")),
        "person": row["id_num"],
    }


MORPH_NAMES = NameFormat("morph", "names of MORPH", _parse)
MORPH = SheetFormat(
    "morph",
    "label file of MORPH",
    frozenset({"id_num", "picture_num", "age", "gender", "photo"}),
    _translate,
    frozenset({"id_num", "age", "gender", "photo", "race"}),
)
