"""What the recipes have in common by which a network learns age, as a distribution, and gender together."""

from dataclasses import asdict, replace
from typing import Any, Self

from agelens.bundles.bundle import BOTH
from agelens.errors import AgeLensError


class LearningRecipe:
    """A frozen dataclass of settings is made a recipe that `agelens.training.trainer.fit` takes.

    Attributes:
        tasks: what is learned, "age" and "gender" or one of them.
        label_std, label_std_slope, mae_weight: of `agelens.training.losses.AgeLoss`.
        gender_loss_weight: weight of gender's loss where age is learned too.
        epochs, batch_size: of the training.
        source_balance, age_balance: of `agelens.training.sampling.sampling_weights`.
    """

    tasks: tuple[str, ...]
    label_std: float
    label_std_slope: float
    mae_weight: float
    gender_loss_weight: float
    epochs: int
    batch_size: int
    source_balance: float
    age_balance: float

    # The best epoch is chosen, but training never ends early.
    patience = 0
    monitor = "val_loss"

    def check(self) -> None:
        """Refuse, with an AgeLensError, what a person may have asked for: no share, or a number below 1."""
        if not (0 <= self.source_balance <= 1 and 0 <= self.age_balance <= 1):
            raise AgeLensError(
                "source_balance and age_balance (--source-balance, --age-balance) lie between 0 and 1."
            )
        if min(self.epochs, self.batch_size) < 1:
            raise AgeLensError("epochs and batch_size (--epochs, --batch-size) are at least 1.")

    def replace(self, **changes: Any) -> Self:
        """The recipe with some settings replaced; settings given as None stay."""
        given = {key: value for key, value in changes.items() if value is not None}
        return replace(self, **given)  # type: ignore[type-var]

    def settings(self) -> dict[str, Any]:
        return {**asdict(self), "tasks": list(self.tasks)}  # type: ignore[call-overload]

    @property
    def task(self) -> str:
        """ "age", "gender" or "both"."""
        return BOTH if len(self.tasks) > 1 else self.tasks[0]

    @property
    def metric(self) -> str:
        """The figure shown beside the progress bar."""
        if len(self.tasks) > 1:
            return "age_mae"
        return "mae" if self.tasks == ("age",) else "accuracy"
