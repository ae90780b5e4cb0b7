import errno
import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agelens.data import table as module
from agelens.data.labels import AGE_BANDS, age_band
from agelens.data.rows import Rejected
from agelens.data.sources.reading import read_faces
from agelens.data.sources.utkface import parse_name
from agelens.data.table import (
    COLUMNS,
    digest_table,
    join_tables,
    read_table,
    sample,
    source_names,
    write_table,
)
from agelens.errors import AgeLensError

LOOKED = "the file does not exist, neither in the manifest's folder nor in the working folder"


def touch(folder: Path, *names: str) -> None:
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(name.encode())


def manifest(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    file = folder / "faces.csv"
    file.write_text(text, encoding=encoding)
    return file


def reasons(source: Path) -> dict[str, str]:
    return {rejected.file: rejected.reason for rejected in read_faces(source).rejected}


def test_a_folder_of_utkface_names_becomes_a_table(tmp_path: Path) -> None:
    touch(tmp_path, "7_1_4_20170103.jpg", "sub/30_0_2_20170116174525125.jpg.chip.jpg", "100_1_0_1.PNG")
    faces = read_faces(tmp_path)
    table = faces.table
    assert list(table.columns) == COLUMNS
    assert table["path"].tolist() == [
        str(tmp_path / name)
        for name in ("100_1_0_1.PNG", "7_1_4_20170103.jpg", "sub/30_0_2_20170116174525125.jpg.chip.jpg")
    ]
    assert table["age"].tolist() == [100, 7, 30]
    assert table["gender"].tolist() == [1, 1, 0]
    assert table["race"].tolist() == ["White", "Other", "Asian"]
    assert table["taken_at"].tolist() == ["1", "20170103", "20170116174525125"]
    assert table["digest"].str.fullmatch("[0-9a-f]{64}").all()
    assert (table["age"].dtype, table["gender"].dtype) == (np.int64, np.int64)
    assert faces.source == str(tmp_path)
    assert faces.rejected == []


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("200_0_0_1.jpg", "age 200 is outside 0 to 116"),
        ("117_0_0_1.jpg", "age 117 is outside 0 to 116"),
        ("30_5_0_1.jpg", "gender code 5 is not 0 (male) or 1 (female)"),
        ("30_3_0_1.jpg", "gender code 3 is not 0 (male) or 1 (female)"),
        ("30_0_5_1.jpg", "race code 5 is not 0 to 4"),
        ("39_1_20170116174525125.jpg.chip.jpg", "the name is not AGE_GENDER_RACE_TIME"),
        ("30_0_0_.jpg", "the name is not AGE_GENDER_RACE_TIME"),
        ("-3_0_0_1.jpg", "the name is not AGE_GENDER_RACE_TIME"),
        ("3.5_0_0_1.jpg", "the name is not AGE_GENDER_RACE_TIME"),
        ("face.jpg", "the name is not AGE_GENDER_RACE_TIME"),
        ("30_0_0_1.txt", "is not an image file"),
        ("30_0_0_1", "is not an image file"),
        (f"{'9' * 200}_0_0_1.jpg", f"age {'9' * 200} is outside 0 to 116"),
    ],
)
def test_a_wrong_name_is_listed_with_its_reason(tmp_path: Path, name: str, reason: str) -> None:
    touch(tmp_path, "0_0_0_1.jpg", "116_1_4_1.jpg", f"sub/{name}")
    faces = read_faces(tmp_path)
    assert faces.table["age"].tolist() == [0, 116]
    assert [(rejected.file, rejected.reason) for rejected in faces.rejected] == [(f"sub/{name}", reason)]


def test_hidden_files_are_passed_over(tmp_path: Path) -> None:
    touch(tmp_path, "1_0_0_1.jpg", ".DS_Store", "._1_0_0_1.jpg")
    assert len(read_faces(tmp_path).table) == 1
    assert reasons(tmp_path) == {}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(st.text(max_size=40).map(lambda text: text + ".jpg"))
def test_any_name_gives_labels_in_range_or_a_reason(name: str) -> None:
    row = parse_name(name)
    if isinstance(row, str):
        assert row
    else:
        assert 0 <= int(str(row["age"])) <= 116
        assert row["gender"] in (0, 1)


