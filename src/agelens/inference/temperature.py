"""The temperature of gender: one number that makes stated probabilities as often right as they say."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Temperature:
    """A temperature by which logits are divided (Guo et al. 2017); no answer changes, only how sure it is.

    Attributes:
        value: above 1 makes a network less sure, below 1 surer; 1 leaves it as it is.
        faces: how many it was fitted on; 0 where it was not fitted.
    """

    value: float = 1.0
    faces: int = 0

    def __post_init__(self) -> None:
        if not (np.isfinite(self.value) and self.value > 0):
            raise ValueError(f"A temperature is a number above 0, not {self.value}.")

    def apply(self, logits: NDArray[np.floating]) -> NDArray[np.floating]:
        """Return probabilities, 0 to 1, from logits of any shape, in their precision."""
        # Of the logistic function the form that no logit makes overflow.
        return np.asarray(np.exp(-np.logaddexp(0, -np.asarray(logits) / self.value)))

    def apply_to_probabilities(self, probabilities: NDArray[np.floating]) -> NDArray[np.floating]:
        """Return probabilities from probabilities of a network that gives no logits; 0 and 1 stay."""
        return probabilities if self.value == 1 else self.apply(logit(probabilities))

    @classmethod
    def from_card(cls, entry: Mapping[str, Any]) -> "Temperature":
        """From what `to_card` gave. Raises ValueError, KeyError or TypeError where it is something else."""
        return cls(float(entry["value"]), int(entry["faces"]))

    def to_card(self) -> dict[str, Any]:
        """JSON for the card of a bundle."""
        return {"value": self.value, "faces": self.faces}


def logit(probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the logits of probabilities; of 0 and 1 they are infinite."""
    values = np.asarray(probabilities, np.float64)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(values) - np.log1p(-values))
