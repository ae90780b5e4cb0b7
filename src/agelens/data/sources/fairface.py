"""The label files of FairFace: ``file, age, gender, race, service_test``, ages as groups."""

from collections.abc import Mapping
from pathlib import Path

from agelens.data.sources.sheet_format import SheetFormat


def _translate(row: Mapping[str, str], file: Path) -> dict[str, str]:
    return {"path": row["file"], "age": row["age"], "gender": row["gender"], "race": row["race"]}


FAIRFACE = SheetFormat(
    "fairface",
    "label file of FairFace",
    frozenset({"file", "age", "gender", "race", "service_test"}),
    _translate,
    frozenset({"file", "age", "gender", "race"}),
)
