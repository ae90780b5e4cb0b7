"""Fitting the temperature of gender on faces that the network has not learned from."""

import numpy as np
from scipy import optimize

from agelens.evaluation.resampling import Array
from agelens.inference.temperature import Temperature

# Of fewer faces a temperature says more of chance than of the network.
LEAST = 100
_BOUNDS = (0.05, 20.0)
# A probability that has been rounded to 0 or 1 says no more than this.
_LARGEST_LOGIT = 30.0


def fit_temperature(logits: Array, labels: Array) -> Temperature | None:
    """Return the temperature with the smallest log loss (Guo, Pleiss, Sun and Weinberger 2017).

    Args:
        logits: of female, (faces,), of faces that the network has not learned from.
        labels: 0 male, 1 female, (faces,).

    Returns:
        None where there are fewer than LEAST faces, or all answers are right, which would make it certain of all.
    """
    logits = np.clip(np.asarray(logits, np.float64), -_LARGEST_LOGIT, _LARGEST_LOGIT)
    signs = np.where(np.asarray(labels) == 1, 1.0, -1.0)
    if len(logits) < LEAST or (logits * signs > 0).all():
        return None

    def loss(log_temperature: float) -> float:
        return float(np.logaddexp(0, -signs * logits / np.exp(log_temperature)).mean())

    found = optimize.minimize_scalar(loss, bounds=np.log(_BOUNDS), method="bounded", options={"xatol": 1e-6})
    return Temperature(round(float(np.exp(found.x)), 5), len(logits))
