"""Training that survives being killed: every epoch ends with a whole state on disk.

What happens in an epoch depends only on the state before it, the seed and the epoch's number (order of the faces,
dropout), so a training that was killed at any moment and started again ends as an undisturbed one.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import keras
import numpy as np
from tensorboardX import SummaryWriter

from agelens.data.loaders import Batches
from agelens.errors import AgeLensError
from agelens.utils.files import digest_file, digest_json, naming_errors, read_json, replacing_file, write_json
from agelens.utils.progress import Advance, Track, quiet
from agelens.utils.signals import held_interrupts


class Schedule(Protocol):
    """What a training asks of a recipe: see `agelens.training.recipes.Recipe`."""

    @property
    def name(self) -> str: ...
    @property
    def epochs(self) -> int: ...
    @property
    def patience(self) -> int: ...
    @property
    def monitor(self) -> str: ...
    @property
    def metric(self) -> str: ...
    def settings(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Training:
    """How a training went.

    Attributes:
        history: for each figure ("loss", "val_loss", the metric and its validation figure) one value an epoch.
        best_epoch: counted from 1; `fit` returns the network of this epoch.
        seconds: of computing, over all the starts it took.
    """

    history: dict[str, list[float]]
    best_epoch: int
    seconds: float

    @property
    def epochs_run(self) -> int:
        return len(self.history["loss"])


def best_epoch(recipe: Schedule, history: dict[str, list[float]]) -> int:
    """The first epoch, from 0, with the best monitored figure: least for a loss or error, greatest for an accuracy."""
    figures = np.asarray(history[recipe.monitor])
    return int(figures.argmax() if recipe.monitor.endswith("accuracy") else figures.argmin())


def has_ended(recipe: Schedule, history: dict[str, list[float]]) -> bool:
    """Whether all epochs are run, or the monitored figure has not improved for ``patience`` epochs.

    The same rule as keras.callbacks.EarlyStopping, but read off the history, which a killed training still has.
    """
    run = len(history.get("loss", []))
    if run == 0 or run >= recipe.epochs:
        return run >= recipe.epochs
    return bool(recipe.patience) and run - 1 - best_epoch(recipe, history) >= recipe.patience


def fit(
    network: keras.Model,
    recipe: Schedule,
    train: Batches,
    validation: Batches,
    folder: Path,
    seed: int,
    identity: dict[str, Any],
    track: Track = quiet,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> tuple[keras.Model, Training]:
    """Train a compiled network by a recipe, or go on with a training that was killed.

    Args:
        network: compiled; used as it is if ``folder`` holds no state.
        train, validation: batches; ``train`` takes the order of each epoch from its number.
        folder: takes ``state.json``, the networks of the last and the best epoch, and TensorBoard logs.
        seed: of the dropout.
        identity: what this training is made of, as JSON; a state with another identity is refused.
        track: shows epochs and losses with the time left.
        callbacks: called after the state of an epoch is on disk.

    Returns:
        the network of the best epoch, and how it went.

    Raises:
        AgeLensError: the loss is no longer a number, or the folder holds another training or a damaged one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    state = _State(folder, digest_json({"recipe": recipe.settings(), "seed": seed, **identity}))
    if state.history and not has_ended(recipe, state.history):
        network = state.load(state.epochs_run - 1)
    if not has_ended(recipe, state.history):
        with track(f"{recipe.name}", recipe.epochs) as advance:
            advance(state.epochs_run)
            checkpoints = _CheckpointCallback(state, recipe, seed, train, advance)
            network.fit(
                train,
                validation_data=validation,
                initial_epoch=state.epochs_run,
                epochs=recipe.epochs,
                callbacks=[checkpoints, *callbacks],
                # The batches have their order; Keras would shuffle them again from Python's own generator.
                shuffle=False,
                verbose=0,
            )
        if checkpoints.error is not None:
            raise checkpoints.error
    best = best_epoch(recipe, state.history)
    return state.load(best), Training(state.history, best + 1, state.seconds)


def network_file(folder: Path, epoch: int) -> Path:
    """Where `fit` keeps the network of an epoch, counted from 1; those of the last and the best epoch are there."""
    return folder / f"epoch-{epoch:03d}.keras"


