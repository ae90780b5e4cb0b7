import keras
import numpy as np
import pytest

from agelens.training.losses import AGES, AgeLoss, GenderAccuracy, GenderLoss, expectation, mae

CHANCE = np.random.default_rng(0)
LOGITS = CHANCE.normal(size=(4, AGES)).astype("f4")
P = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)


def array(values: object) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(values))


def test_a_group_costs_minus_the_log_of_its_probability() -> None:
    bounds = np.array([[0, 2], [20, 29], [70, 116], [0, 116]], "f4")
    expected = [-np.log(P[row, int(low) : int(high) + 1].sum()) for row, (low, high) in enumerate(bounds)]
    found = array(AgeLoss(mae_weight=0.0).call(bounds, LOGITS))
    assert found == pytest.approx(expected, abs=1e-5)
    assert found[3] == pytest.approx(0, abs=1e-5), "an age of which nothing is known teaches nothing"


def test_an_exact_age_among_groups_costs_what_it_costs_alone() -> None:
    loss = AgeLoss(0.5, 0.1, 0.08)
    ages = np.array([[3], [30], [61], [116]], "f4")
    alone = array(loss.call(ages, LOGITS))
    assert array(loss.call(np.concatenate([ages, ages], axis=1), LOGITS)) == pytest.approx(alone, rel=1e-5)
    share = np.full((4, 1), 0.7, "f4")
    pairs = np.concatenate([ages, ages[::-1], share], axis=1)
    bounds = np.concatenate([ages, ages, ages[::-1], ages[::-1], share], axis=1)
    assert array(loss.call(bounds, LOGITS)) == pytest.approx(array(loss.call(pairs, LOGITS)), rel=1e-4)


def test_mixed_groups_cost_the_mixture_of_both() -> None:
    loss = AgeLoss(mae_weight=0.0)
    one, other = np.array([[20, 29]] * 4, "f4"), np.array([[50, 50]] * 4, "f4")
    mixed = np.concatenate([one, other, np.full((4, 1), 0.25, "f4")], axis=1)
    expected = 0.25 * array(loss.call(one, LOGITS)) + 0.75 * array(loss.call(other, LOGITS))
    assert array(loss.call(mixed, LOGITS)) == pytest.approx(expected, rel=1e-5)


def test_the_error_of_a_group_is_the_years_outside_it() -> None:
    years = array(expectation(LOGITS))
    bounds = np.array([[0, 116], [0, 10], [100, 116], [0, 0]], "f4")
    expected = [0, years[1] - 10, 100 - years[2], years[3]]
    assert array(mae(bounds, LOGITS)) == pytest.approx(expected, rel=1e-5)
    mixed = np.array([[20, 30, 0, 10, 0.5]] * 4, "f4")
    assert array(mae(mixed, LOGITS)) == pytest.approx(years - 20, rel=1e-5)


def test_gradients_of_a_very_unlikely_group_stay_finite() -> None:
    logits = np.zeros((1, AGES), "f4")
    logits[0, 0] = 80.0
    found = array(AgeLoss().call(np.array([[60, 69]], "f4"), logits))
    assert np.isfinite(found).all()
    assert found[0] > 70


def test_gender_is_the_cross_entropy_without_the_unlabelled() -> None:
    logits = np.array([[2.0], [-1.0], [0.5]], "f4")
    labels = np.array([[1], [0], [-1]], "f4")
    plain = keras.losses.BinaryCrossentropy(from_logits=True, reduction=None)
    expected = array(plain(labels[:2], logits[:2]))
    assert array(GenderLoss().call(labels, logits)) == pytest.approx([*expected, 0], rel=1e-5)
    mixed = np.array([[1, 0, 0.6], [0, -1, 0.6], [-1, -1, 0.6]], "f4")
    both = array(plain(np.array([[0.6]], "f4"), logits[:1]))
    assert array(GenderLoss().call(mixed, logits)) == pytest.approx([both[0], 0.6 * expected[1], 0], rel=1e-5)


def test_accuracy_counts_the_labelled_alone() -> None:
    metric = GenderAccuracy()
    metric.update_state(np.array([[1], [0], [-1], [1]], "f4"), np.array([[2.0], [1.0], [3.0], [4.0]], "f4"))
    assert float(metric.result()) == pytest.approx(2 / 3)
    metric.update_state(np.array([[1, -1, 0.5], [1, 0, 0.9]], "f4"), np.array([[-1.0], [1.0]], "f4"))
    assert float(metric.result()) == pytest.approx(3 / 4)
