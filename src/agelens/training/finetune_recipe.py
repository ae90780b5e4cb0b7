"""The recipe of fine-tuning: every number that decides how a face network learns age and gender."""

from dataclasses import dataclass, field
from typing import Any

from agelens.errors import AgeLensError
from agelens.runtime.execution import supports_bfloat16
from agelens.training.learning_recipe import LearningRecipe


@dataclass(frozen=True)
class FineTuning(LearningRecipe):
    """How a face network is fine-tuned.

    Attributes:
        name: for the card.
        tasks: what it learns, "age" and "gender" or one of them.
        image_size: pixels of the square that the face network sees; None is what its file says.
        unfreeze_stages: how many resolutions, from the coarsest, learn; 0 lets every layer learn.
        pooled: how many resolutions, from the coarsest, give their averages to the head; at most those that learn.
        standardize_features: bring each average to mean 0 and variance 1 over the training faces; otherwise the
            averages of each face are brought to them together (layer normalisation).
        crop_scale: share of the input's side that the crop takes; its edges are repeated around it, since UTKFace's
            crops are tighter than those that face networks learned from.
        crop_shift_y: share of the side by which the crop then lies below the middle.
        hidden: units of the head's hidden layer.
        dropout: share of pooled features, and of hidden units, dropped in training.
        mixup_alpha: faces are mixed in pairs, with a share drawn from Beta(mixup_alpha, mixup_alpha) (mixup, Zhang et
            al. 2018); 0 leaves them as they are.
        epochs_without_mixup: last epochs, in which faces are not mixed: mixing helps against learning by heart, and
            draws the very young and the very old towards the middle. A training of no more epochs than these mixes
            none.
        augmented_views: randomly altered copies of each image that are computed where layers stay as they are.
        view_seed: of those copies; trainings with other seeds share them.
        label_std: standard deviation, in years, of the distribution that stands for a newborn's label (Gao et al.
            2017), before it is cut off at 0 and taken at whole years.
        label_std_slope: how much wider that distribution is for each year of the label: ages of the old are
            guessed, and look alike over more years, than those of children.
        mae_weight: weight of the mean absolute error of the expectation beside the cross-entropy, in years.
        gender_loss_weight: weight of gender's loss where age is learned too, whose loss is some twenty times as large.
        teacher: SHA-256 of the network whose predictions are learned beside the labels (knowledge distillation, Hinton
            et al. 2015); "" for none.
        distillation_weight: share of the teacher's predictions in the loss; the labels have the rest.
        warmup: epochs in which the head alone learns.
        epochs: in which head and layers above the freeze point learn.
        learning_rate: at the start, of both; it falls along a cosine to 0.
        head_rate: of the warm-up.
        weight_decay: decoupled weight decay (Loshchilov and Hutter 2019).
        ema_momentum: momentum of the moving average of the weights that is kept in the end.
        batch_size: faces a step.
        source_balance: how far sources of different sizes are drawn equally often, 0 (by their sizes) to 1 (equally).
        age_balance: the same of bands of ten years within a source.
        precision: "mixed_bfloat16" or "float32", of what learns. By itself bfloat16 where the processor computes in it:
            elsewhere it is emulated, and takes three times as long as float32.
        soup_size: how many trainings, from one warm-up and seeds that follow its own, have their weights averaged in
            the end (Wortsman et al. 2022).
    """

    name: str = "finetune"
    tasks: tuple[str, ...] = ("age", "gender")
    image_size: int | None = None
    unfreeze_stages: int = 2
    pooled: int = 2
    standardize_features: bool = False
    crop_scale: float = 0.9
    crop_shift_y: float = 0.03
    hidden: int = 512
    dropout: float = 0.4
    mixup_alpha: float = 0.3
    epochs_without_mixup: int = 2
    augmented_views: int = 12
    view_seed: int = 42
    label_std: float = 0.5
    label_std_slope: float = 0.08
    mae_weight: float = 0.1
    gender_loss_weight: float = 3.0
    teacher: str = ""
    distillation_weight: float = 0.6
    warmup: int = 2
    epochs: int = 16
    learning_rate: float = 2e-4
    head_rate: float = 1e-3
    weight_decay: float = 0.05
    ema_momentum: float = 0.998
    batch_size: int = 64
    source_balance: float = 0.5
    age_balance: float = 0.0
    precision: str = field(default_factory=lambda: "mixed_bfloat16" if supports_bfloat16() else "float32")
    soup_size: int = 1

    def __post_init__(self) -> None:
        if self.label_std <= 0 or self.label_std_slope < 0:
            raise ValueError("label_std is above 0, and label_std_slope not below.")
        if not 0 < self.crop_scale <= 1:
            raise ValueError(
                "crop_scale, the share of the side that the crop takes, is above 0 and at most 1."
            )
        if not (0 <= self.dropout < 1 and 0 <= self.ema_momentum < 1):
            raise ValueError("The dropout and the momentum of the average are at least 0 and below 1.")
        if min(self.warmup, self.hidden) < 1:
            raise ValueError("The numbers of warm-up epochs and hidden units are at least 1.")
        if min(self.augmented_views, self.soup_size) < 1:
            raise AgeLensError(
                "augmented_views and soup_size (--augmented-views, --soup-size) are at least 1 for --recipe finetune."
            )
        self.check()

    def settings(self) -> dict[str, Any]:
        settings = super().settings()
        if not self.teacher:
            # A training without a teacher is what it was before there were any.
            del settings["teacher"], settings["distillation_weight"]
        return settings
