"""Losses and metrics of fine-tuning."""

from typing import Any

import keras

AGES = 117


@keras.saving.register_keras_serializable("agelens")
class AgeLoss(keras.losses.Loss):
    """Cross-entropy against a discretised normal distribution around the label, and the error of the expectation.

    Args:
        spread: standard deviation of that distribution at 0 years, in years.
        absolute: weight of the absolute error.
        growth: what each year of the label adds to the standard deviation.
    """

    def __init__(
        self,
        spread: float = 2.0,
        absolute: float = 0.1,
        growth: float = 0.0,
        name: str = "age_loss",
        **rest: Any,
    ) -> None:
        super().__init__(name=name, **rest)
        self.spread, self.absolute, self.growth = spread, absolute, growth

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Of years, (faces, 1) or, of mixed faces, (faces, 3) as `ViewBatches` says, and logits, (faces, AGES)."""
        ops = keras.ops
        wanted = self._wanted(y_true[:, :1])
        if y_true.shape[1] == 3:
            share = y_true[:, 2:]
            wanted = share * wanted + (1 - share) * self._wanted(y_true[:, 1:2])
        entropy = -ops.sum(wanted * ops.log_softmax(y_pred, axis=-1), axis=-1)
        return entropy + self.absolute * mae(y_true, y_pred)

    def _wanted(self, years: Any) -> Any:
        ages = keras.ops.arange(AGES, dtype="float32")
        spread = self.spread + self.growth * years
        return keras.ops.softmax(-keras.ops.square((ages - years) / spread) / 2, axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "spread": self.spread,
            "absolute": self.absolute,
            "growth": self.growth,
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
