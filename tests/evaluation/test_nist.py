import numpy as np
import pandas as pd
import pytest

from agelens.evaluation.nist import challenge_25, macro_mae


def faces(count: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    ages, genders = rng.integers(0, 60, count), rng.integers(0, 2, count)
    return pd.DataFrame({"age": ages, "gender": genders, "estimate": ages + rng.normal(0, 5, count)})


def columns(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    return (*(rows[name].to_numpy(float) for name in ("age", "gender", "estimate")), np.arange(len(rows)))


def test_the_macro_mae_is_the_mean_of_the_cells() -> None:
    rows = faces(4000)
    found = macro_mae(*columns(rows), seed=1)
    inside = rows[rows["age"].between(18, 30)]
    errors = (inside["estimate"] - inside["age"]).abs()
    cells = errors.groupby([inside["age"], inside["gender"]])
    assert found.value == pytest.approx(cells.mean().mean())
    assert (found.cells, found.empty_cells, found.faces) == (26, 0, len(inside))
    assert found.fewest == cells.size().min()
    assert found.ci95 is not None
    assert found.ci95[0] < found.value < found.ci95[1]


def test_a_frequent_cell_counts_no_more_than_a_rare_one() -> None:
    rows = pd.DataFrame({"age": [18] * 9 + [30], "gender": [0] * 9 + [1], "estimate": [18.0] * 9 + [40.0]})
    found = macro_mae(*columns(rows), seed=1)
    assert found.value == 5
    assert (found.cells, found.empty_cells, found.fewest) == (2, 24, 1)
    assert macro_mae(*columns(rows[rows["age"] > 40]), seed=1).value is None


def test_challenge_25_is_of_all_under_18_and_of_those_near_it() -> None:
    ages = np.array([1.0, 12, 13, 17, 17, 18, 40])
    estimates = np.array([30.0, 5, 25, 24.9, np.nan, 24, 40])
    told = challenge_25(ages, estimates)
    assert told["under_18"].false_positives is not None
    assert told["13_to_17"].false_positives is not None
    assert (told["under_18"].false_positives.hits, told["under_18"].false_positives.faces) == (2, 5)
    assert (told["13_to_17"].false_positives.hits, told["13_to_17"].false_positives.faces) == (1, 3)
    assert told["under_18"].false_negatives is not None
    assert told["under_18"].false_negatives.value == 0.5