def test_sources_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(AgeLensError, match="does not exist; give a folder"):
        read_faces(tmp_path / "gone")
    with pytest.raises(AgeLensError, match="is empty"):
        read_faces(tmp_path)
    touch(tmp_path, "notes.md")
    with pytest.raises(AgeLensError, match="neither a folder of images nor a"):
        read_faces(tmp_path / "notes.md")
    with pytest.raises(
        AgeLensError, match=r"no image that can be used \(first: notes\.md: is not an image file\)"
    ):
        read_faces(tmp_path)


def test_a_manifest_becomes_the_same_table(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "deep/b.jpg", "name, with comma.jpg")
    file = manifest(
        tmp_path,
        "path,age,gender,race,note\n"
        "deep/b.jpg,3,female,2,x\n"
        f"{tmp_path / 'a.jpg'}, 30 ,0,Martian,y\n"
        '"name, with comma.jpg",116,MALE,,z\n',
    )
    table = read_faces(file).table
    assert list(table.columns) == [*COLUMNS, "note"]
    assert table["note"].tolist() == ["x", "y", "z"]
    assert set(table["source"]) == {"faces"}
    assert table["path"].tolist() == [
        str(tmp_path / name) for name in ("deep/b.jpg", "a.jpg", "name, with comma.jpg")
    ]
    assert table["age"].tolist() == [3, 30, 116]
    assert table["gender"].tolist() == [1, 0, 0]
    assert table["race"].tolist() == ["Asian", "Martian", ""]
    assert set(table["taken_at"]) == {""}


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_manifest_of_a_spreadsheet_has_a_byte_order_mark(tmp_path: Path, line_end: str) -> None:
    touch(tmp_path, "a.jpg")
    file = manifest(tmp_path, line_end.join(["path , age, gender", "a.jpg,3,1", ""]), encoding="utf-8-sig")
    assert read_faces(file).table["age"].tolist() == [3]


def test_paths_of_a_manifest_are_relative_to_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "lists/x", "images/a.jpg")
    file = manifest(tmp_path / "lists", "path,age,gender\n../images/a.jpg,3,1\n")
    monkeypatch.chdir(tmp_path)
    by_relative_name = read_faces(Path("lists/faces.csv")).table
    pd.testing.assert_frame_equal(by_relative_name, read_faces(file).table)
    assert Path(by_relative_name["path"][0]).samefile(tmp_path / "images" / "a.jpg")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("gone.jpg,3,1", LOOKED),
        (",3,1", "the path is empty"),
        ("  ,3,1", "the path is empty"),
        (".,3,1", "is a folder and no file"),
        ("b.jpg,3.5.1,1", "age '3.5.1' is neither an age in years nor a group of ages"),
        ("b.jpg,-3,1", "age -3 is outside 0 to 116"),
        ("b.jpg,NA,1", "age 'NA' is neither an age in years nor a group of ages"),
        ("b.jpg,²,1", "age '²' is neither an age in years nor a group of ages"),
        ("b.jpg,117,1", "age 117 is outside 0 to 116"),
        ("b.jpg,3,2", "gender '2' is not 0, 1, male or female"),
        ("b.jpg,,", "the age is empty; the gender is empty"),
        ("b.jpg", "the age is empty; the gender is empty"),
        ("a.jpg,3,0", "line 2 has the same file, age and gender"),
        ("./a.jpg,3.0,male", "line 2 has the same file, age and gender"),
        ("gone.jpg,,x", f"{LOOKED}; gender 'x' is not 0, 1, male or female"),
        (f"{'x' * 5000}.jpg,4,0", LOOKED),
        (f"b.jpg,{'9' * 5000},0", f"age '{'9' * 30}...' is neither an age in years nor a group of ages"),
    ],
)
def test_a_wrong_row_is_listed_with_its_line(tmp_path: Path, row: str, reason: str) -> None:
    touch(tmp_path, "a.jpg", "b.jpg", "c.jpg")
    file = manifest(tmp_path, f"path,age,gender\na.jpg,3,0\n{row}\nc.jpg,9,1\n")
    faces = read_faces(file)
    assert faces.table["age"].tolist() == [3, 9]
    (rejected,) = faces.rejected
    assert rejected.reason == reason
    assert rejected.file == f"{row.split(',')[0].lstrip()} (line 3)"


