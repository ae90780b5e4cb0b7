from pathlib import Path

import pandas as pd
import pytest

from agelens.data.sources.reading import read_faces
from agelens.errors import AgeLensError


def test_a_parquet_manifest_is_read_as_a_csv_manifest_is(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        (tmp_path / name).write_bytes(name.encode())
    rows = pd.DataFrame(
        {
            "file_name": ["a.jpg", "b.jpg", "c.jpg"],
            "age": [25.0, None, 3.0],
            "gender": ["m", "f", None],
            "site": [1, 2, 3],
        }
    )
    rows.to_parquet(tmp_path / "faces.parquet")
    rows.to_csv(tmp_path / "faces.csv", index=False)
    from_parquet, from_csv = read_faces(tmp_path / "faces.parquet"), read_faces(tmp_path / "faces.csv")
    pd.testing.assert_frame_equal(from_parquet.table, from_csv.table)
    assert from_parquet.formats == {"faces": "Parquet manifest"}
    assert from_parquet.table["site"].tolist() == ["1", "2", "3"]


def test_boxes_may_be_lists_and_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"a")
    pd.DataFrame({"path": ["a.jpg"], "age": [3], "box": [[0.0, 1.0, 9.5, 12.0]]}).to_parquet(
        tmp_path / "a.parquet"
    )
    assert read_faces(tmp_path / "a.parquet").table["box"].tolist() == ["0 1 9.5 12"]
    (tmp_path / "b.parquet").write_bytes(b"no parquet")
    with pytest.raises(AgeLensError, match=r"b\.parquet is not a Parquet file"):
        read_faces(tmp_path / "b.parquet")
