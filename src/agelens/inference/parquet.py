"""Predictions as an Arrow table and as Parquet, one row a photograph or a frame. Needs `agelens[parquet]`.

A photograph has a row also where it has no face, and where it could not be read: ``error`` then says why.

    file              string        path, address, or empty
    width, height     int32         pixels of the upright photograph; null of crops, and where it could not be read
    error             string        why it could not be read; null where it could
    faces             list<struct>  from the largest to the smallest; null where it could not be read
      left, top, right, bottom      double        pixels of the upright photograph; null of crops
      score                         double        of the detector, 0 to 1; null of crops
      low_confidence                bool          whether this may be no face
      age_years                     double        years
      age_low, age_high             double        prediction interval, years
      p_female                      double        probability of the label female, 0 to 1
      landmarks                     list<struct<x: double, y: double>>   pixels; null of crops
      age_distribution              list<float>   probability of each whole age from 0 years on

Of a video a row is a frame: ``frame`` (int64), ``seconds`` (double) and ``faces``, which begin with ``track`` and
``seen`` (int32) and have no distribution. Numbers are rounded as in the JSON.
"""

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from agelens.inference.results import ImagePrediction

_BOX = ("left", "top", "right", "bottom")
_PLACE = [*((name, pa.float64()) for name in (*_BOX, "score")), ("low_confidence", pa.bool_())]
_ESTIMATES = [(name, pa.float64()) for name in ("age_years", "age_low", "age_high", "p_female")]
_LANDMARKS = ("landmarks", pa.list_(pa.struct([("x", pa.float64()), ("y", pa.float64())])))
FACE = pa.struct([*_PLACE, *_ESTIMATES, _LANDMARKS, ("age_distribution", pa.list_(pa.float32()))])
SCHEMA = pa.schema(
    [
        pa.field("file", pa.string(), nullable=False),
        pa.field("width", pa.int32()),
        pa.field("height", pa.int32()),
        pa.field("error", pa.string()),
        pa.field("faces", pa.list_(FACE)),
    ],
    {"agelens.schema": "photographs/1"},
)
_TRACKED = pa.struct([("track", pa.int32()), ("seen", pa.int32()), *_PLACE, *_ESTIMATES, _LANDMARKS])
FRAMES_SCHEMA = pa.schema(
    [("frame", pa.int64()), ("seconds", pa.float64()), ("faces", pa.list_(_TRACKED))],
    {"agelens.schema": "frames/1"},
)
_PLAIN = ("low_confidence", "score", "track", "seen", *(name for name, _ in _ESTIMATES))
# Rows that are written together, and that a reader skips together.
_GROUP = 4096


def to_table(photos: Iterable[ImagePrediction]) -> pa.Table:
    """Return photographs as a table of SCHEMA, one row each."""
    return pa.Table.from_pylist([row_of(photo.to_dict()) for photo in photos], SCHEMA)


def row_of(value: dict[str, Any]) -> dict[str, Any]:
    """Return the row of one photograph or frame, from the dict that becomes JSON."""
    faces = None if value.get("error") else [_face_row(face) for face in value["faces"]]
    if "frame" in value:
        return {"frame": value["frame"], "seconds": value["seconds"], "faces": faces}
    # Names of files need not be text; what is not is escaped, as in CSV.
    file = value.get("file", "").encode(errors="backslashreplace").decode()
    known = {name: value.get(name) for name in ("width", "height", "error")}
    return {"file": file, **known, "faces": faces}


def _face_row(face: dict[str, Any]) -> dict[str, Any]:
    row = {name: face.get(name) for name in _PLAIN}
    row["low_confidence"] = face.get("low_confidence", False)
    if "box" in face:
        row |= dict(zip(_BOX, face["box"], strict=True))
    if "landmarks" in face:
        row["landmarks"] = [{"x": x, "y": y} for x, y in face["landmarks"]]
    row["age_distribution"] = face.get("age_distribution")
    return row


def value_of(row: dict[str, Any]) -> dict[str, Any]:
    """Return the inverse of `row_of` for a photograph."""
    value: dict[str, Any] = {"file": row["file"]}
    if row["error"] is not None:
        return {**value, "error": row["error"], "faces": []}
    if row["width"] is not None:
        value |= {"width": row["width"], "height": row["height"]}
    return {**value, "faces": [_face_of(face) for face in row["faces"]]}


def _face_of(row: dict[str, Any]) -> dict[str, Any]:
    face: dict[str, Any] = {}
    if row["left"] is not None:
        face["box"] = [row[name] for name in _BOX]
    if row["landmarks"] is not None:
        face["landmarks"] = [[point["x"], point["y"]] for point in row["landmarks"]]
    if row["score"] is not None:
        face |= {"score": row["score"], "low_confidence": row["low_confidence"]}
    face |= {name: row[name] for name, _ in _ESTIMATES if row[name] is not None}
    if row["age_distribution"] is not None:
        face["age_distribution"] = [round(share, 5) for share in row["age_distribution"]]
    return face


class ParquetRows:
    """Takes values one by one and writes them in groups, so that memory stays flat."""

    def __init__(self, writer: pq.ParquetWriter, schema: pa.Schema) -> None:
        self._writer, self._schema = writer, schema
        self._rows: list[dict[str, Any]] = []

    def __call__(self, value: dict[str, Any]) -> None:
        self._rows.append(row_of(value))
        if len(self._rows) >= _GROUP:
            self.flush()

    def flush(self) -> None:
        """Write what has come since the last group."""
        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, self._schema))
            self._rows.clear()


@contextlib.contextmanager
def writing_parquet(path: Path, schema: pa.Schema = SCHEMA) -> Iterator[ParquetRows]:
    """Give what writes values into a file; it is a Parquet file only where the block succeeds."""
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        rows = ParquetRows(writer, schema)
        yield rows
        rows.flush()


def read_parquet(path: Path) -> Iterator[dict[str, Any]]:
    """Return the photographs of a file that `writing_parquet` wrote, each as the dict that becomes JSON."""
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(_GROUP):
            yield from map(value_of, batch.to_pylist())
