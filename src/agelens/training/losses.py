"""Losses and metrics of fine-tuning."""

from typing import Any

import keras

AGES = 117


@keras.saving.register_keras_serializable("agelens")
class AgeLoss(keras.losses.Loss):
    """Cross-entropy against a discretised normal distribution around the label, and the error of the expectation.

    Args:
        label_std: standard deviation of that distribution at 0 years, in years.
        mae_weight: weight of the absolute error.
        label_std_slope: what each year of the label adds to the standard deviation.
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
        """Of years, (faces, 1) or, of mixed faces, (faces, 3) as `ViewBatches` says, and logits, (faces, AGES)."""
        ops = keras.ops
        wanted = self._wanted(y_true[:, :1])
        if y_true.shape[1] == 3:
            share = y_true[:, 2:]
            wanted = share * wanted + (1 - share) * self._wanted(y_true[:, 1:2])
        entropy = -ops.sum(wanted * ops.log_softmax(y_pred, axis=-1), axis=-1)
        return entropy + self.mae_weight * mae(y_true, y_pred)

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
    """Absolute error of the expectation, years, for each face; a mixed face has the mixed age."""
    years = y_true[:, 0]
    if y_true.shape[1] == 3:
        years = y_true[:, 2] * years + (1 - y_true[:, 2]) * y_true[:, 1]
    return keras.ops.abs(expectation(y_pred) - years)
