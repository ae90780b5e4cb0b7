"""The label files of IMDB-WIKI-clean: ``filename, age, gender, x_min, y_min, x_max, y_max, head_roll, ...``."""

from collections.abc import Mapping
from pathlib import Path

from agelens.data.sources.sheet_format import SheetFormat, known

_BOX = ("x_min", "y_min", "x_max", "y_max")


def _translate(row: Mapping[str, str], file: Path) -> dict[str, str]:
    return {
        "path": row["filename"],
        "age": row["age"],
        "gender": known(row["gender"], "nan", "none"),
        **{name: row[name] for name in _BOX},
    }


IMDB_CLEAN = SheetFormat(
    "imdb-clean",
    "label file of IMDB-WIKI-clean",
    frozenset({"filename", "age", "gender", *_BOX, "head_roll"}),
    _translate,
    frozenset({"filename", "age", "gender", *_BOX}),
)
