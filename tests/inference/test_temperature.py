import numpy as np
import pytest
from scipy.special import expit, logit

from agelens.inference.temperature import Temperature
from agelens.inference.temperature import logit as ours


def test_it_divides_logits() -> None:
    logits = np.array([-800.0, -2, 0, 3, 800])
    assert Temperature(2.0, 100).apply(logits) == pytest.approx(expit(logits / 2))
    probabilities = np.array([0, 0.1, 0.5, 0.9, 1])
    assert Temperature(2.0).apply_to_probabilities(probabilities) == pytest.approx(
        expit(logit(probabilities) / 2)
    )
    assert ours(probabilities)[1:4] == pytest.approx(logit(probabilities[1:4]))
    assert Temperature().apply_to_probabilities(probabilities) is probabilities


def test_it_comes_back_from_a_card() -> None:
    fitted = Temperature(1.25, 300)
    assert Temperature.from_card(fitted.to_card()) == fitted


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_only_numbers_above_0_are_temperatures(value: float) -> None:
    with pytest.raises(ValueError, match="number above 0"):
        Temperature(value)
