"""Fine-tuning a network that learned faces: one network for age, as a distribution, and for gender.

The layers below a cut stay as they are. What they give is computed once for each image and each of some chance
changes of it (`agelens.faces.augment`), through OpenVINO, and kept on disk; the layers above the cut learn from
that, which on a processor takes a third of the time of learning from the images. With ``stages=0`` every layer
learns, from the images.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agelens.errors import AgeLensError
from agelens.estimate.bundle import BOTH
from agelens.faces.batches import Batches, View, read_faces_at
from agelens.files import digest_json
from agelens.networks.backbones import Backbone, scale_layers
from agelens.networks.features import extract
from agelens.networks.specs import SCALINGS, BackboneSpec
from agelens.networks.train import Training, fit
from agelens.networks.trunks import Trunk, read_trunk
from agelens.progress import Track, quiet

AGES = 117


@dataclass(frozen=True)
class FineTuning:
    """How a face network is fine-tuned.

    Attributes:
        name: for the card.
        tasks: what it learns, "age" and "gender" or one of them.
        stages: how many resolutions, from the coarsest, learn; 0 lets every layer learn.
        pooled: how many resolutions, from the coarsest, give their averages to the head; at most those that learn.
        inner: share of the input's side that the crop takes; its edges are repeated around it, since UTKFace's crops
            are tighter than those that face networks learned from.
        down: share of the side by which the crop then lies below the middle.
        hidden: units of the head's hidden layer.
        dropout: share of pooled features, and of hidden units, dropped in training.
        views: chance changes of each image that are computed where layers stay as they are.
        view_seed: of those changes; trainings with other seeds share them.
        spread: standard deviation, in years, of the distribution that stands for a label (Gao et al. 2017).
        absolute: weight of the mean absolute error of the expectation beside the cross-entropy, in years.
        warmup: epochs in which the head alone learns.
        epochs: in which head and layers above the cut learn.
        learning_rate: at the start, of both; it falls along a cosine to 0.
        head_rate: of the warm-up.
        decay: decoupled weight decay (Loshchilov and Hutter 2019).
        average: momentum of the moving average of the weights that is kept in the end.
        batch_size: faces a step.
        precision: "mixed_bfloat16" or "float32", of what learns.
        members: how many trainings, from one warm-up and seeds that follow its own, have their weights averaged in
            the end (Wortsman et al. 2022).
    """

    name: str = "finetune"
    tasks: tuple[str, ...] = ("age", "gender")
    stages: int = 2
    pooled: int = 2
    inner: float = 0.9
    down: float = 0.03
    hidden: int = 512
    dropout: float = 0.4
    views: int = 8
    view_seed: int = 42
    spread: float = 2.0
    absolute: float = 0.1
    warmup: int = 2
    epochs: int = 8
    learning_rate: float = 2e-4
    head_rate: float = 1e-3
    decay: float = 0.05
    average: float = 0.998
    batch_size: int = 64
    precision: str = "mixed_bfloat16"
    members: int = 1

    def with_(self, **changes: Any) -> "FineTuning":
        """The recipe with some settings replaced; settings given as None stay."""
        return replace(self, **{key: value for key, value in changes.items() if value is not None})

    @property
    def task(self) -> str:
        """ "age", "gender" or "both"."""
        return BOTH if len(self.tasks) > 1 else self.tasks[0]

    def settings(self) -> dict[str, Any]:
        return {**asdict(self), "tasks": list(self.tasks)}

    # What `agelens.networks.train.fit` asks of a recipe.
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


@keras.saving.register_keras_serializable("agelens")
class AgeLoss(keras.losses.Loss):
    """Cross-entropy against a discretised normal distribution around the label, and the error of the expectation.

    Args:
        spread: standard deviation of that distribution, years.
        absolute: weight of the absolute error.
    """

    def __init__(
        self, spread: float = 2.0, absolute: float = 0.1, name: str = "age_loss", **rest: Any
    ) -> None:
        super().__init__(name=name, **rest)
        self.spread, self.absolute = spread, absolute

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Of years, (faces, 1), and logits, (faces, AGES)."""
        ops = keras.ops
        ages = ops.arange(AGES, dtype="float32")
        wanted = ops.softmax(-ops.square(ages - y_true) / (2 * self.spread**2), axis=-1)
        entropy = -ops.sum(wanted * ops.log_softmax(y_pred, axis=-1), axis=-1)
        return entropy + self.absolute * ops.abs(expectation(y_pred) - y_true[:, 0])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "spread": self.spread, "absolute": self.absolute}


def expectation(logits: Any) -> Any:
    """Years, (faces,), from logits over the ages, (faces, AGES)."""
    ages = keras.ops.arange(AGES, dtype="float32")
    return keras.ops.sum(keras.ops.softmax(logits, axis=-1) * ages, axis=-1)