class _State:
    """What is on disk of a training: ``state.json`` names whole epochs only, and is written last.

    It holds a digest of itself and of each network that it names: what a disk damaged is told, and not gone on from.
    """

    def __init__(self, folder: Path, identity: str) -> None:
        self.folder = folder
        self.identity = identity
        self.history: dict[str, list[float]] = {}
        self.seconds = 0.0
        self.networks: dict[str, str] = {}
        path = folder / "state.json"
        if path.exists():
            kept = read_json(path)
            if not isinstance(kept, dict) or kept.pop("digest", None) != digest_json(kept):
                raise self._damaged(path)
            if kept["identity"] != identity:
                raise AgeLensError(f"{folder} holds another training; delete it, or train in another folder.")
            self.history, self.seconds, self.networks = kept["history"], kept["seconds"], kept["networks"]

    @property
    def epochs_run(self) -> int:
        return len(self.history.get("loss", []))

    def network(self, epoch: int) -> Path:
        return network_file(self.folder, epoch + 1)

    def load(self, epoch: int) -> keras.Model:
        """The network of an epoch, from 0. Raises AgeLensError where it is not as it was written."""
        path = self.network(epoch)
        if not path.is_file() or digest_file(path) != self.networks.get(path.name):
            raise self._damaged(path)
        return keras.saving.load_model(path)

    def _damaged(self, path: Path) -> AgeLensError:
        return AgeLensError(
            f"{path} is damaged, or an earlier AgeLens wrote it; delete {self.folder}, and its training begins again."
        )

    def record(self, network: keras.Model, recipe: Schedule, logs: dict[str, float], seconds: float) -> None:
        epoch = self.epochs_run
        with replacing_file(self.network(epoch)) as temporary:
            network.save(temporary)
        for key, value in logs.items():
            self.history.setdefault(key, []).append(float(value))
        self.seconds += seconds
        keep = {self.network(epoch), self.network(best_epoch(recipe, self.history))}
        self.networks[self.network(epoch).name] = digest_file(self.network(epoch))
        self.networks = {path.name: self.networks[path.name] for path in keep}
        state = {
            "identity": self.identity, "history": self.history, "seconds": self.seconds, "networks": self.networks,
        }  # fmt: skip
        write_json(self.folder / "state.json", {**state, "digest": digest_json(state)})
        for path in self.folder.glob("epoch-*.keras"):
            if path not in keep:
                path.unlink()


class _CheckpointCallback(keras.callbacks.Callback):
    """Seeds each epoch, records it when it ends, and stops the training where the recipe says so.

    Attributes:
        error: why the training stopped before its end. It is raised when Keras has returned: an error that passes
            through Keras leaves TensorFlow's threads at work on batches that nobody takes, and some crash.
    """

    error: BaseException | None = None

    def __init__(self, state: _State, recipe: Schedule, seed: int, train: Batches, advance: Advance) -> None:
        super().__init__()
        self._state, self._recipe, self._seed, self._advance = state, recipe, seed, advance
        self._train = train
        self._began = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        # Said outright: Keras calls the batches' on_epoch_end more often than epochs end.
        self._train.start_at(epoch)
        _seed_dropout(self.model, self._seed, epoch)
        self._began = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        assert logs is not None
        try:
            self._record(epoch, logs)
        except (AgeLensError, OSError, KeyboardInterrupt) as error:
            self.error = error
        if self.error is not None or has_ended(self._recipe, self._state.history):
            self.model.stop_training = True

    def _record(self, epoch: int, logs: dict[str, float]) -> None:
        if not all(np.isfinite(value) for value in logs.values()):
            raise AgeLensError(
                f"{self._recipe.name}: the loss is no longer a number in epoch {epoch + 1}; use a lower learning rate."
            )
        seconds = time.perf_counter() - self._began
        # TensorBoard's writer has a thread and queues of its own.
        with held_interrupts():
            self._state.record(self.model, self._recipe, logs, seconds)
            logs_folder = self._state.folder
            with naming_errors(logs_folder), SummaryWriter(str(logs_folder), purge_step=epoch + 1) as writer:
                for key, value in logs.items():
                    writer.add_scalar(key, value, epoch + 1)
        metric = self._recipe.metric
        note = f"val {metric} {logs[f'val_{metric}']:.3f}"
        if epoch + 1 < self._recipe.epochs and has_ended(self._recipe, self._state.history):
            best = best_epoch(self._recipe, self._state.history)
            note += f", stopped early at epoch {epoch + 1}; the best was {best + 1}"
        self._advance(1, note)


def _seed_dropout(model: keras.Model, seed: int, epoch: int) -> None:
    """Give every random layer the state that this epoch has in any training with this seed."""
    number = 0
    pending: list[keras.layers.Layer] = [model]
    while pending:
        layer = pending.pop()
        pending.extend(getattr(layer, "layers", []))
        generator = getattr(layer, "seed_generator", None)
        if generator is not None:
            words = np.random.SeedSequence([seed, epoch, number]).generate_state(2)
            generator.state.assign(words.astype(generator.state.dtype))
            number += 1
