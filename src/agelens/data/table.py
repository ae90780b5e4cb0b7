"""The face table: one row an image, from UTKFace file names or from a CSV manifest.

A face table is a pandas DataFrame with the columns

    path      str     absolute path of the image file
    age       int64   years, 0 to 116
    gender    int64   the dataset's binary label: 0 male, 1 female
    race      str     "White", "Black", "Asian", "Indian", "Other", or "" where a dataset has none; for audits only
    taken_at  str     the digits of the UTKFace name (when the picture was collected), or ""
    digest    str     SHA-256 of the file's bytes, 64 hexadecimal digits

and, once it is audited, ``group`` (str; the same for images that show the same picture), and, once it is split,
``split`` ("train", "validation" or "test"). Rows of a folder are sorted by file name, those of a manifest as it lists
them. Nothing in AgeLens but `rows`, beside this, parses a file name.
"""

import hashlib
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from agelens.data.rows import Rejected, Rows
from agelens.errors import AgeLensError
from agelens.utils.files import digest_file, replacing_file
from agelens.utils.folders import what_is

COLUMNS = ["path", "age", "gender", "race", "taken_at", "digest"]
SPLITS = ("train", "validation", "test")
_SPREADSHEETS = (".xlsx", ".xls", ".xlsm", ".ods")


@dataclass(frozen=True)
class Faces:
    """What reading a source gives: the face table and the files that were left out.

    Attributes:
        table: the face table, never empty: reading a source without a single usable row is an error.
        rejected: files whose name or row is malformed, in order of name.
        source: where it came from, as the person gave it.
        unreadable: files with labels whose bytes cannot be read, by their paths.
        notes: sentences for the person: what was skipped, and how something was understood.
    """

    table: pd.DataFrame
    rejected: list[Rejected] = field(default_factory=list)
    source: str = ""
    unreadable: list[Rejected] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def with_table(self, table: pd.DataFrame) -> "Faces":
        """The same source with other rows, for example a sample of them."""
        return replace(self, table=table)


def build_faces(read: Rows, source: Path, needed: str) -> Faces:
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
        raise AgeLensError(f"{source} holds no usable face{first}{hints}; {needed}.")
    notes = [*read.notes, *read.hints]
    return Faces(pd.DataFrame(rows)[COLUMNS], read.rejected, str(source), unreadable, notes)


def digest_files(paths: Iterable[str]) -> list[str | OSError]:
    """SHA-256 of each file, in the order given; for one that cannot be read, the error."""
    with ThreadPoolExecutor() as threads:
        return list(threads.map(_digest, paths))


def _digest(path: str) -> str | OSError:
    try:
        return digest_file(Path(path))
    except OSError as error:
        return error


def lost_files(table: pd.DataFrame) -> list[str]:
    """Paths of a face table that name no readable file any more."""
    return [path for path in table["path"] if what_is(Path(path)) != "file" or not os.access(path, os.R_OK)]


def digest_table(table: pd.DataFrame) -> str:
    """One SHA-256 over all that a study depends on: digests, labels and parts, whatever the order of the rows."""
    columns = [name for name in ("digest", "age", "gender", "race", "split") if name in table.columns]
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
        **dict.fromkeys(("path", "race", "taken_at", "digest", "group", "split"), "str"),
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
