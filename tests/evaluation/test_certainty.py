import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, log_loss

from agelens.evaluation.certainty import abstain, bins_by_quantile, coverage, reliability


@pytest.fixture
def stated() -> tuple[np.ndarray, np.ndarray]:
    """Probabilities that are too sure of themselves."""
    rng = np.random.default_rng(1)
    truth = rng.random(3000)
    return np.clip(1.4 * truth - 0.2, 0, 1), (rng.random(3000) < truth).astype(float)


def test_reliability_is_scikit_learns(stated: tuple[np.ndarray, np.ndarray]) -> None:
    probabilities, outcomes = stated
    found = reliability(probabilities, outcomes)
    shares, means = calibration_curve(outcomes, probabilities, n_bins=10)
    assert [one.share.value for one in found.bins] == pytest.approx(shares.tolist())
    assert [one.mean_probability for one in found.bins] == pytest.approx(means.tolist())
    assert found.brier == pytest.approx(brier_score_loss(outcomes, probabilities))
    counts = np.array([one.share.faces for one in found.bins])
    assert found.ece == pytest.approx((counts * np.abs(shares - means)).sum() / 3000)
    inside = np.clip(probabilities, 0.01, 0.99)
    assert reliability(inside, outcomes).log_loss == pytest.approx(log_loss(outcomes, inside))


def test_what_is_right_has_next_to_no_calibration_error() -> None:
    rng = np.random.default_rng(2)
    truth = rng.random(20000)
    assert reliability(truth, (rng.random(20000) < truth).astype(float)).ece < 0.012
    with pytest.raises(ValueError, match="no faces"):
        reliability(np.array([]), np.array([]))


def test_coverage_counts_both_ends() -> None:
    found = coverage(np.array([3.0, 5, 9, 10]), np.full(4, 3.0), np.full(4, 9.0), 0.9)
    assert found is not None
    assert (found.held.hits, found.held.faces, found.width) == (3, 4, 6)
    assert coverage(np.array([]), np.array([]), np.array([]), 0.9) is None


@given(st.integers(0, 500), st.sampled_from([0.0, 0.02, 0.1, 0.3]))
def test_as_many_faces_are_answered_as_can_be(seed: int, allowed: float) -> None:
    rng = np.random.default_rng(seed)
    certainty = np.round(rng.uniform(0.5, 1, 40), 1)
    right = (rng.random(40) < certainty).astype(float)
    found = abstain(certainty, right, allowed)
    best = max(
        (
            (certainty >= one).mean()
            for one in np.unique(certainty)
            if 1 - right[certainty >= one].mean() <= allowed + 1e-12
        ),
        default=None,
    )
    assert (found.answered and found.answered.value) == best
    if found.threshold is not None:
        assert found.error is not None
        assert found.error.value == pytest.approx(1 - right[certainty >= found.threshold].mean())
        assert found.error.faces == (certainty >= found.threshold).sum()
    assert found.curve[-1] == pytest.approx((1.0, 1 - right.mean()))


def test_bins_hold_about_equally_many_and_each_face_once() -> None:
    values = np.random.default_rng(0).exponential(5, 1000)
    bins = bins_by_quantile(values, 5)
    assert [chosen.sum() for *_, chosen in bins] == [200] * 5
    assert np.sum([chosen for *_, chosen in bins], axis=0).tolist() == [1] * 1000
    ((low, high, chosen),) = bins_by_quantile(np.full(7, 3.0), 5)
    assert (low, high, chosen.sum()) == (3, 3, 7)
    assert sum(chosen.sum() for *_, chosen in bins_by_quantile(np.array([1.0, 1, 1, 2]), 5)) == 4
