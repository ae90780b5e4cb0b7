from pathlib import Path

import pytest

from agelens.data.sources.csv_values import (
    check_ages,
    check_genders,
    parse_bounds,
    parse_gender,
    parse_split,
)
from agelens.errors import AgeLensError

FILE = Path("faces.csv")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("0", 0), ("1", 1), ("0.0", 0), ("1.0", 1), ("1,0", 1), ("M", 0), ("f", 1), ("Man", 0), ("WOMAN", 1),
        ("male", 0), ("Female", 1), ("ＦＥＭＡＬＥ", 1), ("男", 0), ("女", 1), ("boy", 0), ("Girl", 1),
    ],
)  # fmt: skip
def test_genders_as_people_write_them(text: str, code: int) -> None:
    assert parse_gender("gender", text) == code


@pytest.mark.parametrize("text", ["2", "-1", "0.5", "x", "true", "w", "malee", "m f"])
def test_what_is_no_gender_names_column_and_value(text: str) -> None:
    assert parse_gender("Sex", text) == f"Sex '{text}' is not 0, 1, male or female"


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["1980", "2001"], "holds no age, but for example '1980'"),
        (["", "young", "old"], "holds no age, but for example 'young'"),
    ],
)
def test_a_column_without_an_age_is_one_sentence(texts: list[str], words: str) -> None:
    with pytest.raises(AgeLensError, match=words):
        check_ages(FILE, "age", texts)


def test_one_age_among_others_makes_a_column_of_ages() -> None:
    assert check_ages(FILE, "age", ["old", "", "25"]) == []
    # With no value at all there is nothing to understand: each row says so.
    assert check_ages(FILE, "age", ["", ""]) == []


def test_groups_and_decimals_are_told() -> None:
    groups, decimals = check_ages(FILE, "age", ["20-29", "(25, 32)", "25", "3.25", "3.5"])
    assert groups.startswith(
        "the column age holds groups of ages, (25, 32) as 25-32; where one age is asked for"
    )
    assert decimals == "2 ages of the column age are cut to completed years"


def test_bounds_of_groups_in_two_columns() -> None:
    assert parse_bounds("20", "29") == (20, 29)
    assert parse_bounds("20", "") == "the age_max is empty"
    assert parse_bounds("30", "29") == "age_min 30 is more than age_max 29"


@pytest.mark.parametrize(
    ("text", "split"),
    [("Train", "train"), ("val", "validation"), ("dev", "validation"), ("", ""), ("A", None)],
)
def test_splits_as_people_name_them(text: str, split: str | None) -> None:
    assert parse_split("split", text) == split


@pytest.mark.parametrize(
    "texts",
    [
        ["1", "2"],
        ["1.0", "2.0", ""],
        ["-1", "1"],
        ["0", "1", "2", "2", "1"],
        ["1", "2", "male"],
        ["1", "1", "9"],
    ],
)
def test_codes_that_mean_something_else_are_refused(texts: list[str]) -> None:
    with pytest.raises(
        AgeLensError, match=r"column sex of faces\.csv holds the codes .*reads 0 as male and 1 as female"
    ):
        check_genders(FILE, "sex", texts)


def test_a_few_wrong_codes_are_a_matter_of_their_rows() -> None:
    codes = ["the column gender is read as gender: 0 as male, 1 as female"]
    assert check_genders(FILE, "gender", ["0", "1", "0", "1", "2"]) == codes
    assert check_genders(FILE, "gender", ["male", "Female", "9"]) == check_genders(FILE, "gender", []) == []
    assert check_genders(FILE, "sex", ["1", "1"]) == ["the column sex is read as gender: 1 as female"]
    assert check_genders(FILE, "sex", ["Woman", "m"]) == [
        "the column sex is read as gender: Woman as female, m as male"
    ]
    with pytest.raises(AgeLensError, match="holds no gender, but for example 'n/a'"):
        check_genders(FILE, "gender", ["", "n/a", "unknown"])


def test_codes_beside_words_are_told() -> None:
    _, note = check_genders(FILE, "gender", ["0", "1", "m"])
    assert note == "the column gender mixes codes and words such as 'm'; 0 is read as male and 1 as female"
