from pathlib import Path

import pytest

from agelens.data.sources.csv_values import check_ages, check_genders, parse_age, parse_gender, whole_number
from agelens.errors import AgeLensError

FILE = Path("faces.csv")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("25", 25), ("25.0", 25), ("25.", 25), ("25.000000", 25), ("25,0", 25), ("25,00", 25), ("0", 0), ("007", 7),
        ("+3", 3), ("-3", -3), ("２５", 25), ("٢٥", 25),
        ("25.5", None), ("25,5", None), ("25,000", None), ("1e1", None), ("", None), ("NaN", None), (".0", None),
        ("²", None), ("9" * 5000, None), ("25 years", None), ("0x19", None), ("25.0.0", None),
    ],
)  # fmt: skip
def test_whole_numbers_as_programs_write_them(text: str, number: int | None) -> None:
    assert whole_number(text) == number


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


def test_ages_out_of_range_and_missing_ones() -> None:
    assert parse_age("Age", "116.0") == 116
    assert parse_age("Age", "117") == "Age 117 is outside 0 to 116"
    assert parse_age("Age", "-1.0") == "Age -1 is outside 0 to 116"
    assert parse_age("Age", "") == "the Age is empty"
    assert parse_age("Age", "nan") == "Age 'nan' is not a whole number"


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["20-29", "more than 70", "0-2"], "column age of faces.csv holds groups of ages, such as '20-29'"),
        (["<18", "18+"], "holds groups of ages, such as '<18'"),
        (["1980", "2001"], "holds no age, but for example '1980'"),
        (["", "young", "old"], "holds no age, but for example 'young'"),
        (["25.5", "3.25"], "holds no age, but for example '25.5'"),
    ],
)
def test_a_column_without_an_age_is_one_sentence(texts: list[str], words: str) -> None:
    with pytest.raises(AgeLensError, match=words):
        check_ages(FILE, "age", texts)


def test_one_age_among_others_makes_a_column_of_ages() -> None:
    check_ages(FILE, "age", ["20-29", "", "25"])
    # With no value at all there is nothing to understand: each row says so.
    check_ages(FILE, "age", ["", ""])


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
    assert check_genders(FILE, "gender", ["0", "1", "0", "1", "2"]) == []
    assert check_genders(FILE, "gender", ["male", "female", "9"]) == []
    assert check_genders(FILE, "gender", ["1", "1"]) == check_genders(FILE, "gender", []) == []
    with pytest.raises(AgeLensError, match="holds no gender, but for example 'n/a'"):
        check_genders(FILE, "gender", ["", "n/a", "unknown"])


def test_codes_beside_words_are_told() -> None:
    (note,) = check_genders(FILE, "gender", ["0", "1", "m"])
    assert note == "the column gender mixes codes and words such as 'm'; 0 is read as male and 1 as female"
