from pathlib import Path

import pytest

from agelens.data.audit import file_names
from agelens.data.sources.reading import read_sources
from agelens.errors import AgeLensError


def touch(folder: Path, *names: str) -> None:
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(str(file).encode())


@pytest.fixture
def places(tmp_path: Path) -> Path:
    touch(tmp_path / "UTKFace", "1_0_0_1.jpg", "30_1_0_2.jpg", "wrong.jpg")
    touch(tmp_path / "fair", "train/1.jpg", "train/2.jpg")
    (tmp_path / "fair" / "fairface.csv").write_text(
        "file,age,gender,race,service_test\ntrain/1.jpg,20-29,Male,Black,True\ntrain/2.jpg,3-9,Female,White,False\n"
        "train/3.jpg,3-9,Female,White,False\n",
        encoding="utf-8",
    )
    return tmp_path


def test_several_sources_become_one_table_that_tells_them_apart(places: Path) -> None:
    faces = read_sources([places / "UTKFace", places / "fair" / "fairface.csv"])
    table = faces.table
    assert table["source"].tolist() == ["UTKFace", "UTKFace", "fairface", "fairface"]
    assert table["age"].tolist() == [1, 30, 24, 6]
    assert table["age_max"].tolist() == [1, 30, 29, 9]
    assert table["taken_at"].tolist() == ["1", "2", "", ""]
    assert faces.formats == {"UTKFace": "names of UTKFace", "fairface": "label file of FairFace"}
    assert [one.file for one in faces.rejected] == ["UTKFace/wrong.jpg", "fair/train/3.jpg (line 4)"]
    assert file_names(table["path"], faces.source)[::2] == ["UTKFace/1_0_0_1.jpg", "fair/train/1.jpg"]
    assert any(note.startswith("fairface: the column age holds groups") for note in faces.notes)


def test_one_source_alone_is_that_source(places: Path) -> None:
    faces = read_sources([places / "UTKFace"])
    assert faces.source == str(places / "UTKFace")
    assert "age_min" not in faces.table.columns


def test_sources_of_one_name_are_called_by_their_folders_too(places: Path) -> None:
    touch(places / "a" / "faces", "1_0_0_1.jpg")
    touch(places / "b" / "faces", "1_0_0_1.jpg")
    table = read_sources([places / "a" / "faces", places / "b" / "faces"]).table
    assert table["source"].tolist() == ["a/faces", "b/faces"]
    with pytest.raises(AgeLensError, match="is given twice"):
        read_sources([places / "UTKFace", places / "fair" / ".." / "UTKFace"])


def test_a_manifest_that_names_its_sources_keeps_them(places: Path) -> None:
    (places / "both.csv").write_text(
        "path,age,source\nfair/train/1.jpg,3,one\nfair/train/2.jpg,4,two\n", encoding="utf-8"
    )
    faces = read_sources([places / "both.csv"])
    assert faces.table["source"].tolist() == ["one", "two"]
    assert faces.describe_formats() == ["both: CSV manifest, 2 rows"]
    joined = read_sources([places / "UTKFace", places / "both.csv"])
    assert joined.table["source"].tolist() == ["UTKFace", "UTKFace", "one", "two"]
    assert joined.describe_formats()[0] == "UTKFace: names of UTKFace, 2 rows"
