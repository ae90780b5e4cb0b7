from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from agelens.data.corrections import CorrectionFiles, Corrections, read_corrections
from agelens.data.table import Faces
from agelens.errors import AgeLensError
from agelens.study.audit_step import audit_faces
from agelens.study.folder import StudyFolder


@pytest.fixture
def faces(tmp_path: Path) -> Faces:
    rows = [
        (str(tmp_path / f"{name}.jpg"), age, gender, "", "", digest * 64)
        for name, age, gender, digest in (
            ("a", 20, 0, "1"),
            ("b", 30, 1, "2"),
            ("c", 40, 0, "3"),
            ("d", 41, 0, "3"),
        )
    ]
    table = pd.DataFrame(rows, columns=["path", "age", "gender", "race", "taken_at", "digest"])
    return Faces(table, source=str(tmp_path))


def csv(folder: Path, text: str) -> Path:
    file = folder / "corrections.csv"
    file.write_text(text)
    return file


def ages(faces: Faces) -> dict[str, int]:
    return {Path(path).stem: age for path, age in zip(faces.table["path"], faces.table["age"], strict=True)}


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("path\na.jpg\n", "bcd"),
        ("file,note\nb.jpg,really?\n", "acd"),
        ("digest\n" + "3" * 64 + "\n", "ab"),
        # A path tells which of two identical files is meant.
        ("path,digest\nc.jpg," + "3" * 64 + "\n", "abd"),
        ("Path ,digest\nelsewhere/a.jpg," + "1" * 64 + "\n", "bcd"),
    ],
)
def test_faces_are_left_out_by_path_or_digest(faces: Faces, tmp_path: Path, text: str, left: str) -> None:
    corrected = read_corrections(CorrectionFiles(exclude=csv(tmp_path, text)), faces).apply(faces)
    assert "".join(ages(corrected)) == left
    assert len(faces.table) == 4


def test_a_full_path_names_a_face_too(faces: Faces, tmp_path: Path) -> None:
    file = csv(tmp_path, f"path\n{tmp_path / 'a.jpg'}\n")
    assert list(read_corrections(CorrectionFiles(exclude=file), faces).exclude) == ["a.jpg"]


def test_labels_are_replaced_and_empty_cells_change_nothing(faces: Faces, tmp_path: Path) -> None:
    file = csv(
        tmp_path, "path,age,gender,new_age,new_gender\na.jpg,20,0,25,\nb.jpg,30,1,,male\nc.jpg,40,0,,\n"
    )
    found = read_corrections(CorrectionFiles(relabel=file), faces)
    table = found.apply(faces).table
    assert table["age"].tolist() == [25, 30, 40, 41]
    assert table["gender"].tolist() == [0, 0, 0, 0]
    assert table["age"].dtype == table["gender"].dtype == "int64"
    assert set(found.relabel) == {"a.jpg", "b.jpg"}


def test_a_plain_manifest_relabels_by_age_and_gender(faces: Faces, tmp_path: Path) -> None:
    file = csv(tmp_path, "path,age,gender\na.jpg,21,f\nb.jpg,30.0,1\n")
    table = read_corrections(CorrectionFiles(relabel=file), faces).apply(faces).table
    assert table["age"].tolist() == [21, 30, 40, 41]
    assert table["gender"].tolist() == [1, 1, 0, 0]


