"""The fold files of Adience: ``user_id, original_image, face_id, age, gender, x, y, dx, dy, ...``, parted by tabs."""

from collections.abc import Mapping
from pathlib import Path

from agelens.data.sources.sheet_format import SheetFormat, known

# Where the two archives of the data set put a face, by how it begins: aligned.tar.gz and faces.tar.gz.
_PLACES = (
    "aligned/{user}/landmark_aligned_face.{face}.{image}",
    "{user}/landmark_aligned_face.{face}.{image}",
    "faces/{user}/coarse_tilt_aligned_face.{face}.{image}",
    "{user}/coarse_tilt_aligned_face.{face}.{image}",
)


def _translate(row: Mapping[str, str], file: Path) -> dict[str, str]:
    names = [
        place.format(user=row["user_id"], face=row["face_id"], image=row["original_image"])
        for place in _PLACES
    ]
    return {
        "path": next((name for name in names if (file.parent / name).exists()), names[0]),
        "age": known(row["age"], "none"),
        "gender": known(row["gender"], "u", "none"),
        "user_id": row["user_id"],
    }


ADIENCE = SheetFormat(
    "adience",
    "fold file of Adience",
    frozenset({"user_id", "original_image", "face_id", "age", "gender"}),
    _translate,
    # The box is that of the photograph that the face was cut from.
    frozenset({"user_id", "original_image", "face_id", "age", "gender", "x", "y", "dx", "dy"}),
)
