"""Losses and metrics of fine-tuning.

Labels of age come as years, (faces, 1); as first and last year of what is known, (faces, 2); and of faces that are
mixed in pairs as (faces, 3), years of both and the share of the first, or (faces, 5), bounds of both and that share.
"""

from typing import Any

import keras

from agelens.utils.ages import OLDEST

AGES = OLDEST + 1
# Stands for the logarithm of nothing.
_NEVER = -1e9


@keras.saving.register_keras_serializable("agelens")
class AgeLoss(keras.losses.Loss):
    """How badly a distribution over the ages fits what is known of an age.

    Of an exact age: the cross-entropy against a discretised normal distribution around it (label distribution
    learning), and the error of the expectation. Of a group of ages: minus the logarithm of the probability of the group
    (interval-censored likelihood; Turnbull 1976), and the years by which the expectation lies outside it.

    Args:
        label_std: standard deviation of that distribution at 0 years, in years.
        mae_weight: weight of the absolute error.
        label_std_slope: what each year of the label adds to the standard deviation.

    >>> import numpy as np
    >>> loss = AgeLoss(mae_weight=0.0)
    >>> even = np.zeros((1, AGES), "float32")
    >>> float(loss(np.array([[20.0, 29.0]]), even))  # ten of 117 equally likely ages: log 11.7  # doctest: +ELLIPSIS
    2.459...
    """

    def __init__(
        self,
        label_std: float = 2.0,
        mae_weight: float = 0.1,
        label_std_slope: float = 0.0,
        name: str = "age_loss",
        **rest: Any,
    ) -> None:
        super().__init__(name=name, **rest)
        self.label_std, self.mae_weight, self.label_std_slope = label_std, mae_weight, label_std_slope

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Of labels as this module says, and logits, (faces, AGES)."""
        ops = keras.ops
        log_p = ops.log_softmax(y_pred, axis=-1)
        if y_true.shape[1] in (2, 5):
            entropy = self._of_bounds(y_true[:, 0:1], y_true[:, 1:2], log_p)
            if y_true.shape[1] == 5:
                other = self._of_bounds(y_true[:, 2:3], y_true[:, 3:4], log_p)
                entropy = y_true[:, 4] * entropy + (1 - y_true[:, 4]) * other
            return entropy + self.mae_weight * mae(y_true, y_pred)
        wanted = self._wanted(y_true[:, :1])
        if y_true.shape[1] == 3:
            share = y_true[:, 2:]
            wanted = share * wanted + (1 - share) * self._wanted(y_true[:, 1:2])
        entropy = -ops.sum(wanted * log_p, axis=-1)
        return entropy + self.mae_weight * mae(y_true, y_pred)

    def _of_bounds(self, low: Any, high: Any, log_p: Any) -> Any:
        """The cross-entropy of exact ages, (faces,), and the censored likelihood of groups."""
        ops = keras.ops
        ages = ops.arange(AGES, dtype="float32")
        exact = -ops.sum(self._wanted(low) * log_p, axis=-1)
        inside = ops.logical_and(ages >= low, ages <= high)
        censored = -ops.logsumexp(ops.where(inside, log_p, _NEVER), axis=-1)
        return ops.where(ops.equal(low, high)[:, 0], exact, censored)

    def _wanted(self, years: Any) -> Any:
        ages = keras.ops.arange(AGES, dtype="float32")
        label_std = self.label_std + self.label_std_slope * years
        return keras.ops.softmax(-keras.ops.square((ages - years) / label_std) / 2, axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "label_std": self.label_std,
            "mae_weight": self.mae_weight,
            "label_std_slope": self.label_std_slope,
        }


def expectation(logits: Any) -> Any:
    """Years, (faces,), from logits over the ages, (faces, AGES)."""
    ages = keras.ops.arange(AGES, dtype="float32")
    return keras.ops.sum(keras.ops.softmax(logits, axis=-1) * ages, axis=-1)


@keras.saving.register_keras_serializable("agelens")
def mae(y_true: Any, y_pred: Any) -> Any:
    """Absolute error of the expectation, years, for each face; of a group the years outside it.

    A mixed face has the mixed age, or the mixed group.
    """
    width = y_true.shape[1]
    if width in (2, 5):
        low, high = y_true[:, 0], y_true[:, 1]
        if width == 5:
            share = y_true[:, 4]
            low, high = share * low + (1 - share) * y_true[:, 2], share * high + (1 - share) * y_true[:, 3]
        years = expectation(y_pred)
        return keras.ops.maximum(keras.ops.maximum(low - years, years - high), 0.0)
    years = y_true[:, 0]
    if width == 3:
        years = y_true[:, 2] * years + (1 - y_true[:, 2]) * y_true[:, 1]
    return keras.ops.abs(expectation(y_pred) - years)


@keras.saving.register_keras_serializable("agelens")
class GenderLoss(keras.losses.Loss):
    """Binary cross-entropy that leaves out faces whose gender is not labelled (-1).

    Labels are 0, 1 or -1, (faces, 1), or, of mixed faces, both labels and the share of the first, (faces, 3).
    """

    def __init__(self, name: str = "gender_loss", **rest: Any) -> None:
        super().__init__(name=name, **rest)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Of labels and the logit of female, (faces, 1); 0 for what is not labelled."""
        first = _entropy(y_true[:, 0], y_pred[:, 0])
        if y_true.shape[1] == 1:
            return first
        return y_true[:, 2] * first + (1 - y_true[:, 2]) * _entropy(y_true[:, 1], y_pred[:, 0])


def _entropy(labels: Any, logits: Any) -> Any:
    """Cross-entropy, (faces,), 0 where the label is -1."""
    ops = keras.ops
    value = ops.maximum(labels, 0.0)
    entropy = ops.maximum(logits, 0.0) - logits * value + ops.softplus(-ops.abs(logits))
    return ops.where(labels >= 0, entropy, 0.0)


@keras.saving.register_keras_serializable("agelens")
class GenderAccuracy(keras.metrics.Mean):
    """The share of labelled faces whose logit is on the right side; labels as of `GenderLoss`."""

    def __init__(self, name: str = "accuracy", **rest: Any) -> None:
        super().__init__(name=name, **rest)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch; a mixed face counts where both are labelled."""
        ops = keras.ops
        labels, known = y_true[:, 0], y_true[:, 0] >= 0
        if y_true.shape[1] == 3:
            known = ops.logical_and(known, y_true[:, 1] >= 0)
            labels = y_true[:, 2] * labels + (1 - y_true[:, 2]) * y_true[:, 1]
        right = ops.equal(labels > 0.5, y_pred[:, 0] > 0)
        super().update_state(ops.cast(right, "float32"), sample_weight=ops.cast(known, "float32"))
