from pathlib import Path

import pytest

from agelens.data.sources.options import ReadingOptions, read_columns
from agelens.data.sources.reading import read_faces
from agelens.data.table import Faces
from agelens.errors import AgeLensError


@pytest.fixture
def images(tmp_path: Path) -> Path:
    for number in range(6):
        (tmp_path / "img").mkdir(exist_ok=True)
        (tmp_path / "img" / f"{number}.jpg").write_bytes(bytes([number]))
    return tmp_path


def read(folder: Path, text: str, name: str = "faces.csv", encoding: str = "utf-8") -> Faces:
    (folder / name).write_bytes(text.encode(encoding))
    return read_faces(folder / name)


def rejected(faces: Faces) -> dict[str, str]:
    return {one.file: one.reason for one in faces.rejected}


@pytest.mark.parametrize(
    ("name", "text", "encoding"),
    [
        ("plain.csv", "path,age,gender\nimg/0.jpg,48,0\nimg/1.jpg,65,1\n", "utf-8"),
        ("M-F.csv", "path,age,gender\nimg/0.jpg,48,M\nimg/1.jpg,65,f\n", "utf-8"),
        ("words.csv", "path,age,gender\nimg/0.jpg,48,Man\nimg/1.jpg,65,Woman\n", "utf-8"),
        ("floats.csv", "path,age,gender\nimg/0.jpg,48.0,0.0\nimg/1.jpg,65.0,1.0\n", "utf-8"),
        ("backslashes.csv", "path,age,gender\nimg\\0.jpg,48,0\nimg\\1.jpg,65,1\n", "utf-8"),
        ("HEAD.CSV", " Path ,AGE,Gender\nimg/0.jpg,48,0\nimg/1.jpg,65,1\n", "utf-8-sig"),
        ("excel.csv", "path\tage\tgender\r\nimg/0.jpg\t48\t0\r\nimg/1.jpg\t65\t1\r\n", "utf-16"),
        ("german.csv", "path;age;gender;\nimg/0.jpg;48,0;0,0;\nimg/1.jpg;65,0;1,0;\n", "cp1252"),
        ("tabs.tsv", "path\tage\tgender\nimg/0.jpg\t48\t0\nimg/1.jpg\t65\t1\n", "utf-8"),
        ("tabs.txt", "path\tage\tgender\nimg/0.jpg\t48\t0\nimg/1.jpg\t65\t1\n", "utf-8"),
        ("pandas.csv", ",path,age,gender\n0,img/0.jpg,48,0\n1,img/1.jpg,65,1\n", "utf-8"),
        ("unnamed.csv", "Unnamed: 0,path,age,gender\n0,img/0.jpg,48,0\n1,img/1.jpg,65,1\n", "utf-8"),
        ("quotes.csv", '"path","age","gender"\n"img/0.jpg","48","0"\n"img/1.jpg","65","1"\n', "utf-8"),
        ("blank.csv", "\npath,age,gender,\n\nimg/0.jpg,48,0,\n,,,\nimg/1.jpg,65,1,,,\n\n", "utf-8"),
        ("synonyms.csv", "image,age,sex\nimg/0.jpg,48,0\nimg/1.jpg,65,1\n", "utf-8"),
    ],
)
def test_manifests_as_programs_and_people_write_them(
    images: Path, name: str, text: str, encoding: str
) -> None:
    faces = read(images, text, name, encoding)
    assert faces.table["path"].tolist() == [str(images / "img/0.jpg"), str(images / "img/1.jpg")]
    assert faces.table["age"].tolist() == [48, 65]
    assert faces.table["gender"].tolist() == [0, 1]
    assert faces.table[["age", "gender"]].dtypes.astype(str).tolist() == ["int64", "int64"]
    assert faces.rejected == []
    assert any("is taken for" in note for note in faces.notes) == (name == "synonyms.csv")
    assert any("is read as gender: " in note for note in faces.notes)
    assert faces.formats == {Path(name).stem: "CSV manifest"}


def test_absolute_paths_and_addresses_of_files(images: Path) -> None:
    faces = read(images, f"path,age,gender\n{images}/img/0.jpg,1,0\nfile://{images}/img/1.jpg,2,1\n")
    assert faces.table["path"].tolist() == [str(images / "img/0.jpg"), str(images / "img/1.jpg")]


