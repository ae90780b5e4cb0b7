"""CACD: names such as ``53_Robert_Duvall_0001.jpg``, age, person and rank; ages only."""

import re
from pathlib import PurePosixPath

from agelens.data.sources.name_format import NameFormat, labels_row

_NAME = re.compile(r"(?P<age>\d{1,3})_(?P<person>.*[^\W\d].*)_\d{4}")


def _parse(path: PurePosixPath) -> dict[str, object] | str:
    match = _NAME.fullmatch(path.stem)
    if match is None:
        return "the name is not AGE_PERSON_RANK"
    return labels_row(int(match["age"]), None, person=match["person"])


CACD = NameFormat("cacd", "names of CACD", _parse)
