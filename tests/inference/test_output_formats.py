"""Forms of results: what a name asks for, and that each form is read as it was written."""

import csv
import io
import json
from pathlib import Path

import pandas as pd
import pytest

from agelens.errors import AgeLensError
from agelens.inference.output_formats import form_of_file, read_back, writing
from agelens.inference.results import Face, ImagePrediction

FACE = Face(31.25, 0.125, None, 24.0, 40.0, (1.5, 2.0, 30.0, 40.5), ((1.0, 2.0),) * 5, 0.875, True)
PHOTOS = [
    ImagePrediction("a.jpg", 100, 80, (FACE, Face(7.0, 0.5, box=(0.0, 0.0, 9.0, 9.0), score=0.5))),
    ImagePrediction("no face.jpg", 100, 80),
    ImagePrediction('odd, "name"\nin two lines.jpg', 10, 10, (Face(50.0, None),)),
]


@pytest.mark.parametrize(
    ("name", "asked", "form"),
    [
        ("a.jsonl", None, "lines"), ("a.NDJSON", None, "lines"), ("a.json", None, "json"), ("a.JSON", "json", "json"),
        ("a.b.csv", None, "csv"), ("a.tsv", None, "tsv"), ("a.tsv", "csv", "tsv"), ("a.jsonl", "json", "lines"),
        ("a.txt", "csv", "csv"), ("a", "json", "lines"),
    ],
)  # fmt: skip
def test_the_name_of_a_file_says_its_form(name: str, asked: str | None, form: str) -> None:
    assert form_of_file(Path(name), asked) == form


@pytest.mark.parametrize(
    "name", ["a.xlsx", "a.txt", "a", "a.csv.gz", ".csv", "a.jpg", "a.", "a.feather", "a.html"]
)
def test_other_names_are_refused_with_those_that_are_written(name: str) -> None:
    with pytest.raises(
        AgeLensError, match=r"give a name that ends in \.csv, \.tsv, \.json, \.parquet, \.jsonl or \.ndjson"
    ) as caught:
        form_of_file(Path("folder") / name)
    assert str(caught.value).startswith(f"{Path('folder') / name} ")


@pytest.mark.parametrize(("name", "asked"), [("a.csv", "json"), ("a.json", "csv"), ("a.jsonl", "csv")])
def test_an_option_and_a_name_that_do_not_agree_are_refused(name: str, asked: str) -> None:
    with pytest.raises(AgeLensError, match=f"--{asked} and the name {name} do not agree"):
        form_of_file(Path(name), asked)


@pytest.mark.parametrize("asked", ["json", "csv"])
def test_no_option_fills_a_parquet_file_with_text(asked: str) -> None:
    with pytest.raises(AgeLensError, match="do not agree"):
        form_of_file(Path("a.parquet"), asked)


def written(form) -> str:
    file = io.StringIO()
    with writing(file, form) as write:
        for photo in PHOTOS:
            write(photo.to_dict())
    return file.getvalue()


def test_json_is_one_document() -> None:
    assert json.loads(written("json")) == [photo.to_dict() for photo in PHOTOS]
    assert [json.loads(line) for line in written("lines").splitlines()] == json.loads(written("json"))
    file = io.StringIO()
    with writing(file, "json"):
        pass
    assert json.loads(file.getvalue()) == []


@pytest.mark.parametrize(("form", "separator"), [("csv", ","), ("tsv", "\t")])
def test_tables_are_read_by_pandas(form, separator: str) -> None:
    found = pd.read_csv(io.StringIO(written(form)), sep=separator)
    assert found["file"].tolist() == ["a.jpg", "a.jpg", PHOTOS[2].file]
    assert found["age_years"].tolist() == [31.25, 7.0, 50.0]
    assert len(list(csv.reader(io.StringIO(written(form)), delimiter=separator))) == 4


@pytest.mark.parametrize("form", ["lines", "json", "csv", "tsv"])
def test_what_is_written_is_read_back(form, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text(written(form), encoding="utf-8")
    entries = list(read_back(path, form))
    if form in ("lines", "json"):
        assert entries == [photo.to_dict() for photo in PHOTOS]
        return
    # Tables know faces alone; written again they are the same, to the letter.
    assert [entry["file"] for entry in entries] == [PHOTOS[0].file, PHOTOS[2].file]
    file = io.StringIO()
    with writing(file, form) as write:
        for entry in entries:
            write(entry)
    assert file.getvalue() == written(form)


def test_each_line_is_handed_on_at_once(tmp_path: Path) -> None:
    for form in ("lines", "csv"):
        path = tmp_path / form
        with path.open("w", encoding="utf-8") as file, writing(file, form) as write:
            before = path.read_text(encoding="utf-8").count("\n")
            write(PHOTOS[1].to_dict())
            write(PHOTOS[0].to_dict())
            assert path.read_text(encoding="utf-8").count("\n") == before + 2