def test_missing_labels_stay_missing_and_a_new_age_takes_the_place_of_a_group(
    faces: Faces, tmp_path: Path
) -> None:
    rows = faces.table.assign(age=[24.0, np.nan, 40, 44], gender=[0, 1, np.nan, 0])
    rows = rows.assign(age_min=[20.0, np.nan, 40, 40], age_max=[29.0, np.nan, 40, 49])
    source = faces.with_table(rows)
    file = csv(tmp_path, "path,new_age,new_gender\na.jpg,21,\nb.jpg,,0\n")
    table = read_corrections(CorrectionFiles(relabel=file), source).apply(source).table
    expected = {"age": [21, np.nan, 40, 44], "gender": [0, 0, np.nan, 0],
                "age_min": [21, np.nan, 40, 40], "age_max": [21, np.nan, 40, 49]}  # fmt: skip
    pd.testing.assert_frame_equal(table[list(expected)], pd.DataFrame(expected))
    left = Corrections(exclude=frozenset({"b.jpg", "c.jpg"})).apply(source).table
    assert left["age"].tolist() == [24, 44]
    assert left["age"].dtype == left["gender"].dtype == left["age_min"].dtype == "int64"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name\na.jpg\n", "none of the columns path, file and digest"),
        ("path\nz.jpg\n", "names no face of .*, such as z.jpg"),
        ("path,new_age\na.jpg,200\n", "line 2 of .*age '200'.* outside 0 to 116"),
        ("path,new_age\na.jpg,young\n", "line 2 of .*age 'young'"),
        ("path,new_gender\na.jpg,other\n", "line 2 of .*gender 'other'"),
        ("", "is not a CSV file"),
    ],
)
def test_what_cannot_be_used_is_told_in_a_sentence(
    faces: Faces, tmp_path: Path, text: str, told: str
) -> None:
    with pytest.raises(AgeLensError, match=told):
        read_corrections(CorrectionFiles(relabel=csv(tmp_path, text)), faces)


def test_a_crop_is_found_by_its_photograph(faces: Faces, tmp_path: Path) -> None:
    text = (
        "path,digest,original,original_digest\n"
        f"crops/x.jpg,{'8' * 64},{tmp_path / 'a.jpg'},{'1' * 64}\n"
        f"crops/y.jpg,{'9' * 64},/moved/b.jpg,{'2' * 64}\n"
    )
    found = read_corrections(CorrectionFiles(exclude=csv(tmp_path, text)), faces)
    assert found.exclude == {"a.jpg", "b.jpg"}


def test_rows_that_fit_no_face_are_told(faces: Faces, tmp_path: Path) -> None:
    found = read_corrections(CorrectionFiles(exclude=csv(tmp_path, "path\na.jpg\nz.jpg\n")), faces)
    notes = found.apply(faces).notes
    assert notes[0] == "corrections: 1 faces left out, 0 given other labels"
    assert notes[1].endswith("1 rows name no face that is there, such as z.jpg")


def test_not_every_face_can_be_left_out(faces: Faces, tmp_path: Path) -> None:
    file = csv(tmp_path, "path\na.jpg\nb.jpg\nc.jpg\nd.jpg\n")
    with pytest.raises(AgeLensError, match="leaves out every face"):
        read_corrections(CorrectionFiles(exclude=file), faces).apply(faces)


def test_they_come_back_from_json() -> None:
    made = Corrections(frozenset({"a"}), {"b": (None, 1), "c": (3, None)})
    assert Corrections.from_json(made.to_json()) == made


def test_a_run_keeps_its_corrections_and_refuses_others(faces_folder: Path, tmp_path: Path) -> None:
    names = sorted(path.name for path in faces_folder.glob("2*.jpg"))[:3]
    first = csv(tmp_path, "path\n" + "\n".join(names[:2]) + "\n")

    def run(files: CorrectionFiles) -> StudyFolder:
        opened = StudyFolder(tmp_path / "run")
        opened.corrections = files
        audit_faces(opened, faces_folder)
        return opened

    table = run(CorrectionFiles(exclude=first)).table
    assert not set(names[:2]) & {Path(path).name for path in table["path"]}
    # The file need not be there when the run goes on.
    first.unlink()
    assert run(CorrectionFiles()).table.equals(table)
    other = csv(tmp_path, f"path\n{names[2]}\n")
    with pytest.raises(AgeLensError, match="begun with other corrections"):
        run(CorrectionFiles(exclude=other))
    opened = StudyFolder(tmp_path / "run")
    opened.corrections = CorrectionFiles(exclude=other)
    with pytest.raises(AgeLensError, match="name the folder of faces"):
        opened.begin(None)
