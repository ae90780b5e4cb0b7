"""Train one network on the device: augmentation, mixup, teachers, a moving average of the weights, validation.

PyTorch is not in the project's lock file: `pip install torch`. `gpu_finetune.py` uses this; it is no program.
"""

import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from gpu_augment import Draws, augment
from gpu_encoder import AgeGenderNetwork
from gpu_faces import TRAIN, VALIDATION, Faces, Padding, sampling_weights
from gpu_figures import measure
from gpu_losses import Mixup, Outputs, Targets, distillation_loss, label_losses

START = time.time()
# Share of the steps over which the learning rate rises.
_WARM_UP = 0.03


@dataclass(frozen=True)
class Config:
    """What all networks share; `gpu_finetune.py --help` explains each."""

    batch_size: int
    head_learning_rate: float
    weight_decay: float
    dropout: float
    ema_momentum: float
    mixup_alpha: float
    epochs_without_mixup: int
    gender_loss_weight: float
    utkface_share: float
    balance_power: float
    distillation_weight: float
    validate_every: int
    augmented_size: int
    max_seconds: float


@dataclass(frozen=True)
class EncoderSpec:
    """A pretrained encoder: its two files without suffixes, where crops lie in its square, how features are scaled."""

    path: Path
    padding: Padding
    standardize_features: bool


@dataclass(frozen=True)
class Run:
    """One training: its name in what is printed, its encoder, and what differs from other trainings."""

    name: str
    encoder: EncoderSpec
    seed: int
    epochs: int
    learning_rate: float
    initial_state: dict[str, torch.Tensor] | None = None
    teacher: AgeGenderNetwork | None = None
    teacher_padding: Padding | None = None


def say(*words: object) -> None:
    """Print with the seconds since the start."""
    print(f"[{time.time() - START:6.1f}]", *words, flush=True)


def build_network(encoder: EncoderSpec, dropout: float, device: torch.device) -> AgeGenderNetwork:
    network = AgeGenderNetwork(encoder.path, 512, dropout, encoder.standardize_features)
    return network.to(device).to(memory_format=torch.channels_last)


