import pytest

from agelens.data.sources.ages import is_decimal, parse_age, whole_number


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
    ("text", "low", "high"),
    [
        ("20-29", 20, 29), ("20 – 29", 20, 29), ("(25, 32)", 25, 32), ("[25,32]", 25, 32), ("3_9", 3, 9),
        ("3 to 9", 3, 9),
        ("0-2", 0, 2), ("03-Sep", 3, 9), ("Oct-19", 10, 19), ("9-Mar", 3, 9), ("Sep-03", 3, 9), ("04-Jun", 4, 6),
        ("Aug-13", 8, 13), ("more than 70", 70, 116), ("70+", 70, 116), (">70", 70, 116), (">= 70", 70, 116),
        ("60 and over", 60, 116), ("100-200", 100, 116), ("under 18", 0, 17), ("<18", 0, 17), ("up to 18", 0, 18),
        ("18 or younger", 0, 18), ("25.9", 25, 25), ("25,5", 25, 25), ("116.0", 116, 116), ("0", 0, 0),
    ],
)  # fmt: skip
def test_ages_and_groups_as_label_files_write_them(text: str, low: int, high: int) -> None:
    label = parse_age("age", text)
    assert label == (low, high)
    assert label.is_group == (low < high)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("117", "Age 117 is outside 0 to 116"),
        ("-1.0", "Age -1 is outside 0 to 116"),
        ("", "the Age is empty"),
        ("nan", "Age 'nan' is neither an age in years nor a group of ages"),
        ("25,000", "Age '25,000' is no group of ages from 0 to 116"),
        ("9-3", "Age '9-3' is no group of ages from 0 to 116"),
        ("<0", "Age '<0' is no group of ages from 0 to 116"),
        ("130+", "Age '130+' is no group of ages from 0 to 116"),
        ("1980-01-01", "Age '1980-01-01' is neither an age in years nor a group of ages"),
        ("Foo-19", "Age 'Foo-19' is neither an age in years nor a group of ages"),
    ],
)
def test_what_is_no_age_names_column_and_value(text: str, reason: str) -> None:
    assert parse_age("Age", text) == reason


def test_decimals_are_known_as_such() -> None:
    assert [is_decimal(text) for text in ("25.5", "25,5", "25.0", "25", "20-29", "")] == [
        True,
        True,
        *[False] * 4,
    ]