def test_lines_are_counted_as_an_editor_does(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg")
    file = manifest(tmp_path, "path,age,gender\n\na.jpg,3,1\n\ngone.jpg,3,1\n")
    assert reasons(file) == {"gone.jpg (line 5)": LOOKED}


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "is not a CSV file"),
        ("path,race\na.jpg,3\n", "has no column age, gender but path, race; it needs path, and age"),
        ("name,years,what\na.jpg,3,1\n", "has no column path, age, gender but name, years, what"),
        ("file,years,sexe\na.jpg,3,1\n", "has no column age, gender but file, years, sexe"),
        ("path,age,gender\n", "holds no image that can be used"),
        (
            "path,age,gender\ngone.jpg,3,1\n",
            r"first: gone\.jpg \(line 2\): the file does not exist, .*looked for in /",
        ),
        ('path,age,gender\n"a.jpg,3,1\n', "is not a CSV file|holds no image that can be used"),
        ("path,age,gender\na.jpg,3,1,surplus\n", "has rows of more fields than its header"),
        ("path,age,path ,gender\na.jpg,3,a.jpg,1\n", "has two columns path; leave one of them out"),
    ],
)
def test_a_manifest_that_cannot_be_used(tmp_path: Path, text: str, error: str) -> None:
    touch(tmp_path, "a.jpg")
    with pytest.raises(AgeLensError, match=error):
        read_faces(manifest(tmp_path, text))


def test_a_file_that_cannot_be_read_is_left_out_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "1_0_0_1.jpg", "2_0_0_1.jpg")

    def deny(path: Path) -> str:
        if path.name.startswith("1"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return "0" * 64

    monkeypatch.setattr(module, "digest_file", deny)
    faces = read_faces(tmp_path)
    assert faces.table["age"].tolist() == [2]
    assert faces.unreadable == [Rejected(str(tmp_path / "1_0_0_1.jpg"), "cannot be read: Permission denied")]
    (tmp_path / "2_0_0_1.jpg").unlink()
    with pytest.raises(
        AgeLensError, match=r"no image that can be used \(first: .*1_0_0_1\.jpg: cannot be read: Permission"
    ):
        read_faces(tmp_path)


def test_a_source_may_be_a_string(tmp_path: Path) -> None:
    touch(tmp_path, "1_0_0_1.jpg")
    assert read_faces(str(tmp_path)).table["age"].tolist() == [1]


@pytest.mark.parametrize("name", ["faces.xlsx", "faces.ODS"])
def test_a_spreadsheet_is_not_a_manifest_yet(tmp_path: Path, name: str) -> None:
    touch(tmp_path, name)
    with pytest.raises(AgeLensError, match="is a spreadsheet; save it as CSV"):
        read_faces(tmp_path / name)


def test_a_source_whose_name_is_too_long_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(AgeLensError, match="does not exist; give a folder"):
        read_faces(tmp_path / ("x" * 300))


def test_bands_cover_all_ages() -> None:
    bands = age_band(pd.Series(range(117)))
    assert list(bands.unique()) == list(AGE_BANDS)
    assert bands[[0, 9, 10, 79, 80, 116]].tolist() == ["0-9", "0-9", "10-19", "70-79", "80+", "80+"]


def table_of(count: int) -> pd.DataFrame:
    numbers = pd.Series(range(count))
    return pd.DataFrame(
        {
            "path": numbers.map("/a/{}.jpg".format),
            "age": numbers % 117,
            "gender": numbers % 2,
            "race": "White",
            "taken_at": "20170103",
            "digest": numbers.map("{:064x}".format),
        }
    )


def test_a_sample_depends_on_digests_and_seed_alone() -> None:
    table = table_of(50)
    drawn = sample(table, 10, seed=1)
    assert len(drawn) == 10
    assert drawn.index.tolist() == list(range(10))
    assert drawn["path"].tolist() == [path for path in table["path"] if path in set(drawn["path"])]
    moved = table.assign(path="/elsewhere/" + table["digest"]).iloc[::-1].reset_index(drop=True)
    assert set(sample(moved, 10, seed=1)["digest"]) == set(drawn["digest"])
    assert set(sample(table, 10, seed=2)["digest"]) != set(drawn["digest"])
    for limit in (None, 50, 51):
        pd.testing.assert_frame_equal(sample(table, limit, seed=1), table)


def test_the_digest_of_a_table_sees_labels_and_parts_but_not_places() -> None:
    table = table_of(5)
    digest = digest_table(table)
    assert digest_table(table.iloc[::-1].assign(path="elsewhere", group="g")) == digest
    assert digest_table(table.assign(age=table["age"] + 1)) != digest
    assert digest_table(table.assign(split="train")) != digest


def test_a_table_comes_back_as_it_was_written(tmp_path: Path) -> None:
    table = table_of(3).assign(
        path=["/a, b/ü.jpg", '/q"q.jpg', "/c d.jpg"],
        race=["", "White", "NA"],
        split=["train", "validation", "test"],
        source="UTKFace",
        # Groups of hexadecimal digits that a reader could take for numbers.
        group=["0012345678901234", "12e4567890123456", "1234567890123456"],
    )
    write_table(table, tmp_path / "table.csv")
    pd.testing.assert_frame_equal(read_table(tmp_path / "table.csv"), table)


def test_labels_that_are_missing_and_groups_come_back_too(tmp_path: Path) -> None:
    table = table_of(3).assign(
        source="s", age=[24, np.nan, 6], age_min=[20, np.nan, 3], age_max=[29, np.nan, 9]
    )
    table = table.assign(gender=[1.0, 0.0, np.nan], site=["01", "", "x"])
    write_table(table, tmp_path / "table.csv")
    pd.testing.assert_frame_equal(read_table(tmp_path / "table.csv"), table)


def test_tables_of_several_sources_become_one() -> None:
    exact = table_of(2).assign(source="a", site="x")
    groups = table_of(2).assign(source="b", age=24, age_min=20, age_max=29, gender=np.nan)
    joined = join_tables([exact, groups])
    assert joined[["age_min", "age_max"]].to_numpy().tolist() == [[0, 0], [1, 1], [20, 29], [20, 29]]
    assert joined["gender"].isna().tolist() == [False, False, True, True]
    assert joined["site"].tolist() == ["x", "x", "", ""]
    assert source_names(joined) == ["a", "b"]
    assert digest_table(joined) != digest_table(joined.assign(source="a"))
    assert digest_table(joined) != digest_table(joined.assign(age_max=30))


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "is not a face table"),
        ("path,age\na,3\n", "has no column gender, race, taken_at, digest"),
        ("path,age,gender,race,taken_at,digest\na,old,1,,,d\n", "is not a face table"),
    ],
)
def test_what_is_no_table_is_named(tmp_path: Path, text: str, error: str) -> None:
    with pytest.raises(AgeLensError, match=error):
        read_table(manifest(tmp_path, text))


