import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from agelens.evaluation.fit_temperature import LEAST, fit_temperature


def faces(count: int, times: float) -> tuple[np.ndarray, np.ndarray]:
    """Logits that are so many times as large as the truth, and labels."""
    rng = np.random.default_rng(4)
    logits = rng.normal(0, 2, count)
    return times * logits, (rng.random(count) < expit(logits)).astype(float)


@pytest.mark.parametrize("times", [0.5, 1.0, 3.0])
def test_it_undoes_what_makes_a_network_too_sure(times: float) -> None:
    logits, labels = faces(4000, times)
    found = fit_temperature(logits, labels)
    assert found is not None
    assert found.value == pytest.approx(times, rel=0.08)
    assert found.faces == 4000
    # Dividing by a temperature is logistic regression on the logit alone.
    slope = LogisticRegression(C=1e9, fit_intercept=False).fit(logits[:, None], labels).coef_.item()
    assert found.value == pytest.approx(1 / slope, rel=1e-3)


def test_too_few_faces_and_none_that_is_wrong_give_none() -> None:
    logits, labels = faces(4000, 1)
    assert fit_temperature(logits[: LEAST - 1], labels[: LEAST - 1]) is None
    assert fit_temperature(np.abs(logits), np.ones(4000)) is None
    sure = np.where(labels == 1, np.inf, -np.inf)
    sure[0] *= -1
    assert fit_temperature(sure, labels) is not None