def test_paths_from_the_working_folder_are_told(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(images.parent)
    faces = read(images, f"path,age,gender\n{images.name}/img/0.jpg,1,0\nimg/1.jpg,2,1\n")
    assert faces.table["path"].tolist() == [str(images / "img/0.jpg"), str(images / "img/1.jpg")]
    assert faces.notes[1:] == [f"1 path is relative to {images.parent}, the working folder"]


def test_every_row_that_is_left_out_has_its_line_and_its_reason(images: Path) -> None:
    faces = read(
        images,
        "path,age,gender\nimg/0.jpg,48,0\nimg/1.jpg,,\nimg/2.jpg,-3,1\nimg/3.jpg,117,0\n\nimg/4.jpg,NaN,x\ngone.jpg,3,1\n"
        "img/5, b.jpg,3,1\nimg/5.jpg,9-3,0\nimg/5.jpg,30.9,1\n",
    )
    assert faces.table["age"].tolist() == [48, 30]
    looked = "the file does not exist, neither in the manifest's folder nor in the working folder"
    assert rejected(faces) == {
        "img/1.jpg (line 3)": "the age is empty; the gender is empty",
        "img/2.jpg (line 4)": "age -3 is outside 0 to 116",
        "img/3.jpg (line 5)": "age 117 is outside 0 to 116",
        "img/4.jpg (line 7)": "age 'NaN' is neither an age in years nor a group of ages; gender 'x' is not 0, 1, "
        "male or female",
        "gone.jpg (line 8)": looked,
        "img/5 (line 9)": "has 4 fields where the header has 3; quote fields that hold separators",
        "img/5.jpg (line 10)": "age '9-3' is no group of ages from 0 to 116",
    }
    assert "2 rows left out: img/2.jpg (line 4): age -3 is outside 0 to 116, and so on" in faces.notes
    assert f"files were looked for in {images} and in {Path.cwd()}" in faces.notes


def test_one_file_with_two_labels_keeps_both_rows_and_equal_rows_count_once(images: Path) -> None:
    faces = read(
        images,
        "path,age,gender,race\nimg/0.jpg,48,0,White\nimg/1.jpg,65,1,\nimg/0.jpg,68,0,White\n./img/../img/0.jpg,48.0,m,\n"
        "img/1.jpg,65,1,\n",
    )
    assert faces.table["age"].tolist() == [48, 65, 68]
    assert rejected(faces) == {
        "./img/../img/0.jpg (line 5)": "line 2 has the same file, age and gender",
        "img/1.jpg (line 6)": "line 3 has the same file, age and gender",
    }
    assert faces.notes[2:] == [
        "2 rows repeat earlier ones and are left out",
        "1 file has several ages or genders, such as img/0.jpg in lines 2 and 4; all rows are kept, and the audit "
        "counts them as label conflicts",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("file,age,gender,race\nimg/0.jpg,young,Male,East Asian\n", "column age .*holds no age, .* 'young'"),
        ("path,age,split\nimg/0.jpg,3,A\n", "column split .* names no split but 'A'; write train"),
        ("path,age,sex\nimg/0.jpg,3,1\nimg/1.jpg,4,2\n", "column sex .*holds the codes 1, 2"),
        ("img/0.jpg,48,0\nimg/1.jpg,65,1\n", "has no column path, age, gender but img/0.jpg, 48, 0"),
        (
            "path,age,gender\na,b.jpg,3,1\nc,d.jpg,4,0\n",
            "has rows of more fields than its header; quote fields",
        ),
    ],
)
def test_a_manifest_that_would_be_misunderstood_is_refused(images: Path, text: str, words: str) -> None:
    with pytest.raises(AgeLensError, match=words):
        read(images, text)


def test_names_that_are_not_found_for_their_encoding_say_so(images: Path) -> None:
    with pytest.raises(
        AgeLensError, match=r"does not exist, .*is not in UTF-8 and is read as .*looked for in .*mend its"
    ):
        read(images, "path,age,gender\nimg/张三.jpg,3,1\n", encoding="gbk")


