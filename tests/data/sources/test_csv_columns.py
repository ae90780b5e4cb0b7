from pathlib import Path

import pytest

from agelens.data.sources.csv_columns import Columns, find_columns
from agelens.errors import AgeLensError

FILE = Path("faces.csv")


def test_names_in_any_case_with_columns_of_others_between() -> None:
    found = find_columns(FILE, ["Unnamed: 0", "Path", "AGE", "", "gender", "note", "digest", "note"])
    assert found == Columns({"path": 1, "age": 2, "gender": 4}, None, {"note": 5}, [])


@pytest.mark.parametrize("name", ["file", "File Name", "filename", "IMAGE", "image-path", "Img", "filepath"])
def test_other_names_are_taken_and_told(name: str) -> None:
    found = find_columns(FILE, [name, "Age", "Sex", "race"])
    assert found.places == {"path": 0, "age": 1, "gender": 2, "race": 3}
    assert found.notes == [f"the column {name} is taken for path", "the column Sex is taken for gender"]


def test_the_name_that_is_asked_for_comes_before_others() -> None:
    found = find_columns(FILE, ["file", "path", "sex", "gender", "age"])
    assert (found.places, found.notes) == ({"path": 1, "age": 4, "gender": 3}, [])
    assert list(found.others) == ["file", "sex"]


@pytest.mark.parametrize(
    "names", ["left top right bottom", "x_min y_min x_max y_max", "face_x0 face_y0 face_x1 face_y1"]
)
def test_boxes_of_faces_stand_in_four_columns(names: str) -> None:
    found = find_columns(FILE, ["path", "age", *names.split()])
    assert found.box == (2, 3, 4, 5)
    assert not found.others


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (
            ["file", "image", "age", "gender"],
            "the columns file and image, each of which may be the path; name one",
        ),
        (["path", "Age", "age", "gender"], "two columns Age and age; leave one of them out"),
        (["path", "age", "age", "gender"], "two columns age; leave one of them out"),
        (["path", "sexe"], "has no column age, gender but path, sexe; it needs path, and age"),
        (
            ["img/0.jpg", "48", "0"],
            "has no column path, age, gender but img/0.jpg, 48, 0; .* in its first line",
        ),
        ([str(number) for number in range(40)], r"9, 10, 11, \.\.\.; it needs"),
    ],
)
def test_what_is_missing_or_unclear_is_one_sentence(header: list[str], words: str) -> None:
    with pytest.raises(AgeLensError, match=words):
        find_columns(FILE, header)
