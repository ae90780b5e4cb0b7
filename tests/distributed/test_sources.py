"""Which photographs a job is of."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from agelens.distributed.sources import list_photographs
from agelens.errors import AgeLensError
from tests.inference.named_faces import draw_photo


def test_folders_patterns_lists_and_parquet_name_photographs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    both = [str(draw_photo(tmp_path / "photos" / name)) for name in ("1 a.png", "2 b.png")]
    assert list_photographs("photos") == list_photographs("photos/*.png") == both
    Path("list.txt").write_text("photos/1 a.png\n\ns3://bucket/c.jpg\nphotos/1 a.png\ngone.jpg\n", "utf-8")
    listed = [both[0], "s3://bucket/c.jpg", str(tmp_path / "gone.jpg")]
    assert list_photographs("list.txt") == listed
    pq.write_table(pa.table({"id": [1, 2], "path": listed[:2]}), "list.parquet")
    assert list_photographs("list.parquet") == listed[:2]


def test_what_is_no_list_is_told(tmp_path: Path) -> None:
    with pytest.raises(AgeLensError, match=r"gone\.txt cannot be read: No such file"):
        list_photographs(str(tmp_path / "gone.txt"))
    (tmp_path / "empty.txt").touch()
    with pytest.raises(AgeLensError, match=r"empty\.txt names no photograph"):
        list_photographs(str(tmp_path / "empty.txt"))
    pq.write_table(pa.table({"url": ["a"]}), tmp_path / "list.parquet")
    with pytest.raises(AgeLensError, match=r"list\.parquet has no column path or file"):
        list_photographs(str(tmp_path / "list.parquet"))
    (tmp_path / "list.parquet").write_text("no parquet")
    with pytest.raises(AgeLensError, match=r"list\.parquet cannot be read"):
        list_photographs(str(tmp_path / "list.parquet"))
