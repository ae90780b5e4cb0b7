"""Which columns of a manifest hold what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agelens.data.table import COMPUTED
from agelens.errors import AgeLensError

# What each column of the face table may be called, the name that AgeLens asks for first.
NAMES = {
    "path": (
        "path", "file", "filename", "file_name", "filepath", "file_path", "image", "image_path", "imagepath",
        "image_name", "image_file", "img", "img_path", "img_name",
    ),
    "age": ("age",),
    "age_min": ("age_min", "min_age"),
    "age_max": ("age_max", "max_age"),
    "gender": ("gender", "sex"),
    "race": ("race",),
    "split": ("split", "subset"),
    "source": ("source", "dataset"),
    "taken_at": ("taken_at",),
    "box": ("box", "face_box"),
    "landmarks": ("landmarks",),
}  # fmt: skip
# Columns that together give the box of a face: left, top, right and bottom in pixels.
BOXES = (
    ("left", "top", "right", "bottom"),
    ("x_min", "y_min", "x_max", "y_max"),
    ("xmin", "ymin", "xmax", "ymax"),
    ("face_x0", "face_y0", "face_x1", "face_y1"),
    ("x0", "y0", "x1", "y1"),
    ("x1", "y1", "x2", "y2"),
)
_MOST_TOLD = 12


@dataclass(frozen=True)
class Columns:
    """Where the columns of a manifest stand.

    Attributes:
        places: number of the column by what it holds, a key of NAMES.
        box: numbers of the four columns that give a box, or None.
        others: number of each column that is kept as it is, by its name.
        notes: on names that are not the ones asked for.
    """

    places: dict[str, int]
    box: tuple[int, int, int, int] | None
    others: dict[str, int]
    notes: list[str]


def find_columns(manifest: Path, header: Sequence[str], given: Mapping[str, str] | None = None) -> Columns:
    """Return the place of each column in a row.

    Capitals, spaces and hyphens in names do not matter. A column under its own name comes before one that is called
    otherwise; of two that are called otherwise none is taken.

    Args:
        given: what a person says, by what a column holds: {"age": "Alter"}.

    Raises:
        AgeLensError: a needed column is missing, or stands there twice, or one that is given is not there.
    """
    plain = [plain_name(name) for name in header]
    places, notes = _given_places(manifest, header, plain, given or {})
    for column, names in NAMES.items():
        if column in places:
            continue
        fitting = [place for place, name in enumerate(plain) if name == column] or [
            place for place, name in enumerate(plain) if name in names
        ]
        fitting = [place for place in fitting if place not in places.values()]
        if len(fitting) > 1:
            raise _ambiguous(manifest, column, [header[place] for place in fitting])
        if fitting:
            places[column] = fitting[0]
            if plain[fitting[0]] != column:
                notes.append(f"the column {header[fitting[0]]} is taken for {column}")
    box = next(
        (_four(plain, names) for names in BOXES if all(plain.count(name) == 1 for name in names)),
        None,
    )
    _refuse_incomplete(manifest, header, places)
    taken = {*places.values(), *(box or ())}
    others = {
        name: place
        for place, name in enumerate(header)
        if place not in taken and _is_kept(plain[place]) and header.index(name) == place
    }
    return Columns(places, box, others, notes)


def plain_name(name: str) -> str:
    """The name of a column without capitals, spaces and hyphens."""
    return "_".join(name.casefold().replace("-", " ").replace("_", " ").split())


def _given_places(
    manifest: Path, header: Sequence[str], plain: Sequence[str], given: Mapping[str, str]
) -> tuple[dict[str, int], list[str]]:
    places = {}
    for column, name in given.items():
        found = [place for place, other in enumerate(plain) if other == plain_name(name)]
        if column not in NAMES or len(found) != 1:
            wrong = (
                f"{column} is no column of AgeLens; it knows {', '.join(NAMES)}"
                if column not in NAMES
                else f"{manifest} has {'no column' if not found else 'several columns'} {name}, but {_told(header)}"
            )
            raise AgeLensError(f"--columns {column}={name}: {wrong}.")
        places[column] = found[0]
    return places, [f"the column {header[place]} is taken for {column}" for column, place in places.items()]


def _four(plain: Sequence[str], names: Sequence[str]) -> tuple[int, int, int, int]:
    left, top, right, bottom = (plain.index(name) for name in names)
    return left, top, right, bottom


def _is_kept(name: str) -> bool:
    return bool(name) and name not in COMPUTED and not name.startswith("unnamed:")


def _refuse_incomplete(manifest: Path, header: Sequence[str], places: Mapping[str, int]) -> None:
    has_age = "age" in places or {"age_min", "age_max"} <= places.keys()
    if "path" in places and (has_age or "gender" in places):
        return
    missing = [
        name for name in ("path", "age", "gender") if name not in places and (name != "age" or not has_age)
    ]
    raise AgeLensError(
        f"{manifest} has no column {', '.join(missing)} but {_told(header)}; it needs path, and age (or age_min and "
        "age_max) or gender or both, named so in its first line or by --columns, as in --columns age=Alter,gender=Sex."
    )


def _told(header: Sequence[str]) -> str:
    return ", ".join(name or '""' for name in header[:_MOST_TOLD]) + (
        ", ..." if len(header) > _MOST_TOLD else ""
    )


def _ambiguous(manifest: Path, column: str, names: list[str]) -> AgeLensError:
    if len({plain_name(name) for name in names}) == 1:
        return AgeLensError(
            f"{manifest} has two columns {' and '.join(dict.fromkeys(names))}; leave one of them out."
        )
    return AgeLensError(
        f"{manifest} has the columns {' and '.join(names)}, each of which may be the {column}; name one of them "
        f"{column}."
    )