def test_the_same_study_goes_on_from_another_working_folder(
    images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "path,age,gender\nimg/0.jpg,48,0\ngone.jpg,65,1\n"
    (images / "other").mkdir()
    found = []
    for folder in (images / "img", images / "other"):
        monkeypatch.chdir(folder)
        faces = read(images, text)
        found.append((faces.table.to_csv(), faces.rejected))
    assert found[0] == found[1]


def test_a_manifest_may_have_one_of_the_two_labels_only(images: Path) -> None:
    ages = read(images, "path,age\nimg/0.jpg,48\nimg/1.jpg,65\n")
    assert ages.table["gender"].isna().all()
    assert ages.table["age"].tolist() == [48, 65]
    assert ages.notes == ["there is no column for the gender, so it is neither learned nor measured here"]
    genders = read(images, "path,gender\nimg/0.jpg,male\nimg/1.jpg,Female\n")
    assert genders.table["age"].isna().all()
    assert genders.table["gender"].tolist() == [0, 1]


def test_a_row_that_lacks_a_label_is_kept_for_the_other(images: Path) -> None:
    faces = read(images, "path,age,gender\nimg/0.jpg,48,\nimg/1.jpg,,female\nimg/2.jpg,7,male\n")
    assert faces.table["age"].fillna(-1).tolist() == [48, -1, 7]
    assert faces.table["gender"].fillna(-1).tolist() == [-1, 1, 0]
    assert faces.notes == [
        "1 row without an age is kept for the gender",
        "1 row without a gender is kept for the age",
    ]


def test_groups_of_ages_have_bounds_and_their_middle(images: Path) -> None:
    faces = read(
        images,
        "path,age,gender\nimg/0.jpg,03-Sep,male\nimg/1.jpg,more than 70,female\nimg/2.jpg,25.7,male\n",
    )
    assert faces.table[["age", "age_min", "age_max"]].to_numpy().tolist() == [
        [6, 3, 9],
        [74, 70, 116],
        [25, 25, 25],
    ]
    assert faces.notes == [
        "the column age holds groups of ages, 03-Sep as 3-9, more than 70 as 70+; where one age is asked for, the "
        "middle of the group stands for it",
        "1 age of the column age is cut to completed years",
    ]
    same = read(
        images,
        "path,age_min,age_max,gender\nimg/0.jpg,3,9,male\nimg/1.jpg,70,116,female\nimg/2.jpg,25,25,0\n",
    )
    assert same.table[["age", "age_min", "age_max"]].equals(faces.table[["age", "age_min", "age_max"]])
    assert (
        "2 ages are groups; where one age is asked for, the middle of the group stands for it" in same.notes
    )


def test_columns_of_ones_own_are_named_and_others_are_kept(images: Path) -> None:
    (images / "eigene.csv").write_text(
        "Bild;Alter;Sex;Klinik;Teil;age_years\nimg/0.jpg;48;m;01;val;9\nimg/1.jpg;65;f;;;9\n",
        encoding="utf-8",
    )
    given = ReadingOptions(columns={"path": "Bild", "age": "Alter", "split": "teil"})
    faces = read_faces(images / "eigene.csv", given)
    assert faces.table["Klinik"].tolist() == ["01", ""]
    assert faces.table["split"].tolist() == ["validation", ""]
    assert "age_years" not in faces.table.columns, "a name that predictions compute"
    assert "the column Alter is taken for age" in faces.notes
    with pytest.raises(AgeLensError, match=r"--columns age=Jahre: .* has no column Jahre, but Bild, Alter"):
        read_faces(images / "eigene.csv", ReadingOptions(columns={"age": "Jahre"}))
    with pytest.raises(
        AgeLensError, match="--columns years=Alter: years is no column of AgeLens; it knows path"
    ):
        read_faces(images / "eigene.csv", ReadingOptions(columns={"years": "Alter"}))


def test_a_column_that_is_named_twice_is_refused() -> None:
    assert read_columns(" age=Alter, gender=Sex") == {"age": "Alter", "gender": "Sex"}
    with pytest.raises(AgeLensError, match="says twice which column holds age; say it once"):
        read_columns("age=age,age = gender")


def test_several_faces_of_one_photograph_are_told_apart_by_their_boxes(images: Path) -> None:
    faces = read(
        images,
        "path,age,gender,x_min,y_min,x_max,y_max\nimg/0.jpg,3,m,0,0,10,12\nimg/0.jpg,33,f,20,0,40,30.5\n"
        "img/0.jpg,3,m,0,0,10,12\nimg/1.jpg,3,m,5,0,4,12\nimg/2.jpg,3,m,,,,\n",
    )
    assert faces.table["box"].tolist() == ["0 0 10 12", "20 0 40 30.5", ""]
    assert rejected(faces) == {
        "img/0.jpg (line 4)": "line 2 has the same file, age and gender",
        "img/1.jpg (line 5)": "the box '5 0 4 12' is not left, top, right and bottom in pixels",
    }
