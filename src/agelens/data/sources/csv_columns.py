"""Which columns of a manifest hold what."""

from collections.abc import Sequence
from pathlib import Path

from agelens.errors import AgeLensError

# What each column of the face table may be called, the name that AgeLens asks for first.
NAMES = {
    "path": (
        "path", "file", "filename", "file_name", "filepath", "file_path", "image", "image_path", "imagepath",
        "image_name", "image_file", "img", "img_path", "img_name",
    ),
    "age": ("age",),
    "gender": ("gender", "sex"),
    "race": ("race",),
}  # fmt: skip
NEEDED = ("path", "age", "gender")
_MOST_TOLD = 12


def find_columns(manifest: Path, header: Sequence[str]) -> tuple[dict[str, int], list[str]]:
    """The place of each column in a row, and notes about names that are not the ones asked for.

    Capitals, spaces and hyphens in names do not matter. A column under its own name comes before one that is called
    otherwise; of two that are called otherwise none is taken.

    Raises:
        AgeLensError: a needed column is missing, or stands there twice.
    """
    plain = [_plain(name) for name in header]
    places: dict[str, int] = {}
    notes = []
    for column, names in NAMES.items():
        fitting = [place for place, name in enumerate(plain) if name == column] or [
            place for place, name in enumerate(plain) if name in names
        ]
        if len(fitting) > 1:
            raise _ambiguous(manifest, column, [header[place] for place in fitting])
        if fitting:
            places[column] = fitting[0]
            if plain[fitting[0]] != column:
                notes.append(f"the column {header[fitting[0]]} is taken for {column}")
    missing = [column for column in NEEDED if column not in places]
    if missing:
        told = ", ".join(name or '""' for name in header[:_MOST_TOLD]) + (
            ", ..." if len(header) > _MOST_TOLD else ""
        )
        raise AgeLensError(
            f"{manifest} has no column {', '.join(missing)} but {told}; it needs path, age, gender, named so in its "
            "first line."
        )
    return places, notes


def _plain(name: str) -> str:
    return "_".join(name.casefold().replace("-", " ").replace("_", " ").split())


def _ambiguous(manifest: Path, column: str, names: list[str]) -> AgeLensError:
    if len({_plain(name) for name in names}) == 1:
        return AgeLensError(
            f"{manifest} has two columns {' and '.join(dict.fromkeys(names))}; leave one of them out."
        )
    return AgeLensError(
        f"{manifest} has the columns {' and '.join(names)}, each of which may be the {column}; name one of them "
        f"{column}."
    )
