import numpy as np
import pytest
from fairlearn.metrics import false_negative_rate, false_positive_rate
from hypothesis import given
from hypothesis import strategies as st

from agelens.errors import AgeLensError
from agelens.evaluation.age_limit_rates import (
    limit_curve,
    limit_rates,
    read_age_limits,
    smallest_challenge,
)


@pytest.fixture
def faces() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    ages = rng.integers(5, 40, 400).astype(float)
    return ages, np.round(ages + rng.normal(0, 4, 400))


@pytest.mark.parametrize("challenge", [18, 21, 25, 60])
def test_rates_are_fairlearns(faces: tuple[np.ndarray, np.ndarray], challenge: int) -> None:
    ages, estimates = faces
    rates = limit_rates(ages, estimates >= challenge, 18)
    of_age, passes = (ages >= 18).astype(int), (estimates >= challenge).astype(int)
    assert rates.false_positives is not None
    assert rates.false_negatives is not None
    assert rates.false_positives.value == pytest.approx(false_positive_rate(of_age, passes))
    assert rates.false_negatives.value == pytest.approx(false_negative_rate(of_age, passes))
    assert rates.false_positives.faces == (ages < 18).sum()
    assert rates.false_positives.low <= rates.false_positives.value <= rates.false_positives.high


def test_who_was_not_found_does_not_pass() -> None:
    ages, estimates = np.array([10.0, 17, 18, 30]), np.array([np.nan, 20, np.nan, 30])
    (rates,) = limit_curve(ages, estimates, 18, [18]).rates
    assert rates.false_positives is not None
    assert rates.false_negatives is not None
    assert (rates.false_positives.hits, rates.false_positives.faces) == (1, 2)
    assert (rates.false_negatives.hits, rates.false_negatives.faces) == (1, 2)


def test_a_curve_trades_one_error_for_the_other(faces: tuple[np.ndarray, np.ndarray]) -> None:
    told = limit_curve(*faces, 18, range(18, 39)).to_json()
    assert told["challenge_ages"] == list(range(18, 39))
    assert told["false_positives"] == sorted(told["false_positives"], reverse=True)
    assert told["false_negatives"] == sorted(told["false_negatives"])
    assert len(told["false_positives_ci95"]) == 21
    empty = limit_curve(np.array([30.0]), np.array([31.0]), 18, [18, 25]).to_json()
    assert (empty["false_positives"], empty["false_positives_faces"]) == ([], 0)
    assert empty["false_negatives"] == [0, 0]


@given(st.integers(0, 1000), st.sampled_from([0.0, 0.01, 0.05, 0.3]))
def test_the_smallest_challenge_age_is_the_smallest(seed: int, allowed: float) -> None:
    rng = np.random.default_rng(seed)
    ages = rng.integers(5, 40, 60).astype(float)
    estimates = np.round(ages + rng.normal(0, 5, 60))
    found = smallest_challenge(ages, estimates, 18, allowed)
    assert found.challenge_age is not None
    under = estimates[ages < 18]
    assert (under >= found.challenge_age).mean() <= allowed
    assert found.challenge_age == 18 or (under >= found.challenge_age - 1).mean() > allowed
    of_age = estimates[ages >= 18]
    price = (of_age < found.challenge_age).mean() - (of_age < 18).mean()
    assert found.further_refused == pytest.approx(price)


def test_without_an_under_age_face_there_is_no_challenge_age() -> None:
    found = smallest_challenge(np.array([30.0]), np.array([20.0]), 18)
    assert found.to_json() == {"challenge_age": None, "further_refused": None}


def test_age_limits_as_a_person_writes_them() -> None:
    assert read_age_limits("21, 13,18,18") == (13, 18, 21)
    for text in ("", "0", "18-21", "117", "eighteen", "18,", "9" * 5000):
        with pytest.raises(AgeLensError, match="--age-limits takes whole years"):
            read_age_limits(text)
