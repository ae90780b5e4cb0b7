"""The label files of APPA-REAL: ``gt_avg_train.csv`` and its siblings, real ages only.

The images lie in folders ``train``, ``valid`` and ``test`` beside them; ``X.jpg_face.jpg`` there is the face of
``X.jpg``, cut out with a margin.
"""

from collections.abc import Mapping
from pathlib import Path

from agelens.data.sources.sheet_format import SheetFormat

_SPLITS = ("train", "valid", "test")


def _translate(row: Mapping[str, str], file: Path) -> dict[str, str]:
    split = next((name for name in _SPLITS if file.stem.casefold().endswith(name)), "")
    whole = f"{split}/{row['file_name']}" if split else row["file_name"]
    face = f"{whole}_face.jpg"
    return {
        "path": face if (file.parent / face).exists() else whole,
        "age": row["real_age"],
        "split": split,
        "apparent_age": row["apparent_age_avg"],
    }


APPA_REAL = SheetFormat(
    "appa-real",
    "label file of APPA-REAL",
    frozenset({"file_name", "real_age", "apparent_age_avg"}),
    _translate,
    frozenset({"file_name", "real_age", "apparent_age_avg"}),
)
