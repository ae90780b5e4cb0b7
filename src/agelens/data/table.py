"""The face table: one row an image, from UTKFace file names or from a CSV manifest.

A face table is a pandas DataFrame with the columns

    path      str     absolute path of the image file
    age       int64   years, 0 to 116; of a group of ages its middle
    gender    int64   the dataset's binary label: 0 male, 1 female
    race      str     "White", "Black", "Asian", "Indian", "Other", or "" where a dataset has none; for audits only
    taken_at  str     the digits of the UTKFace name (when the picture was collected), or ""
    digest    str     SHA-256 of the file's bytes, 64 hexadecimal digits
    source    str     name of the data set that the row came from

and, where some ages are known as groups only, ``age_min`` and ``age_max`` (first and last year of what is known, equal
for an exact age). Where some rows lack an age or a gender, these columns are float64 and NaN there. Other columns of a
manifest follow as text. Once a table is audited it has ``group`` (str; the same for images that show the same
picture), and, once it is split, ``split`` ("train", "validation" or "test"), which a manifest may bring itself. Faces
that were cut out of photographs have ``original`` and ``original_digest``, the photograph's path and SHA-256.

Rows of a folder are sorted by file name, those of a manifest as it lists them. Nothing in AgeLens but
`agelens.data.sources` parses a file name.
"""

import hashlib
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from agelens.data.rows import Rejected, Rows
from agelens.errors import AgeLensError
from agelens.utils.files import digest_file, replacing_file
from agelens.utils.folders import what_is

COLUMNS = ["path", "age", "gender", "race", "taken_at", "digest", "source"]
GROUP_COLUMNS = ["age_min", "age_max"]
ORIGINAL_COLUMNS = ["original", "original_digest"]
# What a table or its predictions compute by themselves; a manifest's columns of these names are not kept.
COMPUTED = frozenset(
    {*COLUMNS, *GROUP_COLUMNS, "group", "age_years", "age_low", "age_high", "p_female", "line"}
)
SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Faces:
    """What reading a source gives: the face table and the files that were left out.

    Attributes:
        table: the face table, never empty: reading a source without a single usable row is an error.
        rejected: files whose name or row is malformed, in order of name.
        source: where it came from, as the person gave it.
        unreadable: files with labels whose bytes cannot be read, by their paths.
        notes: sentences for the person: what was skipped, and how something was understood.
        formats: by the name of each source, what it was read as.
    """

    table: pd.DataFrame
    rejected: list[Rejected] = field(default_factory=list)
    source: str = ""
    unreadable: list[Rejected] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    formats: dict[str, str] = field(default_factory=dict)

    def with_table(self, table: pd.DataFrame) -> "Faces":
        """The same source with other rows, for example a sample of them."""
        return replace(self, table=table)

    def describe_formats(self) -> list[str]:
        """Return a sentence for each source: what it was read as, and how many rows it gave."""
        sentences = []
        for name, title in self.formats.items():
            rows = int((self.table["source"] == name).sum())
            # A manifest may name the sources of its rows itself.
            if not rows and len(self.formats) == 1:
                rows = len(self.table)
            sentences.append(f"{name}: {title}, {rows:,} rows" if rows else f"{name}: {title}")
        return sentences


def build_faces(read: Rows, source: Path, needed: str) -> Faces:
    """Return the faces of the rows that a source gave, with the digest of each file.

    Args:
        read: what reading the source gave.
        source: as the person gave it; rows that name no source of their own get its name.
        needed: what to do where not one row can be used, the end of a sentence.

    Raises:
        AgeLensError: not one row can be used.
    """
    digests = digest_files([str(row["path"]) for row in read.rows])
    rows = [
        {**row, "digest": digest}
        for row, digest in zip(read.rows, digests, strict=True)
        if not isinstance(digest, OSError)
    ]
    unreadable = [
        Rejected(str(row["path"]), f"cannot be read: {digest.strerror}")
        for row, digest in zip(read.rows, digests, strict=True)
        if isinstance(digest, OSError)
    ]
    if not rows:
        left_out = [*read.rejected, *unreadable]
        first = f" (first: {left_out[0].file}: {left_out[0].reason})" if left_out else ""
        hints = "".join(f"; {hint}" for hint in read.hints)
        raise AgeLensError(f"{source} holds no image that can be used{first}{hints}; {needed}.")
    name = source.stem if source.is_file() else source.absolute().name
    table = _tidy(pd.DataFrame([{**row, "source": row.get("source") or name} for row in rows]))
    formats = {name: read.format} if read.format else {}
    return Faces(table, read.rejected, str(source), unreadable, [*read.notes, *read.hints], formats)


