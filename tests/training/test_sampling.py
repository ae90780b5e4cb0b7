import numpy as np
import pandas as pd
import pytest

from agelens.training.sampling import draw_rows, sampling_weights

# Eight faces of a large source and two of a small one.
ROWS = pd.DataFrame({"source": ["a"] * 8 + ["b"] * 2, "age": [5, 25, 25, 25, 25, 25, 25, 25, 70, 71]})


def shares(source: float, age: float) -> dict[str, float]:
    weights = sampling_weights(ROWS, source, age)
    assert weights is not None
    assert weights.sum() == pytest.approx(1)
    return pd.Series(weights).groupby(ROWS["source"]).sum().to_dict()


def test_sources_are_drawn_between_their_sizes_and_equally() -> None:
    assert sampling_weights(ROWS, 0.0, 0.0) is None
    assert shares(1.0, 0.0) == pytest.approx({"a": 0.5, "b": 0.5})
    half = np.sqrt([8, 2])
    assert shares(0.5, 0.0) == pytest.approx(dict(zip("ab", half / half.sum(), strict=True)))


def test_rare_ages_of_a_source_are_drawn_more_often_and_its_share_stays() -> None:
    weights = sampling_weights(ROWS, 0.0, 1.0)
    assert weights is not None
    assert weights[0] == pytest.approx(weights[1:8].sum()), "the child as often as all of 25 together"
    assert shares(0.0, 1.0) == pytest.approx({"a": 0.8, "b": 0.2})


def test_one_source_and_unlabelled_ages_are_no_hindrance() -> None:
    assert sampling_weights(ROWS.head(8), 0.5, 0.0) is None
    assert sampling_weights(ROWS.drop(columns="source"), 0.5, 0.0) is None
    missing = ROWS.assign(age=[np.nan] * 10)
    assert shares_of(sampling_weights(missing, 0.0, 1.0)) is None


def shares_of(weights: np.ndarray | None) -> list[float] | None:
    return None if weights is None else weights.tolist()


def test_draws_meet_the_expected_numbers_to_within_one() -> None:
    weights = np.array([0.5, 0.25, 0.1, 0.05, 0.05, 0.05])
    counts = np.array(
        [np.bincount(draw_rows(weights, np.random.default_rng(seed)), minlength=6) for seed in range(200)]
    )
    assert (counts.sum(axis=1) == 6).all()
    assert (np.abs(counts - 6 * weights) < 1 + 1e-9).all()
    assert counts.mean(axis=0) == pytest.approx(6 * weights, abs=0.12)
    assert (
        draw_rows(weights, np.random.default_rng(3)).tolist()
        == draw_rows(weights, np.random.default_rng(3)).tolist()
    )
