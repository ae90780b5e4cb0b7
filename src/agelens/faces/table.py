"""The face table: one row an image, from UTKFace file names or from a CSV manifest.

A face table is a pandas DataFrame with the columns

    path      str     absolute path of the image file
    age       int64   years, 0 to 116
    gender    int64   the dataset's binary label: 0 male, 1 female
    race      str     "White", "Black", "Asian", "Indian", "Other", or "" where a dataset has none; for audits only
    taken_at  str     the digits of the UTKFace name (when the picture was collected), or ""
    digest    str     SHA-256 of the file's bytes, 64 hexadecimal digits

and, once it is audited, ``group`` (str; the same for images that show the same picture), and, once it is split,
``part`` ("train", "validation" or "test"). Rows are sorted by file name. Nothing in AgeLens but
`rows`, beside this, parses a file name.
"""

import hashlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from agelens.errors import AgeLensError
from agelens.faces.rows import is_line, parse_manifest_row, parse_name
from agelens.files import digest_file, replacing_file
from agelens.images import SUFFIXES

COLUMNS = ["path", "age", "gender", "race", "taken_at", "digest"]
PARTS = ("train", "validation", "test")
# Bands of ten years carry every stratum and every table by age; the last one is open.
AGE_BANDS = ("0-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69", "70-79", "80+")


@dataclass(frozen=True)
class Rejected:
    """A file that was left out, and why."""

    file: str
    reason: str


@dataclass(frozen=True)
class Faces:
    """What reading a source gives: the face table and the files that were left out.

    Attributes:
        table: the face table, never empty: reading a source without a single usable row is an error.
        rejected: files whose name or row is malformed, in order of name.
        source: where it came from, as the person gave it.
    """

    table: pd.DataFrame
    rejected: list[Rejected] = field(default_factory=list)
    source: str = ""

    def with_table(self, table: pd.DataFrame) -> "Faces":
        """The same source with other rows, for example a sample of them."""
        return replace(self, table=table)