def _tidy(table: pd.DataFrame) -> pd.DataFrame:
    """The columns in their order and with their dtypes; bounds of ages only where some are groups."""
    groups = "age_min" in table.columns and bool((table["age_min"] < table["age_max"]).any())
    named = [*COLUMNS, *(GROUP_COLUMNS if groups else [])]
    others = [name for name in table.columns if name not in COLUMNS and name not in GROUP_COLUMNS]
    table = table[[*named, *others]].copy()
    table[others] = table[others].fillna("").astype(str)
    return with_label_dtypes(table)


def with_label_dtypes(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with labels as int64, or, where some are missing, as float64 with NaN."""
    columns = [name for name in ("age", "gender", *GROUP_COLUMNS) if name in table.columns]
    numbers = {name: pd.to_numeric(table[name]) for name in columns}
    return table.assign(
        **{
            name: column.astype("float64" if column.isna().any() else "int64")
            for name, column in numbers.items()
        }
    )


def check_table(table: pd.DataFrame) -> None:
    """Refuse a DataFrame that is no face table, with an AgeLensError."""
    if missing := [name for name in COLUMNS if name not in table.columns and name != "source"]:
        raise AgeLensError(
            f"The face table has no column {', '.join(missing)}; agelens.read_faces makes whole ones."
        )
    if table.empty:
        raise AgeLensError("The face table has no rows; agelens.read_faces makes one of your faces.")


def join_tables(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return the rows of several face tables one after the other; columns that one of them lacks are filled up."""
    groups = any("age_min" in table.columns for table in tables)
    filled = [
        table.assign(age_min=table["age"], age_max=table["age"])
        if groups and "age_min" not in table.columns
        else table
        for table in tables
    ]
    joined = pd.concat(filled, ignore_index=True)
    others = [name for name in joined.columns if name not in ("age", "gender", *GROUP_COLUMNS)]
    joined[others] = joined[others].fillna("")
    named = [name for name in (*COLUMNS, *GROUP_COLUMNS) if name in joined.columns]
    return with_label_dtypes(joined[[*named, *(name for name in others if name not in named)]])


def source_names(table: pd.DataFrame) -> list[str]:
    """Return the names of the sources of a face table, in the order in which they first stand there."""
    return list(dict.fromkeys(table["source"])) if "source" in table.columns else []


def digest_files(paths: Iterable[str]) -> list[str | OSError]:
    """SHA-256 of each file, in the order given; for one that cannot be read, the error."""
    with ThreadPoolExecutor() as threads:
        return list(threads.map(_digest, paths))


def _digest(path: str) -> str | OSError:
    try:
        return digest_file(Path(path))
    except OSError as error:
        return error


def image_digests(table: pd.DataFrame) -> list[str]:
    """Return the digests of the images of a table, those of the photographs that crops were cut from included."""
    originals: Iterable[str] = table["original_digest"] if "original_digest" in table.columns else []
    return [*table["digest"], *filter(None, originals)]


def lost_files(table: pd.DataFrame) -> list[str]:
    """Paths of a face table that name no readable file any more."""
    return [path for path in table["path"] if what_is(Path(path)) != "file" or not os.access(path, os.R_OK)]


def digest_table(table: pd.DataFrame) -> str:
    """One SHA-256 over all that a study depends on: digests, labels and parts, whatever the order of the rows."""
    columns = [
        name for name in ("digest", "age", "gender", "race", "split", *GROUP_COLUMNS) if name in table.columns
    ]
    # Which source a face came from decides something only where there are several.
    columns += ["source"] if len(source_names(table)) > 1 else []
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
    try:
        table = pd.read_csv(path, dtype="str", keep_default_na=False)
        for name in ("age", "gender", *GROUP_COLUMNS):
            if name in table.columns:
                table[name] = pd.to_numeric(table[name].replace("", None))
    except FileNotFoundError:
        raise AgeLensError(f"{path} does not exist; run 'agelens audit FOLDER --out RUN' first.") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:
        raise AgeLensError(f"{path} is not a face table: {error}.") from None
    missing = [column for column in COLUMNS if column not in table.columns and column != "source"]
    if missing:
        raise AgeLensError(f"{path} is not a face table: it has no column {', '.join(missing)}.")
    if "source" not in table.columns:
        table["source"] = ""
    return with_label_dtypes(table)
