"""The recipe of adapting a bundle: every number that decides how its heads learn from other data."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from agelens.bundles.bundle import BOTH


@dataclass(frozen=True)
class Adaptation:
    """How the heads of a bundle learn from other faces; its encoders stay as they are.

    Attributes:
        name: for the card.
        tasks: what the bundle predicts.
        dropout: share of features, and of hidden units, dropped in training.
        mixup_alpha, epochs_without_mixup: as in `agelens.training.finetune_recipe.FineTuning`.
        augmented_views: chance changes of each face that are learned from, beside the face as it is.
        view_seed: of those changes.
        label_std, label_std_slope, mae_weight, gender_loss_weight: as in `FineTuning`.
        epochs, batch_size: of the training.
        learning_rate: at the start; it falls along a cosine to 0.
        weight_decay: decoupled weight decay.
        source_balance, age_balance: as in `FineTuning`.
    """

    name: str = "adapt"
    tasks: tuple[str, ...] = ("age", "gender")
    dropout: float = 0.4
    mixup_alpha: float = 0.0
    epochs_without_mixup: int = 0
    augmented_views: int = 1
    view_seed: int = 42
    label_std: float = 0.5
    label_std_slope: float = 0.08
    mae_weight: float = 0.1
    gender_loss_weight: float = 3.0
    epochs: int = 8
    batch_size: int = 256
    learning_rate: float = 5e-4
    weight_decay: float = 0.05
    source_balance: float = 0.5
    age_balance: float = 0.0

    def replace(self, **changes: Any) -> "Adaptation":
        """The recipe with some settings replaced; settings given as None stay."""
        return replace(self, **{key: value for key, value in changes.items() if value is not None})

    @property
    def task(self) -> str:
        """ "age", "gender" or "both"."""
        return BOTH if len(self.tasks) > 1 else self.tasks[0]

    def settings(self) -> dict[str, Any]:
        return {**asdict(self), "tasks": list(self.tasks)}

    # What `agelens.training.trainer.fit` asks of a recipe.
    patience = 0

    @property
    def monitor(self) -> str:
        return "val_loss"

    @property
    def metric(self) -> str:
        """The figure shown beside the progress bar."""
        if len(self.tasks) > 1:
            return "age_mae"
        return "mae" if self.tasks == ("age",) else "accuracy"
