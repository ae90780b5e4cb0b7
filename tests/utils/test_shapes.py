import math
from typing import Any

import pytest

from agelens.utils.shapes import fits


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        ("text", str), (3, int), (3, float), (-2.5, float), (True, bool), (None, None), (None, (None, float)),
        ([1, 2, 3], [int]), ([], [int]), ([1, "a"], [int, str]), ({"a": 1, "b": 2}, {"a": int}), ({}, {"*": int}),
        ({"x": [1.5]}, {"*": [float]}),
    ],
)  # fmt: skip
def test_what_fits(value: Any, shape: Any) -> None:
    assert fits(value, shape)


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        (3, str), ("\ud800", str), (None, str), (3.0, int), (-1, int), (True, int), (2**60, int), (True, float),
        (math.nan, float), (math.inf, float), (10**400, float), ("1", float), (1, bool), (0, None),
        ("a", (None, float)), ([1, "a"], [int]), ([1.0], [float, float]),
        ({}, [int]), ({"b": 1}, {"a": int}), ([], {"a": int}),
        ({"x": "y"}, {"*": int}),
    ],
)  # fmt: skip
def test_what_does_not(value: Any, shape: Any) -> None:
    assert not fits(value, shape)