def test_a_missing_table_names_the_step_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(AgeLensError, match="run 'agelens audit FOLDER --out RUN' first"):
        read_table(tmp_path / "table.csv")


def test_commas_at_the_ends_of_lines_are_no_column(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "b.jpg")
    found = read_faces(manifest(tmp_path, "path,age,gender\na.jpg,3,1,\nb.jpg,40,0,\n"))
    assert [Path(path).name for path in found.table["path"]] == ["a.jpg", "b.jpg"]
    assert found.table["age"].tolist() == [3, 40]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_names_that_are_no_text_are_left_out_and_told(tmp_path: Path) -> None:
    touch(tmp_path, "3_1_0_20170101.jpg")
    for name in (b"caf\xe9.txt", b"30_1_0_2\xe9.jpg", b"31_1_0_2\r.jpg"):
        (tmp_path / os.fsdecode(name)).write_bytes(b"")
    found = read_faces(tmp_path)
    assert len(found.table) == 1
    assert sorted(one.file for one in found.rejected) == [
        r"30_1_0_2\udce9.jpg",
        r"31_1_0_2\r.jpg",
        r"caf\udce9.txt",
    ]
    assert {one.reason for one in found.rejected} == {"the name has letters that are no text"}
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    with pytest.raises(AgeLensError, match=r"caf\\udce9' has letters that are no text"):
        read_faces(folder)


def test_a_run_inside_the_source_is_none_of_it(tmp_path: Path) -> None:
    touch(tmp_path, "3_1_0_20170101.jpg", "run/charts/4_1_0_20170101.jpg", "run/config.json", "run/.lock")
    found = read_faces(tmp_path)
    assert len(found.table) == 1
    assert found.rejected == []
    # But whoever names a run's own folder means what lies in it.
    assert len(read_faces(tmp_path / "run").table) == 1
