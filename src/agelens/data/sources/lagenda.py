"""The label file of LAGENDA: ``img_name, age, gender, face_x0, ..., person_x0, ...``, one row a person.

-1 stands for what is not known.
"""

from collections.abc import Mapping
from pathlib import Path

from agelens.data.sources.sheet_format import SheetFormat, known

_BOX = ("face_x0", "face_y0", "face_x1", "face_y1")


def _translate(row: Mapping[str, str], file: Path) -> dict[str, str]:
    return {
        "path": row["img_name"],
        "age": known(row["age"], "-1", "-1.0"),
        "gender": known(row["gender"], "-1", "-1.0"),
        **{name: known(row[name], "-1", "-1.0") for name in _BOX},
    }


LAGENDA = SheetFormat(
    "lagenda",
    "label file of LAGENDA",
    frozenset({"img_name", "age", "gender", *_BOX}),
    _translate,
    frozenset({"img_name", "age", "gender", *_BOX}),
)
