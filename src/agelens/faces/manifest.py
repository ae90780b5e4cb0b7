"""Reading a manifest: a CSV file with one row an image."""

import os
import re
from collections import Counter
from pathlib import Path

from agelens.errors import AgeLensError
from agelens.faces.columns import find_columns
from agelens.faces.csv_text import Sheet, read_sheet
from agelens.faces.labels import check_ages, check_genders, parse_age, parse_gender
from agelens.faces.places import Places
from agelens.faces.rows import Rejected, Rows, race_name

SUFFIXES = frozenset({".csv", ".tsv", ".tab", ".txt"})
_VALUES = re.compile(r"""'.*?'|".*?"|-?\d+""")


def read_manifest(manifest: Path) -> Rows:
    """The faces that a manifest lists.

    Rows that cannot be used are left out with the number of their line. A file that stands there twice with the same
    age and gender counts once; with other labels both rows are kept, for the audit to find the contradiction.

    Raises:
        AgeLensError: it is no CSV file, lacks a column, or has one that cannot be understood.
    """
    sheet = read_sheet(manifest)
    columns, notes = find_columns(manifest, sheet.header)
    lines = _whole_lines(manifest, sheet)
    texts = {name: [fields[place] for _, fields, _ in lines] for name, place in columns.items()}
    names = {column: sheet.header[place] for column, place in columns.items()}
    check_ages(manifest, names["age"], texts["age"])
    notes = [*sheet.notes, *notes, *check_genders(manifest, names["gender"], texts["gender"])]
    places = Places(manifest.parent)
    read = Rows(notes=notes)
    twice = _Twice()
    for row, (line, _, problem) in enumerate(lines):
        path = texts["path"][row]
        age = parse_age(names["age"], texts["age"][row])
        gender = parse_gender(names["gender"], texts["gender"][row])
        file = places.find(path)
        wrong = [problem] if problem else [one for one in (file, age, gender) if isinstance(one, str)]
        if not wrong and (earlier := twice.find(Path(file), int(age), int(gender), path, line)):
            wrong = [earlier]
        if wrong:
            read.rejected.append(Rejected(f"{path} (line {line})", "; ".join(wrong)))
            continue
        race = race_name(texts["race"][row]) if "race" in texts else ""
        read.rows.append({"path": str(file), "age": age, "gender": gender, "race": race, "taken_at": ""})
    read.notes += [*twice.notes(), *_notes(read, places)]
    return read


def _whole_lines(manifest: Path, sheet: Sheet) -> list[tuple[int, list[str], str]]:
    """Number and fields of each line, as many as the header has; and what is wrong where there are more."""
    width = len(sheet.header)
    lines = []
    for number, fields in sheet.lines:
        surplus = any(fields[width:])
        problem = f"has {len(fields)} fields where the header has {width}; quote fields that hold separators"
        lines.append((number, (fields + [""] * width)[:width], problem if surplus else ""))
    if lines and all(problem for *_, problem in lines):
        raise AgeLensError(
            f"{manifest} has rows of more fields than its header; quote fields that hold separators."
        )
    return lines


class _Twice:
    """Tells files that stand in a manifest more than once."""

    def __init__(self) -> None:
        self._folders: dict[Path, str] = {}
        self._lines: dict[str, dict[tuple[int, int], int]] = {}
        self._names: dict[str, str] = {}
        self._repeated = 0

    def find(self, file: Path, age: int, gender: int, name: str, line: int) -> str:
        """What is wrong with a row if an earlier one says the same of the same file."""
        if file.parent not in self._folders:
            self._folders[file.parent] = os.path.realpath(file.parent)
        key = str(Path(self._folders[file.parent]) / file.name)
        labels = self._lines.setdefault(key, {})
        self._names.setdefault(key, name)
        if (age, gender) in labels:
            self._repeated += 1
            return f"line {labels[age, gender]} has the same file, age and gender"
        labels[age, gender] = line
        return ""

    def notes(self) -> list[str]:
        told = []
        if self._repeated:
            told.append(f"{_rows(self._repeated)} repeat an earlier one and are left out")
        torn = [key for key, labels in self._lines.items() if len(labels) > 1]
        if torn:
            lines = " and ".join(str(line) for line in self._lines[torn[0]].values())
            told.append(
                f"{len(torn):,} of the files have two ages or genders, such as {self._names[torn[0]]} in lines "
                f"{lines}; all rows are kept, and the audit counts them as label conflicts"
            )
        return told


def _notes(read: Rows, places: Places) -> list[str]:
    told = []
    if places.from_working_folder:
        told.append(
            f"{places.from_working_folder:,} paths are relative to {places.working_folder}, the working folder"
        )
    reasons = Counter(_kind(one.reason) for one in read.rejected)
    for reason, count in reasons.most_common(5):
        first = next(one for one in read.rejected if _kind(one.reason) == reason)
        told.append(
            f"{_rows(count)} left out: {first.file}: {first.reason}" + (", and so on" if count > 1 else "")
        )
    if any("does not exist" in reason for reason in reasons):
        told.append(f"files were looked for in {' and in '.join(map(str, places.roots))}")
    return told


def _kind(reason: str) -> str:
    """What is wrong without the value that is: counts are by this."""
    return _VALUES.sub("", reason)


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"
