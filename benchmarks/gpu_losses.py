"""Losses of ages that are known exactly or as a group, of genders, and of what teachers say.

PyTorch is not in the project's lock file: `pip install torch`. `gpu_finetune.py` uses this; it is no program.
"""

from dataclasses import dataclass

import torch
from torch.nn import functional

Outputs = tuple[torch.Tensor, torch.Tensor]


@dataclass(frozen=True)
class Targets:
    """The labels of a batch, float32 (faces,) each.

    Attributes:
        low, high: first and last year of the age group; equal where the age is known exactly.
        gender: 1 for female, 0 for male.
    """

    low: torch.Tensor
    high: torch.Tensor
    gender: torch.Tensor

    def take(self, rows: torch.Tensor) -> "Targets":
        return Targets(self.low[rows], self.high[rows], self.gender[rows])


@dataclass(frozen=True)
class Mixup:
    """Which face each face is mixed with, (faces,), and the weight of the face itself, float32 (faces,)."""

    weight: torch.Tensor
    partner: torch.Tensor


def age_loss(
    logits: torch.Tensor,
    targets: Targets,
    label_std: float = 0.5,
    label_std_slope: float = 0.08,
    mae_weight: float = 0.1,
) -> torch.Tensor:
    """Return the loss of each face, (faces,).

    An exact age gives the cross-entropy with a discrete normal distribution around it. An age group gives minus the
    logarithm of the group's probability: the likelihood of an interval-censored age. Both add the years by which the
    expected age lies outside.

    Args:
        logits: of the ages from 0 up, (faces, ages).
        label_std, label_std_slope: years of standard deviation at age 0, and what each year of age adds.
    """
    ages = torch.arange(logits.shape[1], device=logits.device, dtype=torch.float32)
    log_probability = functional.log_softmax(logits, -1)
    low, high = targets.low[:, None], targets.high[:, None]
    wanted = torch.softmax(-(((ages - low) / (label_std + label_std_slope * low)) ** 2) / 2, -1)
    inside = (ages >= low) & (ages <= high)
    group = -torch.logsumexp(log_probability.masked_fill(~inside, -1e4), -1)
    exact = targets.low == targets.high
    entropy = torch.where(exact, -(wanted * log_probability).sum(-1), group)
    mean = (log_probability.exp() * ages).sum(-1)
    outside = torch.clamp(targets.low - mean, min=0) + torch.clamp(mean - targets.high, min=0)
    return entropy + mae_weight * outside


def label_losses(
    outputs: Outputs, targets: Targets, mixup: Mixup | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the losses of age and of gender, means over a batch."""
    logits, female = outputs
    age, gender = age_loss(logits, targets), targets.gender
    if mixup is not None:
        weight, other = mixup.weight, targets.take(mixup.partner)
        age = weight * age + (1 - weight) * age_loss(logits, other)
        gender = weight * gender + (1 - weight) * other.gender
    return age.mean(), functional.binary_cross_entropy_with_logits(female, gender)


def distillation_loss(outputs: Outputs, taught: Outputs, gender_loss_weight: float) -> torch.Tensor:
    """Cross-entropy with a teacher's probabilities of the ages, (faces, ages), and of female, (faces,)."""
    age = -(taught[0] * functional.log_softmax(outputs[0], -1)).sum(-1).mean()
    return age + gender_loss_weight * functional.binary_cross_entropy_with_logits(outputs[1], taught[1])