@keras.saving.register_keras_serializable("agelens")
def mae(y_true: Any, y_pred: Any) -> Any:
    """Absolute error of the expectation, years, for each face."""
    return keras.ops.abs(expectation(y_pred) - y_true[:, 0])


@dataclass(frozen=True)
class Cut:
    """A trunk in two: what stays as it is, and what learns.

    Attributes:
        frozen: RGB bytes of a crop to the map at the cut; without layers of the trunk where all of them learn.
        learning: that map to the averages that the head takes, (faces, features).
    """

    frozen: Backbone
    learning: keras.Model


@contextmanager
def _policy(name: str) -> Iterator[None]:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def cut_trunk(path: Path, scaling: str, recipe: FineTuning) -> Cut:
    """Read a trunk and cut it where the recipe says, with its framing and scaling before it.

    Raises:
        AgeLensError: the file cannot be read.
    """
    trunk = read_trunk(path)
    if not 0 <= recipe.stages <= len(trunk.first) or not trunk.first:
        raise AgeLensError(f"{path} has {len(trunk.first)} resolutions that can learn, not {recipe.stages}.")
    inner = round(trunk.side * recipe.inner)
    stages = recipe.stages or len(trunk.first)
    at = trunk.first[-stages] if recipe.stages else trunk.model.input
    crops = keras.Input((inner, inner, 3), dtype="uint8", name="faces")
    pixels = scale_layers(SCALINGS[scaling], frame(crops, trunk.side, recipe.down))
    lower = keras.Model(trunk.model.input, at)(pixels) if recipe.stages else pixels
    model = keras.Model(crops, lower, name="frozen_part")
    key = [trunk.digest, scaling, trunk.side, recipe.inner, recipe.down, stages, list(lower.shape[1:])]
    spec = BackboneSpec(
        Path(trunk.name).stem, None, inner, inner, scaling, lower.shape[-1], "as its file says"
    )
    frozen = Backbone(
        spec, inner, trunk.name, digest_json(key), int(model.count_params()), tuple(lower.shape[1:]), model
    )
    with _policy(recipe.precision):
        learning = _pooled(read_trunk(path), recipe)
    return Cut(frozen, learning)


def frame(crops: keras.KerasTensor, side: int, down: float) -> keras.KerasTensor:
    """Put crops into a larger square whose edges repeat theirs, (faces, side, side, 3).

    Args:
        down: share of the side by which they lie below the middle.
    """
    inner = crops.shape[1]
    if inner == side:
        return crops
    margin = (side - inner) / 2
    for axis, start in ((1, margin + down * side), (2, margin)):
        rows = np.clip(np.arange(side) - round(start), 0, inner - 1).astype(np.int32)
        crops = keras.ops.take(crops, rows, axis=axis)
    return crops


def _pooled(trunk: Trunk, recipe: FineTuning) -> keras.Model:
    at = trunk.first[-recipe.stages] if recipe.stages else trunk.model.input
    averages = []
    # Below the cut there is nothing to average.
    pooled = min(recipe.pooled, recipe.stages or recipe.pooled)
    for number, tensor in enumerate(trunk.last[-pooled:]):
        average = keras.layers.GlobalAveragePooling2D()(tensor)
        averages.append(keras.layers.LayerNormalization(dtype="float32", name=f"pooled_{number}")(average))
    joined = averages[0] if len(averages) == 1 else keras.layers.Concatenate(dtype="float32")(averages)
    return keras.Model(at, joined, name="learning_part")


def build_network(learning: keras.Model, recipe: FineTuning) -> keras.Model:
    """The layers above the cut and the head: "age", logits over 0 to 116 years, and "gender", the logit of female."""
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
    return keras.Model(maps, outputs, name="finetuned")


def compile_network(network: keras.Model, recipe: FineTuning, steps: int, warming: bool) -> None:
    """Set losses, metrics and AdamW; ``steps`` are the batches of an epoch, and warming teaches the head alone."""
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
        rate, weight_decay=recipe.decay, clipnorm=1.0, use_ema=not warming, ema_momentum=recipe.average
    )
    losses = {
        "age": AgeLoss(recipe.spread, recipe.absolute),
        "gender": keras.losses.BinaryCrossentropy(from_logits=True),
    }
    metrics = {"age": mae, "gender": keras.metrics.BinaryAccuracy("accuracy", threshold=0.0)}
    network.compile(
        optimizer,
        loss={task: losses[task] for task in recipe.tasks},
        metrics={task: [metrics[task]] for task in recipe.tasks},
        jit_compile=False,
    )


