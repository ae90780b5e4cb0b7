from typing import Any

import numpy as np
import pandas as pd
import pytest

from agelens.errors import AgeLensError
from agelens.evaluation.limitations import find_limitations
from agelens.evaluation.metrics import measure


def figures(rows: pd.DataFrame) -> dict[str, Any]:
    return {task: measure(rows, task, 1) for task in ("age", "gender")}


@pytest.fixture
def rows() -> pd.DataFrame:
    """600 faces with errors of the same kind in every group."""
    rng = np.random.default_rng(2)
    ages, genders = rng.integers(0, 90, 600), rng.integers(0, 2, 600)
    female = np.where(rng.random(600) < 0.9, genders, 1 - genders)
    return pd.DataFrame(
        {
            "age": ages,
            "gender": genders,
            "race": rng.choice(["White", "Black", "Asian"], 600),
            "age_years": ages + rng.normal(0, 4, 600),
            "p_female": 0.1 + 0.8 * female,
        }
    )


def test_where_groups_are_alike_nothing_is_told(rows: pd.DataFrame) -> None:
    assert find_limitations(figures(rows)) == []


def test_what_is_clearly_worse_is_told(rows: pd.DataFrame) -> None:
    old = rows["age"].between(70, 79)
    rows.loc[old, "age_years"] -= 9
    asian = rows["race"] == "Asian"
    rows.loc[asian & (np.arange(600) % 2 == 0), "p_female"] = 1 - rows["gender"]
    told = find_limitations(figures(rows))
    assert len(told) == 2
    assert told[0].startswith("Age band (years) 70-79: MAE ")
    assert "years too young on average" in told[0]
    assert told[1].startswith("Race label Asian: gender as labelled in ")


def test_a_group_that_is_better_is_no_limitation(rows: pd.DataFrame) -> None:
    asian = rows["race"] == "Asian"
    rows.loc[asian, "age_years"] = rows["age"]
    assert not [line for line in find_limitations(figures(rows)) if "Asian" in line]


def test_a_side_that_is_sure_but_small_is_not_told(rows: pd.DataFrame) -> None:
    rows["age_years"] = rows["age"] - 1.5
    assert find_limitations(figures(rows)) == []
    rows["age_years"] = rows["age"] - 2.5
    assert len(find_limitations(figures(rows))) == 9 + 2 + 3


def test_few_faces_are_not_judged(rows: pd.DataFrame) -> None:
    rows = rows[(rows["age"] < 70) | (rows["age"] >= 80) | (np.arange(600) % 5 == 0)]
    assert ((rows["age"] // 10) == 7).sum() < 20
    rows.loc[rows["age"].between(70, 79), "age_years"] -= 30
    assert not any("70-79" in line for line in find_limitations(figures(rows)))


def test_figures_of_an_earlier_version_are_refused(rows: pd.DataFrame) -> None:
    old = figures(rows)
    for group in old["age"]["groups"]["gender"].values():
        del group["bias_p"]
    with pytest.raises(AgeLensError, match="earlier AgeLens"):
        find_limitations(old)
