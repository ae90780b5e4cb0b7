"""The folder of a job: a plan, finished shards, and counts that add up."""

from pathlib import Path

import fsspec
import pyarrow.parquet as pq
import pytest

from agelens.distributed.shards import Counts, ShardFolder, cut
from agelens.errors import AgeLensError
from agelens.inference.parquet import SCHEMA, to_table
from agelens.inference.results import Face, ImagePrediction

FACE = Face(30.0, 0.5)
TABLE = to_table(
    [
        ImagePrediction("a", 1, 1, (FACE, FACE)),
        ImagePrediction("b", 1, 1),
        ImagePrediction("c", 0, 0, error="is empty"),
    ]
)


@pytest.fixture(params=["disk", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "job") if request.param == "disk" else f"memory://jobs/{tmp_path.name}"


def test_a_job_goes_on_with_the_shards_that_are_missing(place: str) -> None:
    folder = ShardFolder(place)
    names = list("abcdefg")
    assert folder.begin(names, 3, {"networks": ["x"]}) == 3
    assert folder.write(1, TABLE) == Counts(3, 1, 1, 1, 2)
    again = ShardFolder(place)
    assert again.begin(names, 100, {"networks": ["x"]}) == 3
    assert again.finished() == {1}
    assert list(cut(names, 3, {1})) == [
        {"shard": 0, "paths": ["a", "b", "c"]}, {"shard": 2, "paths": ["g"]}
    ]  # fmt: skip
    # A worker that outlived the job writes the same shard once more.
    again.write(1, TABLE)
    for number, rows in ((0, 3), (2, 1)):
        again.write(number, TABLE.slice(0, rows))
    assert again.finish(3) == Counts(7, 3, 2, 2, 6)
    with fsspec.open(f"{place}/part-00000001.parquet") as file:
        assert pq.read_table(file).cast(SCHEMA).to_pylist() == TABLE.to_pylist()


def test_a_folder_of_something_else_is_left_alone(place: str) -> None:
    folder = ShardFolder(place)
    folder.begin(["a"], 3, {"networks": ["x"]})
    with pytest.raises(AgeLensError, match="was begun with other photographs; give another --out"):
        folder.begin(["a", "b"], 3, {"networks": ["x"]})
    with pytest.raises(AgeLensError, match="was begun with another network or other options"):
        folder.begin(["a"], 3, {"networks": ["y"]})


def test_a_folder_that_holds_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").touch()
    with pytest.raises(AgeLensError, match="holds something else; give another --out"):
        ShardFolder(str(tmp_path)).begin(["a"], 3, {})


def test_a_shard_that_is_being_written_is_not_finished(tmp_path: Path) -> None:
    folder = ShardFolder(str(tmp_path / "job"))
    folder.begin(["a"], 3, {})
    (tmp_path / "job" / ".partial.part-00000000.parquet.1").write_bytes(b"PAR1")
    assert folder.finished() == set()


def test_an_empty_shard_counts_nothing() -> None:
    assert Counts.of(SCHEMA.empty_table()) == Counts()
