"""Reading a manifest: a CSV file with one row an image."""

import os
import re
from pathlib import Path

from agelens.data.labels import race_name
from agelens.data.rows import Rejected, Rows, as_line
from agelens.data.sources.csv_columns import find_columns
from agelens.data.sources.csv_paths import Places
from agelens.data.sources.csv_text import Sheet, read_sheet
from agelens.data.sources.csv_values import check_ages, check_genders, parse_age, parse_gender
from agelens.errors import AgeLensError

SUFFIXES = frozenset({".csv", ".tsv", ".tab", ".txt"})
_REPEATED = "line {0} has the same file, age and gender"
_MOST_REASONS, _LONGEST = 5, 80
# What differs between rows that are left out for one reason.
_VALUES = re.compile(r"""'.*?'|".*?"|-?\d+|\{0\}""")


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
    names = {column: sheet.header[place] for column, place in columns.items()}
    whole = [fields for _, fields, error in lines if not error]
    check_ages(manifest, names["age"], [fields[columns["age"]] for fields in whole])
    notes += check_genders(manifest, names["gender"], [fields[columns["gender"]] for fields in whole])
    places = Places(manifest.parent)
    read = Rows(notes=notes, hints=sheet.notes)
    twice = _Twice()
    for line, fields, error in lines:
        path = fields[columns["path"]]
        age = parse_age(names["age"], fields[columns["age"]])
        gender = parse_gender(names["gender"], fields[columns["gender"]])
        file = places.find(path)
        wrong = [error] if error else [one for one in (file, age, gender) if isinstance(one, str)]
        if not wrong and (earlier := twice.find(Path(file), int(age), int(gender), path, line)):
            wrong = [earlier]
        if wrong:
            read.rejected.append(Rejected(f"{as_line(path)} (line {line})", "; ".join(wrong)))
            continue
        race = race_name(fields[columns["race"]]) if "race" in columns else ""
        read.rows.append({"path": str(file), "age": age, "gender": gender, "race": race, "taken_at": ""})
    read.notes += [*twice.notes(), *_left_out(read.rejected)]
    if places.from_working_folder:
        paths = (
            "1 path is" if places.from_working_folder == 1 else f"{places.from_working_folder:,} paths are"
        )
        read.notes.append(f"{paths} relative to {places.working_folder}, the working folder")
    if any("does not exist" in one.reason for one in read.rejected):
        read.hints.append(f"files were looked for in {' and in '.join(map(str, places.roots))}")
    return read


def _whole_lines(manifest: Path, sheet: Sheet) -> list[tuple[int, list[str], str]]:
    """Number and fields of each line, as many as the header has; and what is wrong where there are more."""
    width = len(sheet.header)
    lines = []
    for number, fields in sheet.lines:
        surplus = any(fields[width:])
        error = f"has {len(fields)} fields where the header has {width}; quote fields that hold separators"
        lines.append((number, (fields + [""] * width)[:width], error if surplus else ""))
    if lines and all(error for *_, error in lines):
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
            return _REPEATED.format(labels[age, gender])
        labels[age, gender] = line
        return ""

    def notes(self) -> list[str]:
        told = []
        if self._repeated:
            verbs = "repeats an earlier one and is" if self._repeated == 1 else "repeat earlier ones and are"
            told.append(f"{_rows(self._repeated)} {verbs} left out")
        torn = [key for key, labels in self._lines.items() if len(labels) > 1]
        if torn:
            lines = " and ".join(str(line) for line in self._lines[torn[0]].values())
            files = "1 file has" if len(torn) == 1 else f"{len(torn):,} files have"
            told.append(
                f"{files} several ages or genders, such as {_ending(self._names[torn[0]])} in lines {lines}; all rows "
                "are kept, and the audit counts them as label conflicts"
            )
        return told


def _left_out(rejected: list[Rejected]) -> list[str]:
    """How many rows are left out for which reason, each with its first row; repeated ones are told apart."""
    by_reason: dict[str, list[Rejected]] = {}
    for one in rejected:
        by_reason.setdefault(_VALUES.sub("", one.reason), []).append(one)
    by_reason.pop(_VALUES.sub("", _REPEATED), None)
    told = []
    for same in sorted(by_reason.values(), key=len, reverse=True)[:_MOST_REASONS]:
        first, more = same[0], ", and so on" if len(same) > 1 else ""
        told.append(f"{_rows(len(same))} left out: {_ending(first.file)}: {first.reason}{more}")
    return told


def _ending(name: str) -> str:
    """The end of a long name, which tells more than its beginning."""
    return name if len(name) <= _LONGEST else f"...{name[-_LONGEST:]}"


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"
