"""Errors that say much, little, or nothing."""

import pytest

from agelens.utils.reasons import first_line, last_line


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("a.cpp:3\n\n  It is broken. \n", "a.cpp:3", "It is broken"),
        ("One line.", "One line", "One line"),
        ("", "ValueError", "ValueError"),
        ("\n \n", "ValueError", "ValueError"),
    ],
)
def test_a_line_is_given_whatever_an_error_says(text: str, first: str, last: str) -> None:
    assert (first_line(ValueError(text)), last_line(ValueError(text))) == (first, last)
