"""Predictions as Parquet: the same values as the JSON, one row a photograph."""

import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from agelens.errors import AgeLensError
from agelens.inference import output_formats
from agelens.inference.output_formats import form_of_file, read_back, writing_file
from agelens.inference.parquet import SCHEMA, to_table
from agelens.inference.predict_files import predict_files
from agelens.inference.prediction_config import PredictionConfig
from agelens.inference.results import Face, ImagePrediction
from tests.inference.named_faces import NamedPredictor, draw_photo


def photos(tmp_path: Path) -> list[ImagePrediction]:
    files = [draw_photo(tmp_path / name) for name in ("0 none.png", "2 two.png")]
    crop = ImagePrediction("crop.jpg", 0, 0, (Face(31.25, None),))
    broken = ImagePrediction("broken.jpg", 0, 0, error="is empty")
    return [*NamedPredictor().stream(files, crops=False), crop, broken]


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    values = [photo.to_dict() for photo in photos(tmp_path)]
    with writing_file(tmp_path / "a.parquet", "parquet") as write:
        for value in values:
            write(value)
    assert list(read_back(tmp_path / "a.parquet", "parquet")) == values


def test_a_photograph_is_a_row_with_faces_as_structs(tmp_path: Path) -> None:
    table = to_table(photos(tmp_path))
    assert table.schema.equals(SCHEMA, check_metadata=True)
    assert [None if row is None else len(row) for row in table.column("faces").to_pylist()] == [0, 2, 1, None]
    assert table.column("error").to_pylist() == [None, None, None, "is empty"]
    assert table.column("width").to_pylist() == [64, 64, None, None]
    # One row a face, as pandas and DuckDB make them.
    flat = table.column("faces").combine_chunks().flatten().flatten()
    names = [field.name for field in SCHEMA.field("faces").type.value_type]
    assert dict(zip(names, (column.to_pylist() for column in flat), strict=True))["age_years"] == [
        25,
        26,
        31.25,
    ]


def test_the_page_lists_every_column() -> None:
    page = (Path(__file__).parents[2] / "docs/how-to/cluster.md").read_text(encoding="utf-8")
    section = page.partition("## The columns")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    told = [name for row in rows for name in re.findall(r"`([\w.]+)`", row)]
    faces = [f"faces.{field.name}" for field in SCHEMA.field("faces").type.value_type]
    assert sorted(told) == sorted([*SCHEMA.names, *faces])
    assert SCHEMA.metadata[b"agelens.schema"].decode() in section


def test_the_command_keeps_what_could_not_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = tmp_path / "photos", tmp_path / "faces.parquet"
    for name in ("1 one.png", "3 three.png"):
        draw_photo(folder / name)
    (folder / "2 broken.png").write_bytes(b"")
    monkeypatch.setattr(PredictionConfig, "load", lambda *_: NamedPredictor())
    assert predict_files([folder], PredictionConfig(out=out)) == 1
    before = pq.read_table(out)
    assert [Path(name).name for name in before.column("file").to_pylist()] == [
        "1 one.png", "2 broken.png", "3 three.png"
    ]  # fmt: skip
    assert before.column("error").to_pylist() == [None, "is empty", None]
    # Again: what was broken is tried once more, and the rest stays as it is.
    draw_photo(folder / "2 broken.png")
    assert predict_files([folder], PredictionConfig(out=out)) == 0
    after = pq.read_table(out)
    assert after.column("error").null_count == 3
    assert after.slice(0, 1).equals(before.slice(0, 1))
    assert after.slice(2, 1).equals(before.slice(2, 1))


def test_without_pyarrow_there_is_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from agelens.utils import extras

    monkeypatch.setattr(extras.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(AgeLensError, match=r"Parquet files need pyarrow.*pip install 'agelens\[parquet\]'"):
        form_of_file(Path("faces.parquet"))
    assert output_formats.form_of_file(Path("faces.csv")) == "csv"
