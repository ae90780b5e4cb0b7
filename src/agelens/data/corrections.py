"""Corrections of a data set by its reader: faces to leave out and labels to replace, from CSV files.

A file of corrections has one row a face, found by ``path`` (or ``file``), as `file_names` calls it or in full, or else
by ``digest``. A row that names no face by these may be of a crop, and is then found by the photograph that this was cut
out of, ``original`` or else ``original_digest``. With ``--exclude`` each such face is left out. With ``--relabel`` it
gets the values of ``new_age`` and ``new_gender``, or, where the file has no such columns, of ``age`` and ``gender``; an
empty cell changes nothing. So the table that `agelens label-issues` writes fits both, once a person has gone through
it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from agelens.data.audit import file_names
from agelens.data.labels import GENDERS, out_of_range
from agelens.data.table import GROUP_COLUMNS, Faces, with_label_dtypes
from agelens.errors import AgeLensError

_GENDER_CODES = {"0": 0, "1": 1, **{name: code for code, name in enumerate(GENDERS)}, "m": 0, "f": 1}


@dataclass(frozen=True)
class CorrectionFiles:
    """The CSV files that a person named: ``exclude`` and ``relabel``, or None."""

    exclude: Path | None = None
    relabel: Path | None = None

    def __bool__(self) -> bool:
        return self.exclude is not None or self.relabel is not None

    def names(self) -> dict[str, str]:
        """The names of the files by option; the folders that they lie in are nobody's business."""
        files = {"exclude": self.exclude, "relabel": self.relabel}
        return {option: file.name for option, file in files.items() if file is not None}


@dataclass(frozen=True)
class Corrections:
    """What is corrected, by the names of files as `file_names` calls them.

    Attributes:
        exclude: faces to leave out.
        relabel: age in years and gender code of others; None keeps what is there.
        notes: sentences for the person about rows that fit no face.
    """

    exclude: frozenset[str] = frozenset()
    relabel: dict[str, tuple[int | None, int | None]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.exclude or self.relabel)

    def to_json(self) -> dict[str, Any]:
        """What a run keeps, from which `from_json` makes the same corrections."""
        return {
            "exclude": sorted(self.exclude),
            "relabel": {name: list(labels) for name, labels in sorted(self.relabel.items())},
        }

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> "Corrections":
        """From what `to_json` gave."""
        relabel = {name: (labels[0], labels[1]) for name, labels in kept["relabel"].items()}
        return cls(frozenset(kept["exclude"]), relabel)

    def apply(self, faces: Faces) -> Faces:
        """The same source without the excluded faces and with the new labels; the notes say how many.

        Raises:
            AgeLensError: no face is left.
        """
        if not self:
            return faces
        table = faces.table.assign(name=file_names(faces.table["path"], faces.source))
        kept = table[~table["name"].isin(self.exclude)].reset_index(drop=True)
        if kept.empty:
            raise AgeLensError(f"--exclude leaves out every face of {faces.source}; give a shorter list.")
        kept = with_label_dtypes(self._relabelled(kept))
        relabelled = int(kept["name"].isin(self.relabel).sum())
        note = f"corrections: {len(table) - len(kept):,} faces left out, {relabelled:,} given other labels"
        corrected = faces.with_table(kept.drop(columns="name"))
        corrected.notes[:] = [*faces.notes, note, *self.notes]
        return corrected

    def _relabelled(self, rows: pd.DataFrame) -> pd.DataFrame:
        """The rows with their new labels; a new age is exact, also where a group of ages was known before."""
        for place, label in enumerate(("age", "gender")):
            new = {name: labels[place] for name, labels in self.relabel.items() if labels[place] is not None}
            given = rows["name"].map(new).astype("float64")
            columns = ["age", *GROUP_COLUMNS] if label == "age" else [label]
            changed = {column: given.fillna(rows[column]) for column in columns if column in rows.columns}
            rows = rows.assign(**changed)
        return rows


def read_corrections(files: CorrectionFiles, faces: Faces) -> Corrections:
    """Read the files of corrections for the faces of a source.

    Raises:
        AgeLensError: a file cannot be read, has no column that names a face, fits no face at all, or gives a label
            that is out of its range.
    """
    exclude, relabel = frozenset[str](), dict[str, tuple[int | None, int | None]]()
    notes: list[str] = []
    if files.exclude is not None:
        rows = _read(files.exclude)
        exclude = frozenset(name for name, _ in _found(rows, files.exclude, faces, notes))
    if files.relabel is not None:
        rows = _read(files.relabel)
        for name, row in _found(rows, files.relabel, faces, notes):
            labels = _labels(rows, row, files.relabel)
            if labels != (None, None):
                relabel[name] = labels
    return Corrections(exclude, relabel, tuple(notes))


def _read(path: Path) -> pd.DataFrame:
    try:
        rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise AgeLensError(
            f"{path} is not a CSV file: {error}; give the table of 'agelens label-issues'."
        ) from None
    rows.columns = [name.strip().lower() for name in rows.columns]
    if not {"path", "file", "digest"} & set(rows.columns):
        raise AgeLensError(
            f"{path} names no faces: it has none of the columns path, file and digest; add one of them."
        )
    return rows


def _found(rows: pd.DataFrame, path: Path, faces: Faces, notes: list[str]) -> Iterator[tuple[str, int]]:
    """The name of each face that a row is of, with the row's number; a digest may be that of several faces."""
    names = file_names(faces.table["path"], faces.source)
    by_path = {**dict(zip(faces.table["path"], names, strict=True)), **{name: name for name in names}}
    by_digest: dict[str, list[str]] = {}
    for name, digest in zip(names, faces.table["digest"], strict=True):
        by_digest.setdefault(digest, []).append(name)
    lost = []
    for number, row in enumerate(rows.to_dict("records")):
        told = [str(row[column]) for column in ("path", "file") if row.get(column)]
        found = (
            [by_path[one] for one in told if one in by_path][:1]
            or by_digest.get(row.get("digest", ""))
            or [by_path[one] for one in [row.get("original")] if one in by_path]
            or by_digest.get(row.get("original_digest", ""), [])
        )
        if not found:
            lost.append(told[0] if told else row.get("digest", ""))
        yield from ((name, number) for name in found)
    if len(lost) == len(rows):
        example = f", such as {lost[0]}" if lost else ""
        raise AgeLensError(
            f"{path} names no face of {faces.source}{example}; give a list that was made for it."
        )
    if lost:
        notes.append(f"{path}: {len(lost):,} rows name no face that is there, such as {lost[0]}")


def _labels(rows: pd.DataFrame, number: int, path: Path) -> tuple[int | None, int | None]:
    """The labels that a row gives; None where it says nothing."""
    row = rows.iloc[number]
    new = {"new_age", "new_gender"} & set(rows.columns)
    age, gender = (str(row.get(f"new_{label}" if new else label, "")).strip() for label in ("age", "gender"))
    place = f"line {number + 2} of {path}"
    try:
        years = float(age) if age else 0.0
        years = int(years) if years == int(years) else -1
    except (ValueError, OverflowError):
        years = -1
    code = _GENDER_CODES.get(gender.lower().removesuffix(".0"), 0 if not gender else -1)
    if wrong := out_of_range(years, code):
        raise AgeLensError(f"{place} cannot be used: age {age!r}, gender {gender!r}: {wrong}.")
    return (years if age else None), (code if gender else None)
