"""What a study cannot be made from is told before its folder is made."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import agelens
from agelens.data.table import COLUMNS, Faces
from agelens.errors import AgeLensError

ROW = {name: ["x"] for name in COLUMNS} | {"age": [3], "gender": [0]}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"seed": "a"}, "seed is a whole number"),
        ({"seed": -1}, "seed is a number from 0"),
        ({"seed": 1.5}, "seed is a whole number"),
        ({"limit": 0}, "limit is a number from 1 up"),
        ({"limit": -3}, "limit is a number from 1 up"),
        ({"limit": "x"}, "limit is a whole number"),
        ({"split_ratios": "80/10/10"}, "three numbers above 0 that add up to 1, not '80/10/10'"),
        ({"split_ratios": 5}, "three numbers above 0 that add up to 1, not 5"),
        ({"split_ratios": (0.8, 0.1, "x")}, "not 0.8, 0.1, x"),
        ({"split_ratios": (0.8, 0.1, float("nan"))}, "not 0.8, 0.1, nan"),
        ({"exclude": 5}, "exclude is a path"),
        ({"relabel": ""}, "relabel is an empty text"),
        ({"cache": 5}, "cache is a path"),
        ({"reading": 5}, "ReadingOptions, and not by int"),
        ({"source": 5}, "source is a path"),
        ({"source": []}, "source is an empty list"),
        ({"source": [5]}, "source is a path"),
        ({"source": {"a": 1}}, "source is a path"),
        ({"source": ""}, "source is an empty text"),
        ({"out": 5}, "out is a path"),
        ({"source": pd.DataFrame()}, "The face table has no column path"),
        ({"source": pd.DataFrame(ROW).drop(columns="digest")}, "has no column digest"),
        ({"source": Faces(pd.DataFrame(ROW).head(0))}, "has no rows"),
    ],
)
def test_what_a_study_is_made_from_is_checked_at_once(
    settings: dict[str, Any], words: str, tmp_path: Path
) -> None:
    with pytest.raises(AgeLensError, match=words.replace("(", r"\(")):
        agelens.Study(**{"source": tmp_path, "out": tmp_path / "out", **settings})
    assert not (tmp_path / "out").exists()


def test_numbers_of_numpy_are_numbers() -> None:
    study = agelens.Study("x", seed=np.int64(3), limit=np.int32(40), split_ratios=np.array([0.8, 0.1, 0.1]))
    assert (study.seed, study.limit, study.split_ratios) == (3, 40, (0.8, 0.1, 0.1))
    assert type(study.seed) is type(study.limit) is int


@pytest.mark.parametrize("given", [None, 5, "x", [], np.zeros(3)])
def test_what_is_no_face_table_is_told(given: Any) -> None:
    for step in (agelens.split, agelens.train, agelens.evaluate, agelens.compare_backbones):
        with pytest.raises(AgeLensError, match="A face table is a DataFrame, or what"):
            step(given)
    if not isinstance(given, str):
        for step in (agelens.audit, agelens.read_faces):
            with pytest.raises(AgeLensError, match="source is a path"):
                step(given)
    with pytest.raises(AgeLensError, match="has no column digest"):
        agelens.split(pd.DataFrame(ROW).drop(columns="digest"))
    with pytest.raises(AgeLensError, match="seed is a whole number"):
        agelens.split(pd.DataFrame(ROW), seed="a")  # type: ignore[arg-type]
    with pytest.raises(AgeLensError, match="ReadingOptions, and not by int"):
        agelens.read_faces("x", 5)  # type: ignore[arg-type]
