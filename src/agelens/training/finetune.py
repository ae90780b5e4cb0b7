"""Fine-tuning a network that learned faces: one network for age, as a distribution, and for gender.

The layers below a freeze point stay as they are. What they give is computed once for each image and some randomly
altered copies of it (`agelens.data.augmentation`), through OpenVINO, and kept on disk; the layers above the freeze
point learn from that, which on a processor takes half of the time of learning from the images, or less. With
``unfreeze_stages=0`` every layer learns, from the images. Beside the labels it may learn what a bundle says of each
face (`agelens.training.teacher`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from agelens.bundles.bundle import Bundle
from agelens.data.splits import learning_splits, without_conflicts
from agelens.models.layers import dtype_policy
from agelens.training.finetune_recipe import FineTuning
from agelens.training.labels import lacks_genders
from agelens.training.learning_recipe import LearningRecipe
from agelens.training.losses import AGES, AgeLoss, GenderAccuracy, GenderLoss, mae
from agelens.training.mixup import ViewBatches, train_batches
from agelens.training.partial_freezing import PartlyFrozen
from agelens.training.teacher import TAUGHT, ask_teacher
from agelens.training.trainer import Training, fit, network_file
from agelens.utils.progress import Track, quiet

# How many faces tell the means and variances of averages.
STANDARD_FACES = 4096


def build_network(learning: keras.Model, recipe: FineTuning) -> keras.Model:
    """The layers above the freeze point and the head: "age", logits over 0 to 116 years, and "gender", the logit of
    female.
    """
    maps = keras.Input(learning.input_shape[1:], name="maps")
    hidden = keras.layers.Dropout(recipe.dropout, dtype="float32")(learning(maps))
    # The head computes in float32: a softmax over 117 ages needs its digits.
    hidden = keras.layers.Dense(
        recipe.hidden, "relu", kernel_initializer="he_normal", dtype="float32", name="hidden"
    )(hidden)
    hidden = keras.layers.Dropout(recipe.dropout, dtype="float32")(hidden)
    widths = {"age": AGES, "gender": 1}
    outputs = {
        task: keras.layers.Dense(widths[task], dtype="float32", name=task)(hidden) for task in recipe.tasks
    }
    if recipe.teacher:
        # The same numbers under another name, which are held against the teacher's.
        outputs |= {
            (name := TAUGHT.format(task)): keras.layers.Identity(dtype="float32", name=name)(outputs[task])
            for task in recipe.tasks
        }
    return keras.Model(maps, outputs, name="finetuned")


def compile_fine_tuning(
    network: keras.Model, recipe: FineTuning, steps: int, warming: bool, lacks_genders: bool = False
) -> None:
    """Set losses, metrics and AdamW.

    Args:
        steps: batches of an epoch.
        warming: teach the head alone.
        lacks_genders: some faces have no gender, and the loss leaves them out.
    """
    learning = network.get_layer("learning_part")
    learning.trainable = not warming
    for layer in learning.layers:
        # Their statistics are those of millions of faces; a few thousand would only shake them. Said here and not once
        # for all, since the line above reaches every layer.
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    if warming:
        rate: Any = recipe.head_rate
    else:
        total = recipe.epochs * steps
        rate = keras.optimizers.schedules.CosineDecay(
            0.0, total, warmup_target=recipe.learning_rate, warmup_steps=total // 20
        )
    optimizer = keras.optimizers.AdamW(
        rate,
        weight_decay=recipe.weight_decay,
        clipnorm=1.0,
        use_ema=not warming,
        ema_momentum=recipe.ema_momentum,
    )
    losses = task_losses(recipe, lacks_genders)
    network.compile(
        optimizer, **(_with_teacher(losses, recipe) if recipe.teacher else losses), jit_compile=False
    )


def task_losses(recipe: LearningRecipe, lacks_genders: bool = False) -> dict[str, Any]:
    """Return the losses, their weights and the metrics of a network for ages and genders, as Keras compiles them.

    Args:
        lacks_genders: some faces have no gender, and the loss leaves them out.
    """
    entropy = keras.losses.BinaryCrossentropy(from_logits=True)
    losses = {
        "age": AgeLoss(recipe.label_std, recipe.mae_weight, recipe.label_std_slope),
        "gender": GenderLoss() if lacks_genders else entropy,
    }
    accuracy = keras.metrics.BinaryAccuracy("accuracy", threshold=0.0)
    metrics = {"age": mae, "gender": GenderAccuracy() if lacks_genders else accuracy}
    weights = {"age": 1.0, "gender": recipe.gender_loss_weight}
    return {
        "loss": {task: losses[task] for task in recipe.tasks},
        "loss_weights": {task: weights[task] for task in recipe.tasks} if len(recipe.tasks) > 1 else None,
        "metrics": {task: [metrics[task]] for task in recipe.tasks},
    }


def _with_teacher(losses: dict[str, Any], recipe: FineTuning) -> dict[str, Any]:
    """The same losses, and cross-entropies against what a teacher says, in the shares that the recipe gives them."""
    share = recipe.distillation_weight
    weights = losses["loss_weights"] or dict.fromkeys(recipe.tasks, 1.0)
    taught = {
        "age": keras.losses.CategoricalCrossentropy(from_logits=True),
        "gender": keras.losses.BinaryCrossentropy(from_logits=True),
    }
    return {
        "loss": losses["loss"] | {TAUGHT.format(task): taught[task] for task in recipe.tasks},
        "loss_weights": {task: (1 - share) * weights[task] for task in recipe.tasks}
        | {TAUGHT.format(task): share * weights[task] for task in recipe.tasks},
        "metrics": losses["metrics"],
    }


def standardize_features(learning: keras.Model, train: ViewBatches, batch_size: int) -> None:
    """Set the statistics of the layers behind the averages to those of training faces, as they are in epoch 0."""
    maps = train.take(np.arange(min(train.rows, STANDARD_FACES)))
    # Before they are set, the layers pass on what they get: mean 0 and variance 1 are where they begin.
    averages = np.asarray(learning.predict(maps, batch_size=batch_size, verbose=0), np.float64)
    start = 0
    for name in sorted(layer.name for layer in learning.layers if layer.name.startswith("pooled_")):
        layer = learning.get_layer(name)
        values = averages[:, start : start + layer.moving_mean.shape[0]]
        layer.set_weights([values.mean(axis=0), values.var(axis=0)])
        start += values.shape[1]
    assert start == averages.shape[1]


@dataclass(frozen=True)
class WarmUpState:
    """A warm-up: its states, its seed and what it is made of, as `agelens.training.trainer.fit` takes them."""

    folder: Path
    seed: int
    identity: dict[str, Any]


def finetune(
    table: pd.DataFrame,
    parts: PartlyFrozen,
    recipe: FineTuning,
    folder: Path,
    seed: int,
    identity: dict[str, Any],
    cache: Path | None = None,
    track: Track = quiet,
    warm_up: WarmUpState | None = None,
    teacher: Bundle | None = None,
) -> tuple[keras.Model, Training]:
    """Fine-tune on the training split and choose the epoch on the validation split.

    Args:
        table: a face table with groups that is split.
        folder: takes the states of the warm-up and of the training.
        warm_up: the warm-up to go on from, where another training made it; None makes one in ``folder``.
        teacher: the bundle that the recipe names as one.

    Returns:
        the network of `build_network`, its weights the average of those of the best and of the last epoch, which are
        moving averages themselves, and how its training went.
    """
    splits = learning_splits(table)
    learning, rows = without_conflicts(splits["train"]).reset_index(drop=True), splits["validation"]
    taught = [
        ask_teacher(teacher, some, recipe.tasks, folder.parent, track) if teacher else {}
        for some in (learning, rows)
    ]
    validation = train_batches(parts, rows, recipe, seed, cache, track, False, taught[1])
    start = warm_up or WarmUpState(folder / "warmup", seed, identity)
    keras.utils.set_random_seed(start.seed)
    with dtype_policy(recipe.precision):
        network = build_network(parts.learning, recipe)
    train = train_batches(parts, learning, recipe, seed, cache, track, True, taught[0])
    if recipe.standardize_features:
        standardize_features(network.get_layer("learning_part"), train, recipe.batch_size)
    partly = "gender" in recipe.tasks and lacks_genders(table)
    compile_fine_tuning(network, recipe, len(train), warming=True, lacks_genders=partly)
    warm = replace(recipe, name=f"{recipe.name} warm-up", epochs=recipe.warmup)
    network, _ = fit(network, warm, train, validation, start.folder, start.seed, start.identity, track)
    compile_fine_tuning(network, recipe, len(train), warming=False, lacks_genders=partly)
    network, training = fit(
        network, recipe, train, validation, folder, seed, identity, track,
        callbacks=[keras.callbacks.SwapEMAWeights()],
    )  # fmt: skip
    _take_averages(network)
    if len(kept_epochs(training)) > 1:
        # After the best epoch ages still become better and gender only surer of itself; the average of both epochs'
        # weights has the first with little of the second (benchmarks/research-log.md).
        last = keras.saving.load_model(network_file(folder, training.epochs_run))
        _take_averages(last)
        network.set_weights(average_weights([network.get_weights(), last.get_weights()]))
    return network, training


def kept_epochs(training: Training) -> list[int]:
    """The epochs whose weights `finetune` averages, counted from 1: the best and the last, or one that is both."""
    return sorted({training.best_epoch, training.epochs_run})


def _take_averages(network: keras.Model) -> None:
    """Give a network the moving averages of its weights, which its optimizer keeps."""
    network.optimizer.finalize_variable_values(network.trainable_variables)


def average_weights(members: Sequence[list[np.ndarray]]) -> list[np.ndarray]:
    """The averages of networks' weights, as `keras.Model.get_weights` gives them, each of its own dtype."""
    return [
        np.mean(weights, axis=0, dtype=np.float64).astype(weights[0].dtype)
        for weights in zip(*members, strict=True)
    ]
