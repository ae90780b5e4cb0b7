from pathlib import Path

import pytest

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
    assert bool(faces.notes) == (name == "synonyms.csv")


def test_absolute_paths_and_addresses_of_files(images: Path) -> None:
    faces = read(images, f"path,age,gender\n{images}/img/0.jpg,1,0\nfile://{images}/img/1.jpg,2,1\n")
    assert faces.table["path"].tolist() == [str(images / "img/0.jpg"), str(images / "img/1.jpg")]


def test_paths_from_the_working_folder_are_told(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(images.parent)
    faces = read(images, f"path,age,gender\n{images.name}/img/0.jpg,1,0\nimg/1.jpg,2,1\n")
    assert faces.table["path"].tolist() == [str(images / "img/0.jpg"), str(images / "img/1.jpg")]
    assert faces.notes == [f"1 path is relative to {images.parent}, the working folder"]


def test_every_row_that_is_left_out_has_its_line_and_its_reason(images: Path) -> None:
    faces = read(
        images,
        "path,age,gender\nimg/0.jpg,48,0\nimg/1.jpg,,1\nimg/2.jpg,-3,1\nimg/3.jpg,117,0\n\nimg/4.jpg,NaN,x\ngone.jpg,3,1\n"
        "img/5, b.jpg,3,1\nimg/5.jpg,25.5,0\nimg/5.jpg,30,1\n",
    )
    assert faces.table["age"].tolist() == [48, 30]
    looked = "the file does not exist, neither in the manifest's folder nor in the working folder"
    assert rejected(faces) == {
        "img/1.jpg (line 3)": "the age is empty",
        "img/2.jpg (line 4)": "age -3 is outside 0 to 116",
        "img/3.jpg (line 5)": "age 117 is outside 0 to 116",
        "img/4.jpg (line 7)": "age 'NaN' is not a whole number; gender 'x' is not 0, 1, male or female",
        "gone.jpg (line 8)": looked,
        "img/5 (line 9)": "has 4 fields where the header has 3; quote fields that hold separators",
        "img/5.jpg (line 10)": "age '25.5' is not a whole number",
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
    assert faces.notes[1:] == [
        "2 rows repeat earlier ones and are left out",
        "1 file has several ages or genders, such as img/0.jpg in lines 2 and 4; all rows are kept, and the audit "
        "counts them as label conflicts",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "file,age,gender,race\nimg/0.jpg,20-29,Male,East Asian\n",
            "column age .*holds groups of ages, such as '20-29'",
        ),
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
