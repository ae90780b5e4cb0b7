from pathlib import Path

import pytest

from agelens.data.sources.csv_columns import find_columns
from agelens.errors import AgeLensError

FILE = Path("faces.csv")


def test_names_in_any_case_with_columns_of_others_between() -> None:
    found = find_columns(FILE, ["Unnamed: 0", "Path", "AGE", "", "gender", "note"])
    assert found == ({"path": 1, "age": 2, "gender": 4}, [])


@pytest.mark.parametrize("name", ["file", "File Name", "filename", "IMAGE", "image-path", "Img", "filepath"])
def test_other_names_are_taken_and_told(name: str) -> None:
    places, notes = find_columns(FILE, [name, "Age", "Sex", "race"])
    assert places == {"path": 0, "age": 1, "gender": 2, "race": 3}
    assert notes == [f"the column {name} is taken for path", "the column Sex is taken for gender"]


def test_the_name_that_is_asked_for_comes_before_others() -> None:
    assert find_columns(FILE, ["file", "path", "sex", "gender", "age"]) == (
        {"path": 1, "age": 4, "gender": 3},
        [],
    )


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (
            ["file", "image", "age", "gender"],
            "the columns file and image, each of which may be the path; name one",
        ),
        (["path", "Age", "age", "gender"], "two columns Age and age; leave one of them out"),
        (["path", "age", "age", "gender"], "two columns age; leave one of them out"),
        (["path", "sex"], "has no column age but path, sex; it needs path, age, gender"),
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
