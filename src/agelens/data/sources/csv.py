"""Reading a manifest: a table with one row an image, or one row a face, as text in columns."""

from pathlib import Path

from agelens.data.labels import middle_age, race_name
from agelens.data.rows import Rejected, Rows, as_line
from agelens.data.sources.ages import AgeLabel, parse_age
from agelens.data.sources.boxes import parse_box, parse_landmarks
from agelens.data.sources.csv_columns import Columns, find_columns
from agelens.data.sources.csv_paths import Places
from agelens.data.sources.csv_repeats import Repeats, count_rows, describe_left_out
from agelens.data.sources.csv_text import Sheet
from agelens.data.sources.csv_values import check_ages, check_genders, parse_bounds, parse_gender, parse_split
from agelens.data.sources.options import ReadingOptions
from agelens.errors import AgeLensError

SUFFIXES = frozenset({".csv", ".tsv", ".tab", ".txt"})


def read_manifest(manifest: Path, sheet: Sheet, options: ReadingOptions | None = None) -> Rows:
    """Return the faces that a manifest lists.

    Rows that cannot be used are left out with the number of their line. A file that stands there twice with the same
    age and gender counts once; with other labels both rows are kept, for the audit to find the contradiction. A row
    that lacks one of the two labels is kept for the other.

    Args:
        manifest: the file; paths are relative to its folder.
        sheet: its lines.
        options: which columns hold what, as the person says.

    Raises:
        AgeLensError: it lacks a column, or has one that cannot be understood.
    """
    columns = find_columns(manifest, sheet.header, (options or ReadingOptions()).columns)
    reader = _RowReader(manifest, sheet.header, columns)
    lines = _whole_lines(manifest, sheet)
    read = Rows(hints=sheet.notes)
    read.notes = columns.notes + reader.check([fields for _, fields, error in lines if not error])
    repeats, halves = Repeats(), {"age": 0, "gender": 0}
    for line, fields, error in lines:
        row, wrong = reader.read(fields)
        if error:
            wrong = [error]
        elif not wrong:
            labels = (row["age_min"], row["age_max"], row["gender"])
            path = fields[columns.places["path"]]
            earlier = repeats.find(Path(str(row["path"])), str(row.get("box", "")), labels, path, line)
            wrong = [earlier] if earlier else []
        if wrong:
            name = as_line(fields[columns.places["path"]])
            read.rejected.append(Rejected(f"{name} (line {line})", "; ".join(wrong)))
            continue
        for task in halves:
            halves[task] += row[task] is None
        read.rows.append(row)
    read.notes += [
        *_grouped(read, columns),
        *_halves(halves, columns),
        *repeats.notes(),
        *describe_left_out(read.rejected),
    ]
    _tell_places(read, reader.places)
    return read


class _RowReader:
    """Reads the fields of a row as columns of the face table."""

    def __init__(self, manifest: Path, header: list[str], columns: Columns) -> None:
        self.places = Places(manifest.parent)
        self._manifest = manifest
        self._columns = columns
        self._names = {column: header[place] for column, place in columns.places.items()}

    def check(self, rows: list[list[str]]) -> list[str]:
        """Refuse columns that would be misunderstood; returns notes on how they are understood."""
        notes: list[str] = []
        if "age" in self._names:
            notes += check_ages(self._manifest, self._names["age"], [self._text(row, "age") for row in rows])
        if "gender" in self._names:
            genders = [self._text(row, "gender") for row in rows]
            notes += check_genders(self._manifest, self._names["gender"], genders)
        for row in rows:
            if parse_split("split", text := self._text(row, "split")) is None:
                raise AgeLensError(
                    f"The column {self._names['split']} of {self._manifest} names no split but {text!r}; write train, "
                    "validation or test, or give the column another name."
                )
        return notes

    def read(self, fields: list[str]) -> tuple[dict[str, object], list[str]]:
        """A row of the face table without its digest, and what is wrong with it; unlabelled values are None."""
        text = {column: self._text(fields, column) for column in self._columns.places}
        file = self.places.find(text["path"])
        age = self._age(text)
        gender = parse_gender(self._names["gender"], text["gender"]) if text.get("gender") else None
        box = self._box(fields, text)
        landmarks = parse_landmarks(text["landmarks"]) if text.get("landmarks") else None
        values = (file, age, gender, box, landmarks)
        wrong = [value for value in (file, age, gender) if isinstance(value, str)]
        wrong += [value.reason for value in (box, landmarks) if isinstance(value, Rejected)]
        if not wrong and age is None and gender is None:
            wrong = [f"the {self._names.get(task, task)} is empty" for task in ("age", "gender")]
        row: dict[str, object] = {
            "path": str(file),
            "age": middle_age(*age) if isinstance(age, AgeLabel) else None,
            "age_min": age.low if isinstance(age, AgeLabel) else None,
            "age_max": age.high if isinstance(age, AgeLabel) else None,
            "gender": values[2],
            "race": race_name(text.get("race", "")),
            "taken_at": text.get("taken_at", ""),
        }
        given = {
            "source": text.get("source"),
            "split": parse_split("split", text["split"]) if "split" in text else None,
            "box": box,
            "landmarks": landmarks,
        }
        row |= {
            name: value
            for name, value in given.items()
            if isinstance(value, str) and (value or name == "split")
        }
        return row | {name: fields[place] for name, place in self._columns.others.items()}, wrong

    def _text(self, fields: list[str], column: str) -> str:
        place = self._columns.places.get(column)
        return "" if place is None else fields[place]

    def _age(self, text: dict[str, str]) -> AgeLabel | str | None:
        if text.get("age_min") or text.get("age_max"):
            return parse_bounds(text.get("age_min", ""), text.get("age_max", ""))
        return parse_age(self._names["age"], text["age"]) if text.get("age") else None

    def _box(self, fields: list[str], text: dict[str, str]) -> str | Rejected | None:
        if text.get("box"):
            return parse_box(text["box"])
        four = [fields[place] for place in self._columns.box or ()]
        return parse_box(" ".join(four)) if any(four) else None


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


def _grouped(read: Rows, columns: Columns) -> list[str]:
    """What is told of ages that stand in two columns; of those in one `check_ages` tells."""
    grouped = sum(row["age_min"] != row["age_max"] for row in read.rows) if "age_min" in columns.places else 0
    if not grouped:
        return []
    ages = "1 age is a group" if grouped == 1 else f"{grouped:,} ages are groups"
    return [f"{ages}; where one age is asked for, the middle of the group stands for it"]


def _halves(halves: dict[str, int], columns: Columns) -> list[str]:
    """What is told of rows, or of a whole manifest, that have one of the two labels only."""
    has_age = "age" in columns.places or "age_min" in columns.places
    there = {"age": has_age, "gender": "gender" in columns.places}
    other = {"age": "gender", "gender": "age"}
    told = [
        f"there is no column for the {task}, so it is neither learned nor measured here"
        for task, found in there.items()
        if not found
    ]
    return told + [
        f"{count_rows(count)} without {'an age' if task == 'age' else 'a gender'} "
        f"{'is' if count == 1 else 'are'} kept for the {other[task]}"
        for task, count in halves.items()
        if count and there[task]
    ]


def _tell_places(read: Rows, places: Places) -> None:
    if places.from_working_folder:
        paths = (
            "1 path is" if places.from_working_folder == 1 else f"{places.from_working_folder:,} paths are"
        )
        read.notes.append(f"{paths} relative to {places.working_folder}, the working folder")
    if any("does not exist" in one.reason for one in read.rejected):
        read.hints.append(f"files were looked for in {' and in '.join(map(str, places.roots))}")
