"""The recipe of adapting a bundle: every number that decides how its heads learn from other data."""

from dataclasses import dataclass

from agelens.errors import AgeLensError
from agelens.training.learning_recipe import LearningRecipe


@dataclass(frozen=True)
class Adaptation(LearningRecipe):
    """How the heads of a bundle learn from other faces; its encoders stay as they are.

    Attributes:
        name: for the card.
        tasks: what the bundle predicts.
        dropout: share of features, and of hidden units, dropped in training.
        mixup_alpha, epochs_without_mixup: as in `agelens.training.finetune_recipe.FineTuning`.
        augmented_views: randomly altered copies of each face that are learned from, beside the face as it is.
        view_seed: of those copies.
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

    def __post_init__(self) -> None:
        if not 0 <= self.dropout < 1:
            raise ValueError("The dropout is at least 0 and below 1.")
        if self.augmented_views < 0:
            raise AgeLensError(
                "augmented_views (--augmented-views) is at least 0: then each face is learned as it is."
            )
        self.check()
