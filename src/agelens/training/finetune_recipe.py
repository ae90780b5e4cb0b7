"""The recipe of fine-tuning: every number that decides how a face network learns age and gender."""

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from agelens.bundles.bundle import BOTH
from agelens.runtime.execution import supports_bfloat16


@dataclass(frozen=True)
class FineTuning:
    """How a face network is fine-tuned.

    Attributes:
        name: for the card.
        tasks: what it learns, "age" and "gender" or one of them.
        side: pixels of the square that the face network sees; None is what its file says.
        stages: how many resolutions, from the coarsest, learn; 0 lets every layer learn.
        pooled: how many resolutions, from the coarsest, give their averages to the head; at most those that learn.
        standardise: bring each average to mean 0 and variance 1 over the training faces; otherwise the averages of each
            face are brought to them together (layer normalisation).
        inner: share of the input's side that the crop takes; its edges are repeated around it, since UTKFace's crops
            are tighter than those that face networks learned from.
        down: share of the side by which the crop then lies below the middle.
        hidden: units of the head's hidden layer.
        dropout: share of pooled features, and of hidden units, dropped in training.
        mixing: faces are mixed in pairs, with a share drawn from Beta(mixing, mixing) (mixup, Zhang et al. 2018); 0
            leaves them as they are.
        plain: last epochs, in which faces are not mixed: mixing helps against learning by heart, and draws the very
            young and the very old towards the middle. A training of no more epochs than these mixes none.
        views: chance changes of each image that are computed where layers stay as they are.
        view_seed: of those changes; trainings with other seeds share them.
        spread: standard deviation, in years, of the distribution that stands for a newborn's label (Gao et al. 2017),
            before it is cut off at 0 and taken at whole years.
        growth: how much wider that distribution is for each year of the label: ages of the old are guessed, and look
            alike over more years, than those of children.
        absolute: weight of the mean absolute error of the expectation beside the cross-entropy, in years.
        gender: weight of gender's loss where age is learned too, whose loss is some twenty times as large.
        warmup: epochs in which the head alone learns.
        epochs: in which head and layers above the cut learn.
        learning_rate: at the start, of both; it falls along a cosine to 0.
        head_rate: of the warm-up.
        decay: decoupled weight decay (Loshchilov and Hutter 2019).
        average: momentum of the moving average of the weights that is kept in the end.
        batch_size: faces a step.
        precision: "mixed_bfloat16" or "float32", of what learns. By itself bfloat16 where the processor computes in it:
            elsewhere it is emulated, and takes three times as long as float32.
        members: how many trainings, from one warm-up and seeds that follow its own, have their weights averaged in
            the end (Wortsman et al. 2022).
    """

    name: str = "finetune"
    tasks: tuple[str, ...] = ("age", "gender")
    side: int | None = None
    stages: int = 2
    pooled: int = 2
    standardise: bool = False
    inner: float = 0.9
    down: float = 0.03
    hidden: int = 512
    dropout: float = 0.4
    mixing: float = 0.3
    plain: int = 2
    views: int = 12
    view_seed: int = 42
    spread: float = 0.5
    growth: float = 0.08
    absolute: float = 0.1
    gender: float = 3.0
    warmup: int = 2
    epochs: int = 16
    learning_rate: float = 2e-4
    head_rate: float = 1e-3
    decay: float = 0.05
    average: float = 0.998
    batch_size: int = 64
    precision: str = field(default_factory=lambda: "mixed_bfloat16" if supports_bfloat16() else "float32")
    members: int = 1

    def __post_init__(self) -> None:
        if self.spread <= 0 or self.growth < 0:
            raise ValueError("The spread of a label is above 0, and its growth not below.")
        if not 0 < self.inner <= 1:
            raise ValueError("The share of the side that the crop takes, inner, is above 0 and at most 1.")
        if not (0 <= self.dropout < 1 and 0 <= self.average < 1):
            raise ValueError("The dropout and the momentum of the average are at least 0 and below 1.")
        if min(self.epochs, self.warmup, self.views, self.hidden, self.members, self.batch_size) < 1:
            raise ValueError(
                "The numbers of epochs, warmup, views, hidden units, members and faces a step are at least 1."
            )

    def with_(self, **changes: Any) -> "FineTuning":
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
