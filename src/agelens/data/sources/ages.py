"""Ages as label files write them: whole years, decimals, and groups in all the spellings that are met."""

import re
from typing import NamedTuple

from agelens.data.labels import AGE_RANGE

_WHOLE = re.compile(r"([+-]?\d{1,9})(?:\.0*|,0{1,2}|,0{4,9})?")
# Not behind a comma with three digits, which could be thousands.
_DECIMAL = re.compile(r"(\d{1,3})(?:\.\d{1,9}|,\d{1,2})")
_RANGE = re.compile(r"[\[(]?\s*(\d{1,3})\s*(?:-|–|—|_|,|;|to|\.\.)\s*(\d{1,3})\s*[\])]?", re.I)
_FROM = re.compile(
    r"(?:more than|over|above|from|>=?|≥)\s*(\d{1,3})|"
    r"(\d{1,3})\s*(?:\+|(?:and|or|years and) (?:over|more|above|older|up))",
    re.I,
)
_BELOW = re.compile(r"(?:less than|under|below|younger than|<)\s*(\d{1,3})", re.I)
_UP_TO = re.compile(r"(?:up to|<=|≤)\s*(\d{1,3})|(\d{1,3})\s*(?:and|or) (?:under|less|below|younger)", re.I)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DATE = re.compile(r"(?:(\d{1,2})[- ]([a-z]{3})|([a-z]{3})[- ](\d{1,2}))", re.I)
_TOLD = 30


class AgeLabel(NamedTuple):
    """What a label says of an age: first and last year, equal where it is known exactly."""

    low: int
    high: int

    @property
    def is_group(self) -> bool:
        """Whether the age is known as a group only."""
        return self.low < self.high


def whole_number(text: str) -> int | None:
    """The whole number that a text is, also as "25.0" and "25,0"; None where it is none."""
    match = _WHOLE.fullmatch(text)
    return int(match[1]) if match else None


def parse_age(name: str, text: str) -> AgeLabel | str:
    """Return an age or a group of ages, or what is wrong with it.

    Decimals are cut to completed years. Groups are read as "20-29", "(25, 32)", "more than 70", "70+", "under 18", and
    as spreadsheets leave "3-9" and "10-19": "03-Sep" and "Oct-19".

    Args:
        name: what its column is called.
        text: the value, without spaces around it.
    """
    if not text:
        return f"the {name} is empty"
    years = whole_number(text)
    if years is None and (match := _DECIMAL.fullmatch(text)):
        years = int(match[1])
    if years is not None:
        return (
            AgeLabel(years, years)
            if AGE_RANGE[0] <= years <= AGE_RANGE[1]
            else f"{name} {years} is outside {AGE_RANGE[0]} to {AGE_RANGE[1]}"
        )
    bounds = _group(text)
    if bounds is None:
        return f"{name} {shorten(text)} is neither an age in years nor a group of ages"
    low, high = bounds
    if not AGE_RANGE[0] <= low <= high or low > AGE_RANGE[1]:
        return f"{name} {shorten(text)} is no group of ages from {AGE_RANGE[0]} to {AGE_RANGE[1]}"
    return AgeLabel(low, min(high, AGE_RANGE[1]))


def is_decimal(text: str) -> bool:
    """Whether an age is written with a fraction of a year, which `parse_age` cuts off."""
    return whole_number(text) is None and bool(_DECIMAL.fullmatch(text))


def _group(text: str) -> tuple[int, int] | None:
    """First and last year of a group; None where the text is none."""
    if match := _RANGE.fullmatch(text):
        return int(match[1]), int(match[2])
    if match := _FROM.fullmatch(text):
        # "more than 70" follows the group of 60 to 69 wherever it is met, so it begins at 70.
        return int(match[1] or match[2]), AGE_RANGE[1]
    if match := _BELOW.fullmatch(text):
        return AGE_RANGE[0], int(match[1]) - 1
    if match := _UP_TO.fullmatch(text):
        return AGE_RANGE[0], int(match[1] or match[2])
    if (match := _DATE.fullmatch(text)) and (month := (match[2] or match[3]).lower()) in _MONTHS:
        # A spreadsheet took the group for a day of the year; the smaller number stood first.
        low, high = sorted((_MONTHS.index(month) + 1, int(match[1] or match[4])))
        return low, high
    return None


def shorten(text: str) -> str:
    """A value as it is told: quoted, and not longer than a person reads."""
    return repr(text if len(text) <= _TOLD else f"{text[:_TOLD]}...")
