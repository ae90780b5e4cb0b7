"""What callers in Python give of another type or beyond limits is one sentence."""

from pathlib import Path

import numpy as np
import pytest

from agelens.errors import AgeLensError
from agelens.utils.arguments import as_path, whole_number


@pytest.mark.parametrize("value", [None, 5, 2.5, b"x", [], ["x"], True, {"a": 1}, np.zeros(3)])
def test_what_is_no_path_is_refused(value: object) -> None:
    with pytest.raises(AgeLensError, match=r"^folder is a path, as text or a pathlib\.Path, and not \w+\.$"):
        as_path("folder", value)


def test_an_empty_text_is_no_path() -> None:
    with pytest.raises(AgeLensError, match="out is an empty text; give a path"):
        as_path("out", "")
    assert as_path("out", ".") == Path()
    assert as_path("out", Path("a")) == as_path("out", "a") == Path("a")


def test_whole_numbers_have_limits() -> None:
    assert type(whole_number("seed", np.int64(5))) is int
    for value in ("a", 1.5, None, True, float("nan")):
        with pytest.raises(AgeLensError, match=r"^seed is a whole number, and not "):
            whole_number("seed", value)
    with pytest.raises(AgeLensError, match=r"^limit is a number from 1 up, and not 0"):
        whole_number("limit", 0, 1)
    with pytest.raises(AgeLensError, match=r"^seed is a number from 0 to 9, and not 10"):
        whole_number("seed", 10, 0, 9)
