"""AgeDB: names such as ``0_MariaCallas_35_f.jpg``, number, person, age and gender."""

import re
from pathlib import PurePosixPath

from agelens.data.sources.name_format import GENDER_LETTERS, NameFormat, labels_row

_NAME = re.compile(r"\d+_(?P<person>.+)_(?P<age>\d{1,3})_(?P<gender>[mf])", re.I)


def _parse(path: PurePosixPath) -> dict[str, object] | str:
    match = _NAME.fullmatch(path.stem)
    if match is None:
        return "the name is not NUMBER_PERSON_AGE_(m or f)"
    return labels_row(int(match["age"]), GENDER_LETTERS[match["gender"].lower()], person=match["person"])


AGEDB = NameFormat("agedb", "names of AgeDB", _parse)
