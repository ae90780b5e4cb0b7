"""Published label formats, each by a small file or a few names as its authors publish them."""

from pathlib import Path, PurePosixPath

import pytest

from agelens.data.sources.formats import NAME_FORMATS, SHEET_FORMATS, find_name_format
from agelens.data.sources.options import ReadingOptions
from agelens.data.sources.reading import read_faces
from agelens.data.table import Faces
from agelens.errors import AgeLensError


def touch(folder: Path, *names: str) -> None:
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(name.encode())


def labels(faces: Faces) -> list[tuple[object, ...]]:
    """File, bounds of the age and gender of each row; -1 where there is none."""
    table = faces.table.fillna({"age": -1, "gender": -1})
    low = table.get("age_min", table["age"]).fillna(-1)
    high = table.get("age_max", table["age"]).fillna(-1)
    names = [Path(path).name for path in table["path"]]
    return list(zip(names, low.astype(int), high.astype(int), table["gender"].astype(int), strict=True))


@pytest.mark.parametrize(
    ("file", "text", "images", "title", "expected"),
    [
        (
            "fairface_label_train.csv",
            "file,age,gender,race,service_test\ntrain/1.jpg,50-59,Male,East Asian,True\n"
            "train/2.jpg,more than 70,Female,Indian,False\ntrain/3.jpg,03-Sep,Female,Black,False\n",
            ["train/1.jpg", "train/2.jpg", "train/3.jpg"],
            "label file of FairFace",
            [("1.jpg", 50, 59, 0), ("2.jpg", 70, 116, 1), ("3.jpg", 3, 9, 1)],
        ),
        (
            "fold_0_data.txt",
            "user_id\toriginal_image\tface_id\tage\tgender\tx\ty\tdx\tdy\ttilt_ang\tfiducial_yaw_angle\tfiducial_score\n"
            "30601258@N03\t10399646885_67c7d20df9_o.jpg\t1\t(25, 32)\tf\t0\t414\t1086\t1383\t-115\t30\t17\n"
            "30601258@N03\t2.jpg\t2\tNone\tm\t0\t4\t10\t13\t-5\t0\t17\n"
            "30601258@N03\t3.jpg\t3\t35\tu\t0\t4\t10\t13\t-5\t0\t17\n",
            [
                "aligned/30601258@N03/landmark_aligned_face.1.10399646885_67c7d20df9_o.jpg",
                "faces/30601258@N03/coarse_tilt_aligned_face.2.2.jpg",
                "aligned/30601258@N03/landmark_aligned_face.3.3.jpg",
            ],
            "fold file of Adience",
            [
                ("landmark_aligned_face.1.10399646885_67c7d20df9_o.jpg", 25, 32, 1),
                ("coarse_tilt_aligned_face.2.2.jpg", -1, -1, 0),
                ("landmark_aligned_face.3.3.jpg", 35, 35, -1),
            ],
        ),
        (
            "gt_avg_valid.csv",
            "file_name,num_ratings,apparent_age_avg,apparent_age_std,real_age\n004113.jpg,36,5.8,1.2,4\n004114.jpg,36,20.1,3,18\n",
            ["valid/004113.jpg", "valid/004113.jpg_face.jpg", "valid/004114.jpg"],
            "label file of APPA-REAL",
            [("004113.jpg_face.jpg", 4, 4, -1), ("004114.jpg", 18, 18, -1)],
        ),
        (
            "imdb_train_new_1024.csv",
            "filename,age,gender,x_min,y_min,x_max,y_max,head_roll,head_yaw,head_pitch\n"
            "00/nm0000100_rm46373120_1955-1-6_2003.jpg,48,M,413.8,287.3,697.9,609.1,2.1,-4,0.5\n",
            ["00/nm0000100_rm46373120_1955-1-6_2003.jpg"],
            "label file of IMDB-WIKI-clean",
            [("nm0000100_rm46373120_1955-1-6_2003.jpg", 48, 48, 0)],
        ),
        (
            "lagenda_annotation.csv",
            "img_name,age,gender,face_x0,face_y0,face_x1,face_y1,person_x0,person_y0,person_x1,person_y1\n"
            "lag/1.jpg,35.0,F,10,20,40,60,0,0,99,99\nlag/1.jpg,-1,M,60,20,90,60,0,0,99,99\nlag/2.jpg,5,-1,-1,-1,-1,-1,0,0,9,9\n",
            ["lag/1.jpg", "lag/2.jpg"],
            "label file of LAGENDA",
            [("1.jpg", 35, 35, 1), ("1.jpg", -1, -1, 0), ("2.jpg", 5, 5, -1)],
        ),
        (
            "MORPH_2008_nonCommercial.csv",
            "id_num,picture_num,dob,doa,race,gender,facial_hair,age,age_diff,glasses,photo\n"
            "000013,1,11/27/1944,5/30/2004,B,M,,59,0,,Album2/000013_1M59.JPG\n",
            ["Album2/000013_1M59.JPG"],
            "label file of MORPH",
            [("000013_1M59.JPG", 59, 59, 0)],
        ),
    ],
)
def test_label_files_are_known_by_their_header(
    tmp_path: Path, file: str, text: str, images: list[str], title: str, expected: list[tuple[object, ...]]
) -> None:
    touch(tmp_path, *images)
    (tmp_path / file).write_text(text, encoding="utf-8")
    faces = read_faces(tmp_path / file)
    assert faces.formats == {Path(file).stem: title}
    assert labels(faces) == expected
    assert faces.rejected == []


