"""The one function that cluster engines call: a table of photographs in, a table of predictions out.

Needs `agelens[parquet]`, and `agelens[remote]` where photographs have addresses.
"""

import functools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pyarrow as pa

from agelens.errors import AgeLensError, ImageError
from agelens.inference.given import Given
from agelens.inference.parquet import SCHEMA, to_table
from agelens.inference.predictor import Predictor, load
from agelens.inference.results import ImagePrediction
from agelens.inference.selection import Selection

PATHS = ("path", "file")
_BYTES = "bytes"


def predict_table(
    table: pa.Table,
    predictor: Predictor | None = None,
    crops: bool = False,
    selection: Selection | None = None,
) -> pa.Table:
    """Return a table with one row for each photograph of another table, in its order.

    Args:
        table: has a column ``path`` (or ``file``) of strings, which are paths or addresses such as ``s3://``, or a
            column ``bytes`` of the contents of image files, or both: then the bytes are read, and the path is the name.
        predictor: finds and estimates the faces; if not given, AgeLens's own, which is loaded once a process.
        crops: each photograph is one face, cropped as the networks' training faces were.
        selection: which faces, and what of each, are kept; all if not given.

    Returns:
        the columns of `agelens.inference.parquet.SCHEMA`, whatever the other columns of the table were. A photograph
        that cannot be read has the reason in ``error``, and a photograph without a face has an empty list.

    Raises:
        AgeLensError: the table has neither of these columns.

    Example:
        >>> import pyarrow as pa
        >>> from agelens import predict_table
        >>> predict_table(pa.table({"path": ["gone.jpg"]})).column("error").to_pylist()
        ['cannot be read: No such file or directory']
    """
    names, sources = _photographs(table)
    if not names:
        return SCHEMA.empty_table()
    found = (predictor or _own()).stream(sources, crops)
    kept = selection or Selection()
    return to_table(kept.values(kept.faces(photo)) for photo in _named(found, names))


@functools.cache
def _own() -> Predictor:
    return load()


def _photographs(table: pa.Table) -> tuple[list[str], list[Any]]:
    """The names of the photographs of a table, and what each is read from."""
    column = next((name for name in PATHS if name in table.column_names), None)
    if column is None and _BYTES not in table.column_names:
        raise AgeLensError(
            f"A table of photographs has a column path or bytes, and this one has {', '.join(table.column_names)}."
        )
    empty = [None] * len(table)
    names = table.column(column).to_pylist() if column else empty
    contents = table.column(_BYTES).to_pylist() if _BYTES in table.column_names else empty
    sources = [
        content if content is not None else _of_name(name)
        for name, content in zip(names, contents, strict=True)
    ]
    return [name or "" for name in names], sources


def _of_name(name: str | None) -> str | Given:
    return name if name is not None else Given("", ImageError("has neither a path nor bytes"))


def _named(found: Iterator[ImagePrediction], names: list[str]) -> Iterator[ImagePrediction]:
    for photo, name in zip(found, names, strict=True):
        yield replace(photo, file=name)
