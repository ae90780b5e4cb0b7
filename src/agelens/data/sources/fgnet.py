"""FG-NET: names such as ``001A02.JPG`` or ``009A22a.jpg``, person and age; ages only."""

import re
from pathlib import PurePosixPath

from agelens.data.sources.name_format import NameFormat, labels_row

_NAME = re.compile(r"(?P<person>\d{3})A(?P<age>\d{2})[a-z]?", re.I)


def _parse(path: PurePosixPath) -> dict[str, object] | str:
    match = _NAME.fullmatch(path.stem)
    if match is None:
        return "the name is not PERSON(A)AGE, as 001A02"
    return labels_row(int(match["age"]), None, person=match["person"])


FGNET = NameFormat("fg-net", "names of FG-NET", _parse)
