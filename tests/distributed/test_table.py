"""The table function that engines call."""

from pathlib import Path

import fsspec
import pyarrow as pa
import pytest

from agelens.distributed.table import predict_table
from agelens.errors import AgeLensError
from agelens.inference.parquet import SCHEMA
from agelens.inference.predictor import load
from agelens.inference.results import ImagePrediction
from tests.inference.named_faces import draw_photo


class LengthPredictor:
    """Says of each source how long it is, as the width."""

    def stream(self, sources, crops: bool):
        for source in sources:
            content = source if isinstance(source, bytes) else Path(source).read_bytes()
            yield ImagePrediction("made up", len(content), 1 + crops)


def test_one_row_a_photograph_in_order_from_paths_or_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"123")
    table = pa.table(
        {
            "id": [7, 8],
            "path": [str(tmp_path / "a.jpg"), "b.jpg"],
            "bytes": pa.array([None, b"12345"], pa.binary()),
        }
    )
    found = predict_table(table, LengthPredictor())  # type: ignore[arg-type]
    assert found.schema.equals(SCHEMA)
    assert found.column("file").to_pylist() == [str(tmp_path / "a.jpg"), "b.jpg"]
    assert found.column("width").to_pylist() == [3, 5]
    alone = predict_table(pa.table({"bytes": [b"1"]}), LengthPredictor(), crops=True)  # type: ignore[arg-type]
    assert (alone.column("file").to_pylist(), alone.column("height").to_pylist()) == ([""], [2])


def test_the_real_predictor_tells_what_it_cannot_read(tmp_path: Path) -> None:
    crop = draw_photo(tmp_path / "1 crop.png")
    with fsspec.open("memory://photos/crop.png", "wb") as file:
        file.write(crop.read_bytes())
    paths = [str(crop), "memory://photos/crop.png", "gone.jpg", None]
    found = predict_table(pa.table({"path": paths}), load(precision="f32"), crops=True)
    assert found.column("file").to_pylist() == [str(crop), "memory://photos/crop.png", "gone.jpg", ""]
    here, there, gone, nothing = found.column("faces").to_pylist()
    assert here == there
    assert 0 <= here[0]["age_low"] <= here[0]["age_years"] <= here[0]["age_high"]
    assert len(here[0]["age_distribution"]) == 117
    assert gone is nothing is None
    assert found.column("error").to_pylist()[2:] == [
        "cannot be read: No such file or directory", "has neither a path nor bytes"
    ]  # fmt: skip


def test_an_empty_table_and_one_of_something_else() -> None:
    assert predict_table(pa.table({"path": pa.array([], pa.string())})).equals(SCHEMA.empty_table())
    with pytest.raises(AgeLensError, match="has a column path or bytes, and this one has url"):
        predict_table(pa.table({"url": ["a"]}))