@pytest.mark.parametrize(
    ("names", "title", "expected"),
    [
        (["26_1_2_20170116184024662.jpg.chip.jpg"], "names of UTKFace", (26, 26, 1)),
        (["0_MariaCallas_35_f.jpg", "16488_StephenHawking_1_m.jpg"], "names of AgeDB", (35, 35, 1)),
        (["53_Robert_Duvall_0001.jpg", "14_Miley_Cyrus_0010.jpg"], "names of CACD", (53, 53, -1)),
        (["001A02.JPG", "009A22a.JPG"], "names of FG-NET", (2, 2, -1)),
        (["000013_1M59.JPG", "000013_2M60.JPG"], "names of MORPH", (59, 59, 0)),
        (["female/20-29/a.jpg", "male/30-39/b.jpg"], "folders of classes", (20, 29, 1)),
        (["train/25/woman/a.jpg", "test/31/man/b.jpg"], "folders of classes", (25, 25, 1)),
        (["more than 70/a.jpg", "age_12/b.jpg"], "folders of classes", (70, 116, -1)),
        (["boys/Men/a.jpg", "x/Women/b.jpg"], "folders of classes", (-1, -1, 0)),
    ],
)
def test_names_are_known_by_how_most_of_them_are_written(
    tmp_path: Path, names: list[str], title: str, expected: tuple[int, int, int]
) -> None:
    touch(tmp_path / "data", *names, "readme.jpg")
    faces = read_faces(tmp_path / "data")
    assert faces.formats == {"data": title}
    found = {name: rest for name, *rest in labels(faces)}
    assert tuple(found[Path(names[0]).name]) == expected
    assert [one.file for one in faces.rejected] == ["readme.jpg"]


def test_races_splits_and_persons_come_along(tmp_path: Path) -> None:
    touch(tmp_path, "train/25/woman/a.jpg", "val/31/man/b.jpg")
    assert read_faces(tmp_path).table["split"].tolist() == ["train", "validation"]
    touch(tmp_path / "morph", "000013_1M59.JPG")
    (tmp_path / "m.csv").write_text(
        "id_num,picture_num,race,gender,age,photo\n13,1,B,M,59,morph/000013_1M59.JPG\n", encoding="utf-8"
    )
    table = read_faces(tmp_path / "m.csv").table
    assert table[["race", "person", "picture_num"]].to_numpy().tolist() == [["Black", "13", "1"]]


def test_a_format_that_is_named_is_taken_or_refused(tmp_path: Path) -> None:
    touch(tmp_path / "data", "0_MariaCallas_35_f.jpg", "1_1_1_1.jpg", "2_2_1_1.jpg")
    assert len(read_faces(tmp_path / "data", ReadingOptions("agedb")).table) == 1
    with pytest.raises(AgeLensError, match="There is no format 'agebd'; --format knows utkface, agedb"):
        read_faces(tmp_path / "data", ReadingOptions("agebd"))
    with pytest.raises(AgeLensError, match="--format fairface does not read a folder of images"):
        read_faces(tmp_path / "data", ReadingOptions("fairface"))
    (tmp_path / "f.csv").write_text("path,age\ndata/1_1_1_1.jpg,3\n", encoding="utf-8")
    with pytest.raises(
        AgeLensError, match=r"label file of FairFace has the columns age, file, .* this file has path, age"
    ):
        read_faces(tmp_path / "f.csv", ReadingOptions("fairface"))
    touch(tmp_path, "train/1.jpg")
    (tmp_path / "g.csv").write_text(
        "file,age,gender,race,service_test\ntrain/1.jpg,3-9,Male,x,True\n", encoding="utf-8"
    )
    assert read_faces(tmp_path / "g.csv", ReadingOptions("manifest")).formats == {"g": "CSV manifest"}


def test_formats_have_names_of_their_own_and_refuse_what_they_do_not_know() -> None:
    assert len({one.name for one in NAME_FORMATS}) == len(NAME_FORMATS)
    assert len({one.name for one in SHEET_FORMATS}) == len(SHEET_FORMATS)
    for form in NAME_FORMATS:
        assert isinstance(form.parse(PurePosixPath("holiday.jpg")), str)
    assert find_name_format([PurePosixPath("holiday.jpg")]).name == "utkface"
    assert find_name_format([]).name == "utkface"
    assert isinstance(NAME_FORMATS[1].parse(PurePosixPath("0_A_130_f.jpg")), str)