@torch.no_grad()
def predict(
    network: AgeGenderNetwork,
    faces: Faces,
    rows: torch.Tensor,
    padding: Padding,
    batch_size: int = 1024,
    flip: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities of the ages, float32 (rows, AGES), and logits of female, float32 (rows,)."""
    network.eval()
    ages, females = [], []
    for some in rows.split(batch_size):
        x = padding.frame(faces.pixels[some])
        with bfloat16(x):
            age, female = network(x.flip(-1) if flip else x)
        ages.append(age.float().softmax(-1))
        females.append(female.float())
    return torch.cat(ages).cpu().numpy(), torch.cat(females).cpu().numpy()


def report(name: str, age: np.ndarray, female: np.ndarray, labels: dict[str, np.ndarray]) -> dict[str, float]:
    """Measure predictions and print the figures."""
    figures = measure(age, female, labels)
    say(name, " ".join(f"{figure} {value:.4f}" for figure, value in figures.items()))
    return figures


def bfloat16(pixels: torch.Tensor) -> torch.autocast:
    """Compute in bfloat16 on a GPU, and in float32 elsewhere."""
    return torch.autocast("cuda", torch.bfloat16, enabled=pixels.is_cuda)


class MovingAverage:
    """An exponential moving average of the weights that learn; over few steps at first."""

    def __init__(self, network: AgeGenderNetwork, momentum: float) -> None:
        self._live = {name: value for name, value in network.named_parameters() if value.requires_grad}
        self._averages = [value.detach().clone() for value in self._live.values()]
        self._momentum, self._steps = momentum, 0

    @torch.no_grad()
    def update(self) -> None:
        self._steps += 1
        momentum = min(self._momentum, (1 + self._steps) / (10 + self._steps))
        torch._foreach_mul_(self._averages, momentum)
        torch._foreach_add_(self._averages, list(self._live.values()), alpha=1 - momentum)

    @torch.no_grad()
    def copy_to(self, network: AgeGenderNetwork) -> None:
        parameters = dict(network.named_parameters())
        for name, average in zip(self._live, self._averages, strict=True):
            parameters[name].copy_(average)


class Trainer:
    """Train a network on the training split; `fit` returns the one with averaged weights and its validation figures."""

    def __init__(self, faces: Faces, config: Config, run: Run) -> None:
        torch.manual_seed(run.seed)
        self.faces, self.config, self.run = faces, config, run
        self.rows, self.validation = faces.rows(TRAIN), faces.rows(VALIDATION)
        device = faces.pixels.device
        self.network = build_network(run.encoder, config.dropout, device)
        self.draws = Draws(run.seed, device)
        if run.initial_state is not None:
            self.network.load_state_dict(run.initial_state)
        elif run.encoder.standardize_features:
            self._standardize()
        self.averaged = build_network(run.encoder, config.dropout, device)
        self.averaged.load_state_dict(self.network.state_dict())
        self.average = MovingAverage(self.network, config.ema_momentum)
        self.optimizer = self._make_optimizer()
        self.weights = sampling_weights(faces.labels, self.rows, config.utkface_share, config.balance_power)
        self.steps = len(self.rows) // config.batch_size
        self.step = 0

    @torch.no_grad()
    def _standardize(self) -> None:
        """Set the statistics of the features to those of 4,096 training faces."""
        some = self.rows[self.draws.order(len(self.rows))[:4096]]
        batches = []
        for rows in some.split(512):
            x = self.run.encoder.padding.frame(self.faces.pixels[rows])
            with bfloat16(x):
                batches.append(self.network.encoder(x))
        for i, features in enumerate(zip(*batches, strict=True)):
            values = torch.cat(features).float()
            self.network.means[i].data.copy_(values.mean(0))
            self.network.variances[i].data.copy_(values.var(0))

    def _make_optimizer(self) -> torch.optim.AdamW:
        groups: dict[bool, list[torch.nn.Parameter]] = {True: [], False: []}
        for name, value in self.network.named_parameters():
            if value.requires_grad:
                groups[name.startswith("encoder.")].append(value)
        rates = {True: self.run.learning_rate, False: self.config.head_learning_rate}
        return torch.optim.AdamW(
            [{"params": groups[one], "lr": rates[one], "peak": rates[one]} for one in (True, False)],
            weight_decay=self.config.weight_decay,
            fused=self.faces.pixels.is_cuda,
        )

    def fit(self) -> tuple[AgeGenderNetwork, list[dict[str, float]]]:
        config, run = self.config, self.run
        begun, history = time.time(), []
        for epoch in range(run.epochs):
            losses = self._train_epoch(mixing=epoch < run.epochs - config.epochs_without_mixup)
            seconds = time.time() - begun
            if (epoch + 1) % config.validate_every == 0 or epoch + 1 == run.epochs:
                self.average.copy_to(self.averaged)
                title = f"{run.name} epoch {epoch + 1}/{run.epochs} {seconds:.0f} s, loss " + " ".join(
                    f"{loss:.3f}" for loss in losses
                )
                predictions = predict(self.averaged, self.faces, self.validation, run.encoder.padding)
                figures = report(title, *predictions, self.faces.labels_of(self.validation))
                history.append({"epoch": epoch + 1, "seconds": round(time.time() - begun, 1), **figures})
            if seconds > config.max_seconds:
                say(run.name, "out of time after epoch", epoch + 1)
                break
        self.average.copy_to(self.averaged)
        return self.averaged.eval(), history

    def _train_epoch(self, mixing: bool) -> list[float]:
        """Return the means of the whole loss, of age's and of gender's."""
        self.network.train()
        size = self.config.batch_size
        drawn = torch.multinomial(
            self.weights, self.steps * size, replacement=True, generator=self.draws.generator
        )
        losses = torch.zeros(3, device=drawn.device)
        for chosen in self.rows[drawn].split(size):
            losses += self._train_step(chosen, mixing)
        return (losses / self.steps).tolist()

    def _train_step(self, chosen: torch.Tensor, mixing: bool) -> torch.Tensor:
        self._set_learning_rate()
        x, mixup, taught = self._make_batch(chosen, mixing)
        framed = self.run.encoder.padding.frame(x)
        with bfloat16(framed):
            outputs = self.network(framed)
        labels = (self.faces.labels[name][chosen].float() for name in ("low", "high", "gender"))
        age, gender = label_losses(outputs, Targets(*labels), mixup)
        loss = age + self.config.gender_loss_weight * gender
        if taught is not None:
            share = self.config.distillation_weight
            distilled = distillation_loss(outputs, taught, self.config.gender_loss_weight)
            loss = (1 - share) * loss + share * distilled
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        learning = [value for group in self.optimizer.param_groups for value in group["params"]]
        torch.nn.utils.clip_grad_norm_(learning, 1.0, foreach=True)
        self.optimizer.step()
        self.average.update()
        self.step += 1
        return torch.stack([loss.detach(), age.detach(), gender.detach()])

    def _set_learning_rate(self) -> None:
        """A linear rise, under half a cosine that ends at 0."""
        total = self.steps * self.run.epochs
        factor = min(1.0, self.step / (_WARM_UP * total)) * 0.5 * (1 + math.cos(math.pi * self.step / total))
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * factor

    @torch.no_grad()
    def _make_batch(
        self, chosen: torch.Tensor, mixing: bool
    ) -> tuple[torch.Tensor, Mixup | None, Outputs | None]:
        """Return augmented crops from 0 to 255, how they were mixed, and what the teacher says of them."""
        x = augment(self.faces.pixels[chosen], self.config.augmented_size, self.draws)
        mixup = None
        if mixing:
            alpha, chance = self.config.mixup_alpha, np.random.default_rng([self.run.seed, self.step])
            drawn = chance.beta(alpha, alpha, len(chosen)).astype(np.float32)
            weight = torch.from_numpy(drawn).to(x.device)
            mixup = Mixup(torch.maximum(weight, 1 - weight), self.draws.order(len(chosen)))
            weight = mixup.weight[:, None, None, None]
            x = weight * x + (1 - weight) * x[mixup.partner]
        x = x.clamp(0, 255)
        if self.run.teacher is None:
            return x, mixup, None
        framed = self.run.teacher_padding.frame(x)
        with bfloat16(framed):
            age, female = self.run.teacher(framed)
        return x, mixup, (age.float().softmax(-1), female.float().sigmoid())
