"""The forms that results are written in: a table for a person, JSON lines, one JSON document, CSV, TSV and Parquet."""

import contextlib
import csv
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import IO, Any, Literal, Protocol, TypeAlias

from agelens.errors import AgeLensError
from agelens.inference.results import COLUMNS, limit_column, rows
from agelens.utils.extras import require
from agelens.utils.files import json_text

Form = Literal["table", "lines", "json", "csv", "tsv", "parquet"]
ENDINGS: dict[str, Form] = {
    ".jsonl": "lines",
    ".ndjson": "lines",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
}
# What an option asks for by name, and the forms that are meant by it.
_ASKED: dict[str, tuple[Form, ...]] = {
    "table": ("table",),
    "json": ("lines", "json"),
    "csv": ("csv", "tsv"),
}
# Names that say nothing of what they hold, which an option may decide.
_PLAIN = ("", ".txt")
_SEPARATORS = {"csv": ",", "tsv": "\t"}
Row: TypeAlias = dict[str, Any]


class Writer(Protocol):
    """Takes results one by one, each as the dict that becomes JSON."""

    def __call__(self, value: dict[str, Any]) -> None: ...


def form_of_file(path: Path, asked: str | None = None) -> Form:
    """The form that a file's name asks for.

    Args:
        asked: "json" or "csv" where an option asks for it by name; the name may then be one that says nothing.

    Raises:
        AgeLensError: nothing is written under such a name, or the option and the name do not agree.
    """
    ending = path.suffix.lower()
    meant = _ASKED[asked] if asked else ()
    if ending in ENDINGS:
        if asked and ENDINGS[ending] not in meant:
            raise AgeLensError(
                f"--{asked} and the name {path} do not agree; leave the option out or change the name."
            )
        if ENDINGS[ending] == "parquet":
            require("pyarrow", "parquet", "Parquet files need")
        return ENDINGS[ending]
    if meant and ending in _PLAIN:
        return meant[0]
    raise AgeLensError(
        f"{path} {f'ends in {path.suffix}' if ending else 'has no ending'}, and results are not written in that form; "
        f"give a name that ends in .csv, .tsv, .json, .parquet, .jsonl or .ndjson (JSON lines)."
    )


def form_of_output(asked: str | None) -> Form:
    """The form of standard output: what is asked for, else a table on a terminal and JSON lines elsewhere."""
    if asked is not None:
        return _ASKED[asked][0]
    return "table" if sys.stdout.isatty() else "lines"


@contextlib.contextmanager
def writing_file(path: Path, form: Form, age_limits: Sequence[int] = ()) -> Iterator[Writer]:
    """Give what writes photographs into a file; the form is any but "table".

    Names of files need not be text; what is not is escaped.
    """
    if form == "parquet":
        from agelens.inference.parquet import writing_parquet

        with writing_parquet(path) as write:
            yield write
        return
    with (
        path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
        writing_photos(file, form, age_limits) as write_text,
    ):
        yield write_text


@contextlib.contextmanager
def writing(
    file: IO[str],
    form: Form,
    columns: Sequence[str] = COLUMNS,
    rows_of: Callable[[Row], Iterator[Row]] = rows,
) -> Iterator[Writer]:
    """Give what writes results into an open file, and end the file as the form wants it.

    A line is handed on at once, for whoever reads a pipe waits for it.

    Args:
        form: any but "table" and "parquet".
        columns: of CSV and TSV. rows_of: the rows of one result; both are those of photographs if not given.
    """
    if form in _SEPARATORS:
        table = csv.DictWriter(file, columns, delimiter=_SEPARATORS[form], lineterminator="\n")
        table.writeheader()
        file.flush()
        yield _flushing(file, lambda value: table.writerows(rows_of(value)))
    elif form == "json":
        array = JsonArray(file)
        yield array.add
        array.close()
    else:
        encoding = getattr(file, "encoding", None) or "utf-8"
        yield _flushing(file, lambda value: file.write(json_text(value, encoding) + "\n"))


def writing_photos(
    file: IO[str], form: Form, age_limits: Sequence[int] = ()
) -> contextlib.AbstractContextManager[Writer]:
    """The same for photographs, with a column for the probability of each age limit."""
    columns = (*COLUMNS, *map(limit_column, age_limits))
    return writing(file, form, columns, lambda photo: rows(photo, age_limits))


def _flushing(file: IO[str], write: Callable[[Row], object]) -> Writer:
    def add(value: Row) -> None:
        write(value)
        file.flush()

    return add


class JsonArray:
    """A JSON array that is written value by value, each on a line of its own, so that lines can be read alone."""

    def __init__(self, file: IO[str], before: str = "") -> None:
        self._file = file
        self._file.write(f"{before}[")
        self._separator = "\n"

    def add(self, value: object) -> None:
        self._file.write(self._separator + json_text(value))
        self._separator = ",\n"

    def close(self, after: str = "\n") -> None:
        self._file.write(f"\n]{after}")


def read_back(path: Path, form: Form) -> Iterator[dict[str, Any]]:
    """The photographs of a file that `writing_file` wrote, as `ImagePrediction.to_dict` gives them.

    CSV holds those with faces only. What the form does not hold (landmarks and distributions in CSV) is missing.
    """
    if form == "parquet":
        from agelens.inference.parquet import read_parquet

        yield from read_parquet(path)
        return
    with path.open(encoding="utf-8", newline="") as file:
        if form in _SEPARATORS:
            table = csv.DictReader(file, delimiter=_SEPARATORS[form])
            for name, faces in groupby(table, key=lambda row: row["file"]):
                yield {"file": name, "faces": [_face_of(row) for row in faces]}
            return
        for line in file:
            if line.startswith("{"):
                yield json.loads(line.rstrip().rstrip(","))


def _face_of(row: Mapping[str, str]) -> dict[str, Any]:
    """The inverse of `agelens.inference.results.rows` for one row of text."""
    face: dict[str, Any] = {}
    if row["left"]:
        face["box"] = [float(row[name]) for name in ("left", "top", "right", "bottom")]
    if row["score"]:
        face["score"] = float(row["score"])
    face["low_confidence"] = row["low_confidence"] == "True"
    if row["age_years"]:
        face["age_years"] = float(row["age_years"])
    if row["age_low"]:
        face["age_low"], face["age_high"] = float(row["age_low"]), float(row["age_high"])
    if row["p_female"]:
        face["p_female"] = float(row["p_female"])
    for name, value in row.items():
        if name.startswith(limit_column(0)[:-1]) and value:
            face[name] = float(value)
    return face
