import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mapie.regression import ConformalizedQuantileRegressor
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin

from agelens.inference.intervals import EDGES, LEAST, Calibration, bounds, median, quantile


def faces(count: int, seed: int, spread: float = 6.0) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Distributions that are too sure of themselves (spread 3), and true ages."""
    rng = np.random.default_rng(seed)
    centre = rng.uniform(5, 90, count)
    # Errors grow with age, as they do.
    truth = np.clip(np.round(centre + rng.normal(0, spread * (0.3 + centre / 60))), 0, 116)
    ages = np.arange(117)
    shares = np.exp(-((ages - centre[:, None]) ** 2) / (2 * 3.0**2))
    return shares / shares.sum(1, keepdims=True), truth


def test_the_median_is_the_first_age_that_half_lies_at_or_below() -> None:
    distribution = np.zeros((4, 117), np.float32)
    distribution[0, 0] = 1
    distribution[1, [10, 20, 90]] = 0.3, 0.3, 0.4
    distribution[2, 116] = 1
    distribution[3, [3, 5]] = 0.2, 0.2  # sums that are not quite 1 do not shift it
    assert median(distribution).tolist() == [0, 20, 116, 3]


def test_a_quantile_lies_within_the_year_of_its_age() -> None:
    distribution = np.zeros((2, 117))
    distribution[0, 30] = 1
    distribution[1, [20, 40]] = 0.5, 0.5
    np.testing.assert_allclose(quantile(distribution, 0.05), [29.55, 19.6])
    np.testing.assert_allclose(quantile(distribution, 0.95), [30.45, 40.4])


# Errors of single numbers are whole years, and the ties among them make intervals hold a little more.
@pytest.mark.parametrize(
    ("with_distribution", "least", "most"),
    [(True, 0.89, 0.912), (False, 0.9, 0.93)],
    ids=["distribution", "years"],
)
def test_intervals_hold_nine_tenths_of_new_faces_in_every_band(
    with_distribution: bool, least: float, most: float
) -> None:
    new, true = faces(20000, seed=2)
    years = median(new)
    shares_held = []
    # One calibration alone may err by some points, for its bands hold few faces; the mean of many may not.
    for seed in range(10, 26):
        shares, truth = faces(3000, seed)
        fitted = Calibration.fit(median(shares), shares if with_distribution else None, truth)
        assert fitted is not None
        assert sum(fitted.faces) == 3000
        low, high = fitted.intervals(years, new if with_distribution else None).T
        held = (low <= true) & (true <= high)
        bands = zip(fitted.starts, (*fitted.starts[1:], 200), strict=True)
        shares_held.append([held[(start <= years) & (years < end)].mean() for start, end in bands])
    means = np.mean(shares_held, axis=0)
    assert ((least < means) & (means < most)).all(), means
    # What it is for: before calibration they are far too narrow.
    raw_low, raw_high = bounds(years, new).T
    assert ((raw_low <= true) & (true <= raw_high)).mean() < 0.75


def test_bands_hold_enough_faces_or_join() -> None:
    few, truth = faces(260, seed=3)
    fitted = Calibration.fit(median(few), few, truth)
    assert fitted is not None
    assert min(fitted.faces) >= LEAST
    assert set(fitted.starts) <= set(EDGES)
    one = Calibration.fit(median(few[:12]), few[:12], truth[:12])
    assert one is not None
    assert one.starts == (0.0,)
    assert Calibration.fit(median(few[:8]), few[:8], truth[:8]) is None


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_ages_below_zero_belong_to_the_youngest(share: float) -> None:
    """Networks that learned years themselves say such ages of newborns."""
    years = np.where(np.arange(200) < 200 * share, -3.0, 4.0)
    fitted = Calibration.fit(years, None, np.where(years < 0, 9.0, 4.0))
    assert fitted is not None
    assert sum(fitted.faces) == 200
    low, high = fitted.intervals(years, None).T
    assert (low <= 9).all()
    assert (high[years < 0] >= 9).all()


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(-5, 40))
def test_an_interval_holds_its_estimate_and_lies_within_life(seed: int, offsets: float) -> None:
    shares = np.random.default_rng(seed).dirichlet(np.full(117, 0.05), 8)
    years = median(shares)
    found = Calibration((0.0, 30.0), (offsets, -offsets), (100, 100)).intervals(years, shares)
    assert (found[:, 0] <= years).all()
    assert (years <= found[:, 1]).all()
    assert found.min() >= 0
    assert found.max() <= 116
    assert (found == found.round()).all()


def test_it_comes_back_from_a_card_and_odd_cards_are_refused() -> None:
    fitted = Calibration((0.0, 10.0), (1.25, -0.5), (120, 1000))
    assert Calibration.from_card(fitted.to_card()) == fitted
    with pytest.raises(ValueError, match="ascend"):
        Calibration((10.0, 0.0), (1.0, 1.0), (1, 1))
    with pytest.raises(ValueError, match="as many"):
        Calibration((), (), ())
    with pytest.raises(KeyError):
        Calibration.from_card({"bands": [{"from_age": 0}]})


def test_other_coverages_are_calibrated_too_and_come_back_from_a_card() -> None:
    shares, truth = faces(3000, seed=1)
    fitted = Calibration.fit(median(shares), shares, truth)
    assert fitted is not None
    new, true = faces(20000, seed=2)
    years = median(new)
    widths = []
    for coverage in (0.8, 0.9, 0.95):
        assert fitted.is_fitted_for(coverage)
        low, high = fitted.intervals(years, new, coverage).T
        held = (low <= true) & (true <= high)
        # Whole years round upwards.
        assert coverage - 0.015 < held.mean() < coverage + 0.05
        widths.append((high - low).mean())
    assert widths == sorted(widths)
    assert Calibration.from_card(fitted.to_card()) == fitted


def test_bundles_of_90_percent_alone_take_its_offsets_for_others() -> None:
    old = Calibration((0.0,), (2.0,), (100,))
    assert not old.is_fitted_for(0.8)
    assert "offset_years_at" not in old.to_card()
    shares, _ = faces(50, seed=3)
    low, high = old.intervals(median(shares), shares, 0.8).T
    wide_low, wide_high = old.intervals(median(shares), shares).T
    assert (wide_low <= low).all()
    assert (high <= wide_high).all()


def test_a_coverage_of_which_too_few_faces_tell_is_left_out() -> None:
    shares, truth = faces(15, seed=4)
    fitted = Calibration.fit(median(shares), shares, truth)
    assert fitted is not None
    assert [coverage for coverage, _ in fitted.others] == [0.8]


class Column(RegressorMixin, BaseEstimator):
    """A model that gives a column of its inputs, for MAPIE, which wants three fitted models."""

    def __init__(self, number: int) -> None:
        self.number = number

    def fit(self, inputs: np.ndarray, _truth: np.ndarray | None = None) -> "Column":
        self.n_features_in_ = inputs.shape[1]
        return self

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        return np.asarray(inputs[:, self.number])


@pytest.mark.parametrize("coverage", [0.9, 0.8])
def test_offsets_are_those_of_mapie_in_each_band(coverage: float) -> None:
    shares, truth = faces(2000, seed=5)
    years = median(shares)
    fitted = Calibration.fit(years, shares, truth)
    assert fitted is not None
    ends = bounds(years, shares, coverage)
    inputs = np.column_stack([ends, years])
    band = np.searchsorted(fitted.starts, years, side="right") - 1
    offsets = fitted.offsets if coverage == 0.9 else dict(fitted.others)[coverage]
    assert len(offsets) > 3
    for number, offset in enumerate(offsets):
        rows, labels = inputs[band == number], truth[band == number]
        models = [Column(column).fit(rows) for column in range(3)]
        mapie = ConformalizedQuantileRegressor(models, confidence_level=coverage, prefit=True)
        _, ends_given = mapie.conformalize(rows, labels).predict_interval(rows, symmetric_correction=True)
        np.testing.assert_allclose(ends_given[:, 0, 0], rows[:, 0] - offset, atol=1e-9)
        np.testing.assert_allclose(ends_given[:, 1, 0], rows[:, 1] + offset, atol=1e-9)