def age_band(ages: "pd.Series[int]") -> "pd.Series[str]":
    """The band of ten years of each age, as one of AGE_BANDS."""
    return (ages // 10).clip(upper=len(AGE_BANDS) - 1).map(dict(enumerate(AGE_BANDS)))


def read_faces(source: Path) -> Faces:
    """Read a folder of UTKFace-named images, or a CSV manifest with ``path, age, gender`` and optional ``race``.

    Paths in a manifest are taken relative to the manifest's folder. Files that do not parse are listed and left out.

    Raises:
        AgeLensError: the source does not exist, is empty, lacks a column, or has not one usable row.
    """
    if not is_line(str(source.absolute())):
        raise AgeLensError(
            f"{str(source.absolute())!a} has letters that are no text; give the folder another name."
        )
    if source.is_dir():
        return _read_folder(source)
    if source.is_file() and source.suffix.lower() == ".csv":
        return _read_manifest(source)
    if source.exists():
        raise AgeLensError(f"{source} is neither a folder of images nor a .csv manifest.")
    raise AgeLensError(f"{source} does not exist; give a folder of UTKFace images or a .csv manifest.")


def _read_folder(folder: Path) -> Faces:
    files = sorted(
        (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")),
        key=lambda path: path.relative_to(folder).as_posix(),
    )
    # Runs that lie inside, as after 'agelens audit .', hold charts and pages, and no faces of this source.
    runs = {path.parent for path in files if path.name == "config.json" and (path.parent / ".lock").exists()}
    runs.discard(folder)
    files = [path for path in files if runs.isdisjoint(path.parents)]
    if not files:
        raise AgeLensError(f"{folder} is empty; give the folder that holds the UTKFace images.")
    rows, rejected = [], []
    for path in files:
        row = parse_name(path.name) if path.suffix.lower() in SUFFIXES else "is not an image file"
        name = path.relative_to(folder).as_posix()
        if not is_line(name):
            # Tables and pages could not hold it.
            name, row = ascii(name)[1:-1], "the name has letters that are no text"
        if isinstance(row, str):
            rejected.append(Rejected(name, row))
        else:
            rows.append({"path": str(path.absolute()), **row})
    return _faces(rows, rejected, str(folder))


def _read_manifest(manifest: Path) -> Faces:
    try:
        frame = pd.read_csv(
            manifest, dtype=str, keep_default_na=False, skipinitialspace=True, skip_blank_lines=False
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise AgeLensError(f"{manifest} is not a CSV file: {error}.") from None
    if not isinstance(frame.index, pd.RangeIndex):
        # Rows have one field more than the header, and pandas took the first for names of rows.
        columns, frame = frame.columns, frame.reset_index()
        if frame.shape[1] != len(columns) + 1 or (frame.iloc[:, -1] != "").any():
            raise AgeLensError(
                f"{manifest} has rows of more fields than its header; quote fields that hold commas."
            )
        frame = frame.iloc[:, :-1].set_axis(columns, axis=1)
    frame.columns = frame.columns.str.strip()
    missing = [column for column in ("path", "age", "gender") if column not in frame.columns]
    if missing:
        raise AgeLensError(
            f"{manifest} has no column {', '.join(missing)} but {', '.join(frame.columns)}; it needs path, age, gender."
        )
    if twice := [
        column for column in ("path", "age", "gender", "race") if list(frame.columns).count(column) > 1
    ]:
        raise AgeLensError(f"{manifest} has two columns {' and two '.join(twice)}; leave one of them out.")
    races = frame["race"] if "race" in frame.columns else pd.Series("", index=frame.index)
    rows, rejected = [], []
    seen: set[str] = set()
    for line, (path, age, gender, race) in enumerate(
        zip(frame["path"], frame["age"], frame["gender"], races, strict=True), start=2
    ):
        # A blank line is no row, but it counts as a line.
        if not (path or age or gender):
            continue
        row = parse_manifest_row(manifest.parent, path, age, gender, race)
        if not isinstance(row, str) and str(row["path"]) in seen:
            row = "the same path stands on an earlier line"
        if isinstance(row, str):
            rejected.append(Rejected(f"{path} (line {line})", row))
        else:
            seen.add(str(row["path"]))
            rows.append(row)
    return _faces(rows, rejected, str(manifest))


def _faces(rows: list[dict[str, object]], rejected: list[Rejected], source: str) -> Faces:
    if not rows:
        first = f" (first: {rejected[0].file}: {rejected[0].reason})" if rejected else ""
        needed = (
            "mend its rows"
            if source.lower().endswith(".csv")
            else "names must be AGE_GENDER_RACE_TIME.jpg as in UTKFace, or use a .csv manifest"
        )
        raise AgeLensError(f"{source} holds no usable face{first}; {needed}.")
    table = pd.DataFrame(rows)
    table["digest"] = digest_files(table["path"])
    return Faces(table[COLUMNS], rejected, source)


def digest_files(paths: Iterable[str]) -> list[str]:
    """SHA-256 of each file, in the order given; a file that cannot be read is named by an AgeLensError."""
    with ThreadPoolExecutor() as threads:
        return list(threads.map(_digest, paths))


def _digest(path: str) -> str:
    try:
        return digest_file(Path(path))
    except OSError as error:
        raise AgeLensError(f"{path} cannot be read: {error.strerror}; mend it or take it away.") from None


def digest_table(table: pd.DataFrame) -> str:
    """One SHA-256 over all that a study depends on: digests, labels and parts, whatever the order of the rows."""
    columns = [name for name in ("digest", "age", "gender", "race", "part") if name in table.columns]
    lines = sorted(",".join(map(str, row)) for row in table[columns].itertuples(index=False))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def sample(table: pd.DataFrame, limit: int | None, seed: int) -> pd.DataFrame:
    """At most ``limit`` rows drawn by chance, in the table's order; the same for the same seed and files."""
    if limit is None or limit >= len(table):
        return table
    # By digest and not by row, so that the draw does not depend on where the files lie or how they sort.
    keys = table["digest"].map(lambda digest: hashlib.sha256(f"{seed}:{digest}".encode()).hexdigest())
    return table.loc[keys.sort_values(kind="stable").index[:limit].sort_values()].reset_index(drop=True)


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a face table as CSV, atomically."""
    with replacing_file(path) as temporary:
        table.to_csv(temporary, index=False)


def read_table(path: Path) -> pd.DataFrame:
    """Read a face table that `write_table` wrote.

    Raises:
        AgeLensError: the file is missing or is not a face table.
    """
    kinds = {
        "age": "int64",
        "gender": "int64",
        **dict.fromkeys(("path", "race", "taken_at", "digest", "group", "part"), "str"),
    }
    try:
        table = pd.read_csv(path, dtype=kinds, keep_default_na=False)
    except FileNotFoundError:
        raise AgeLensError(f"{path} does not exist; run 'agelens audit FOLDER --out RUN' first.") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:
        raise AgeLensError(f"{path} is not a face table: {error}.") from None
    missing = [column for column in COLUMNS if column not in table.columns]
    if missing:
        raise AgeLensError(f"{path} is not a face table: it has no column {', '.join(missing)}.")
    return table