def train_batches(
    cut: Cut,
    rows: pd.DataFrame,
    recipe: FineTuning,
    seed: int,
    cache: Path | None,
    track: Track,
    learns: bool,
) -> Batches:
    """Batches of one part: maps at the cut, or images where every layer learns.

    Args:
        rows: of one part of a face table.
        learns: take another change of each face in each epoch; otherwise the faces as they are, in order.
    """
    labels = {task: rows[task].to_numpy(np.float32) for task in recipe.tasks}
    numbers: list[int | None] = list(range(recipe.views)) if learns else [None]
    views = [None if number is None else View(recipe.view_seed, number) for number in numbers]
    readers: list[Callable[[NDArray[np.int64]], NDArray[np.generic]]]
    if recipe.stages:
        readers = [extract(cut.frozen, rows, cache=cache, track=track, view=view).read for view in views]
    else:
        paths = rows["path"].tolist()
        readers = [_image_reader(cut, paths, view) for view in views]
    return _ViewBatches(readers, labels, recipe.batch_size, seed if learns else None)


def _image_reader(
    cut: Cut, paths: list[str], view: View | None
) -> Callable[[NDArray[np.int64]], NDArray[np.generic]]:
    assert cut.frozen.model is not None
    frozen = cut.frozen.model

    def read(rows: NDArray[np.int64]) -> NDArray[np.generic]:
        images = read_faces_at([paths[row] for row in rows], cut.frozen.side, view)
        return np.asarray(keras.ops.convert_to_numpy(frozen(images)))

    return read


class _ViewBatches(Batches):
    """Batches that take each face from one of several views, another one in each epoch."""

    def __init__(
        self,
        readers: list[Callable[[NDArray[np.int64]], NDArray[np.generic]]],
        labels: dict[str, NDArray[np.float32]],
        batch_size: int,
        shuffle_seed: int | None,
    ) -> None:
        self._readers = readers
        super().__init__(self._take, labels, batch_size, shuffle_seed)

    def _take(self, rows: NDArray[np.int64]) -> NDArray[np.generic]:
        # Neighbouring faces take different views in the same epoch, and all views come round.
        chosen = (rows + self._epoch) % len(self._readers)
        parts = [(chosen == view, reader) for view, reader in enumerate(self._readers)]
        result: NDArray[np.generic] | None = None
        for mask, reader in parts:
            if mask.any():
                values = reader(rows[mask])
                if result is None:
                    result = np.empty((len(rows), *values.shape[1:]), values.dtype)
                result[mask] = values
        assert result is not None
        return result


def without_conflicts(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows whose group of identical or near-identical pictures agrees on age and gender."""
    labels = rows.groupby("group")[["age", "gender"]].transform("nunique")
    return rows[(labels == 1).all(axis=1)]


@dataclass(frozen=True)
class Warmed:
    """A warm-up: its states, its seed and what it is made of, as `agelens.networks.train.fit` takes them."""

    folder: Path
    seed: int
    identity: dict[str, Any]


def finetune(
    table: pd.DataFrame,
    cut: Cut,
    recipe: FineTuning,
    folder: Path,
    seed: int,
    identity: dict[str, Any],
    cache: Path | None = None,
    track: Track = quiet,
    sift: Callable[[pd.DataFrame], pd.DataFrame] = without_conflicts,
    warmed: Warmed | None = None,
) -> tuple[keras.Model, Training]:
    """Fine-tune on the training part and choose the epoch on the validation part.

    Args:
        table: a face table with parts and groups.
        folder: takes the states of the warm-up and of the training.
        sift: which rows of the training part to learn from.
        warmed: the warm-up to go on from, where another training made it; None makes one in ``folder``.

    Returns:
        the network of `build_network`, with averaged weights, and how its training went.
    """
    train = train_batches(
        cut, sift(table[table["part"] == "train"]).reset_index(drop=True), recipe, seed, cache, track, True
    )
    rows = table[table["part"] == "validation"].reset_index(drop=True)
    validation = train_batches(cut, rows, recipe, seed, cache, track, False)
    start = warmed or Warmed(folder / "warmup", seed, identity)
    keras.utils.set_random_seed(start.seed)
    with _policy(recipe.precision):
        network = build_network(cut.learning, recipe)
    compile_network(network, recipe, len(train), warming=True)
    warm = replace(recipe, name=f"{recipe.name} warm-up", epochs=recipe.warmup)
    network, _ = fit(network, warm, train, validation, start.folder, start.seed, start.identity, track)
    compile_network(network, recipe, len(train), warming=False)
    network, training = fit(
        network, recipe, train, validation, folder, seed, identity, track,
        callbacks=[keras.callbacks.SwapEMAWeights()],
    )  # fmt: skip
    network.optimizer.finalize_variable_values(network.trainable_variables)
    return network, training
