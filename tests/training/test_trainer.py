import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest

from agelens.data.loaders import Batches
from agelens.errors import AgeLensError
from agelens.models.heads import build_head, describe_layers
from agelens.training.recipes import RECIPES, Recipe, comparison_recipe, compile_network, find_recipe
from agelens.training.trainer import Training, best_epoch, fit, has_ended

RECIPE = Recipe("test-age", "age", "", dropout=0.3, hidden=8, epochs=6, patience=0, learning_rate=0.01)
ROWS = np.random.default_rng(0).normal(size=(96, 4, 4, 6)).astype(np.float32)
AGES = np.abs(ROWS[:, 0, 0, :3].sum(axis=1) * 10 + 30).astype(np.float32)


def train_once(folder: Path, recipe: Recipe = RECIPE, seed: int = 5) -> tuple[keras.Model, Training]:
    keras.utils.set_random_seed(seed)
    head = build_head(recipe, ROWS.shape[1:], 30.0)
    train = Batches(lambda rows: ROWS[:64][rows], AGES[:64], 16, seed, workers=1)
    validation = Batches(lambda rows: ROWS[64:][rows], AGES[64:], 16, workers=1)
    compile_network(head, recipe, len(train))
    return fit(head, recipe, train, validation, folder, seed, {"data": "rows"})


def test_the_notebooks_networks_are_the_notebooks() -> None:
    age, gender = RECIPES["notebook-age"], RECIPES["notebook-gender"]
    assert (age.backbone, age.epochs, age.patience, age.monitor) == ("VGG16", 20, 5, "val_loss")
    assert (gender.backbone, gender.patience, gender.monitor) == ("ResNet152V2", 5, "val_accuracy")
    head = build_head(age, (7, 7, 512))
    assert describe_layers(head) == ["Dropout 0.4", "Flatten", "Dense 256 relu", "Dense 1 linear"]
    assert type(head.layers[2].kernel_initializer).__name__ == "HeNormal"
    assert head.count_params() == 7 * 7 * 512 * 256 + 256 + 257
    assert describe_layers(build_head(gender, (7, 7, 2048))) == [
        "Dropout 0.2", "GlobalAveragePooling2D", "Dense 1 sigmoid",
    ]  # fmt: skip
    assert describe_layers(build_head(comparison_recipe("age", "flatten", 5), (7, 7, 512))) == [
        "Dropout 0.2", "Flatten", "Dense 1 linear",
    ]  # fmt: skip


def test_unknown_recipes_and_heads_are_named() -> None:
    with pytest.raises(AgeLensError, match="notebook, scratch"):
        find_recipe("nonsense", "age")
    with pytest.raises(AgeLensError, match="flatten, avg-pool"):
        comparison_recipe("age", "nonsense", 5)


def test_a_centred_age_network_starts_at_the_median() -> None:
    head = build_head(RECIPES["scratch-age"], (2, 2, 6), 31.0)
    estimate = head.predict(np.zeros((1, 2, 2, 6), np.float32), verbose=0)
    assert estimate.item() == pytest.approx(31.0, abs=1e-4)


@pytest.mark.parametrize("patience", [1, 2, 3])
def test_stopping_is_that_of_keras(patience: int) -> None:
    """Against keras.callbacks.EarlyStopping on the same made-up histories."""
    rng = np.random.default_rng(patience)
    for monitor, mode in (("val_loss", "min"), ("val_accuracy", "max")):
        for _ in range(30):
            figures = np.round(rng.normal(size=12), 1).tolist()
            recipe = Recipe("r", "age", "", epochs=12, patience=patience, monitor=monitor)
            theirs = keras.callbacks.EarlyStopping(monitor, patience=patience, mode=mode)
            theirs.set_model(keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)]))
            theirs.on_train_begin()
            stopped = theirs.model.stop_training = False
            for epoch, figure in enumerate(figures):
                theirs.on_epoch_end(epoch, {monitor: figure})
                stopped = theirs.model.stop_training
                history = {"loss": figures[: epoch + 1], monitor: figures[: epoch + 1]}
                assert has_ended(recipe, history) == (stopped or epoch == 11)
                assert best_epoch(recipe, history) == theirs.best_epoch
                if stopped:
                    break


def test_the_best_epoch_is_what_comes_back(tmp_path: Path) -> None:
    network, training = train_once(tmp_path / "t")
    validation = np.abs(network.predict(ROWS[64:], verbose=0)[:, 0] - AGES[64:]).mean()
    assert validation == pytest.approx(min(training.history["val_loss"]), rel=1e-4)
    assert training.epochs_run == 6
    assert training.history["val_loss"][training.best_epoch - 1] == min(training.history["val_loss"])
    kept = {path.name for path in (tmp_path / "t").glob("epoch-*.keras")}
    assert kept == {f"epoch-{number:03d}.keras" for number in (6, training.best_epoch)}
    assert list((tmp_path / "t").glob("events.*"))


def test_a_finished_training_is_not_repeated(tmp_path: Path) -> None:
    first = train_once(tmp_path)[1]
    began = (tmp_path / "state.json").stat().st_mtime_ns
    assert train_once(tmp_path)[1] == first
    assert (tmp_path / "state.json").stat().st_mtime_ns == began


def test_a_training_of_something_else_is_not_touched(tmp_path: Path) -> None:
    train_once(tmp_path, RECIPE.replace(epochs=1))
    with pytest.raises(AgeLensError, match="holds another training"):
        train_once(tmp_path, RECIPE.replace(epochs=2))
    assert train_once(tmp_path, RECIPE.replace(epochs=1))[1].epochs_run == 1


@pytest.mark.parametrize("name", ["state.json", "epoch-001.keras"])
def test_a_state_that_the_disk_damaged_is_told(tmp_path: Path, name: str) -> None:
    recipe = RECIPE.replace(epochs=1)
    train_once(tmp_path, recipe)
    data = bytearray((tmp_path / name).read_bytes())
    # In a number of the history, or among the weights: neither is broken JSON or a broken archive.
    place = data.index(b".", data.index(b'"loss"')) + 2 if name == "state.json" else len(data) // 2
    data[place] ^= 1
    (tmp_path / name).write_bytes(bytes(data))
    with pytest.raises(AgeLensError, match=f"{name} is damaged"):
        train_once(tmp_path, recipe)


def test_a_loss_that_explodes_is_said(tmp_path: Path) -> None:
    with pytest.raises(AgeLensError, match="no longer a number"):
        train_once(tmp_path, RECIPE.replace(learning_rate=1e38))


SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_trainer import RECIPE, train_once
train_once(Path({folder!r}), RECIPE.replace(epochs=40))
"""


def start(folder: Path) -> "subprocess.Popen[bytes]":
    script = SCRIPT.format(tests=str(Path(__file__).parent), folder=str(folder))
    return subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL, env=os.environ)


def epochs_on_disk(folder: Path) -> int:
    state = folder / "state.json"
    return len(json.loads(state.read_text())["history"]["loss"]) if state.exists() else 0


INTERRUPTED = """
import signal, sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from tensorboardX import SummaryWriter
import agelens.training.trainer
from test_trainer import train_once

class Interrupted(SummaryWriter):
    told = []

    def add_scalar(self, tag, *values):
        if not self.told:
            signal.raise_signal(signal.SIGINT)
        super().add_scalar(tag, *values)
        self.told.append(tag)

    def close(self):
        super().close()
        self.told.append("closed")

signal.signal(signal.SIGINT, signal.default_int_handler)
agelens.training.trainer.SummaryWriter = Interrupted
try:
    train_once(Path({folder!r}))
except KeyboardInterrupt:
    print(*sorted(Interrupted.told))
"""


def test_an_interrupt_while_an_epoch_is_recorded_waits_until_it_is(tmp_path: Path) -> None:
    # In a process of its own: other tests leave handlers and threads behind.
    script = INTERRUPTED.format(tests=str(Path(__file__).parent), folder=str(tmp_path / "run"))
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout.split() == ["closed", "loss", "mae", "val_loss", "val_mae"], done.stderr
    assert done.returncode == 0
    assert epochs_on_disk(tmp_path / "run") == 1
    same = [
        model.get_weights() for model in (train_once(tmp_path / "run")[0], train_once(tmp_path / "once")[0])
    ]
    for here, there in zip(*same, strict=True):
        np.testing.assert_array_equal(here, there)


def test_killed_trainings_end_as_an_undisturbed_one(tmp_path: Path) -> None:
    """SIGKILL at two moments, also in the middle of an epoch's writing; then the same histories and weights."""
    killed = tmp_path / "killed"
    for least, delay in ((3, 0.05), (15, 0.21)):
        process = start(killed)
        deadline = time.monotonic() + 240
        while epochs_on_disk(killed) < least and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert least <= epochs_on_disk(killed) < 40
    recipe = RECIPE.replace(epochs=40)
    resumed, after_kills = train_once(killed, recipe)
    undisturbed, straight = train_once(tmp_path / "straight", recipe)
    assert after_kills.best_epoch == straight.best_epoch
    for key, values in straight.history.items():
        np.testing.assert_allclose(after_kills.history[key], values, rtol=1e-5)
    for mine, theirs in zip(resumed.get_weights(), undisturbed.get_weights(), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-6)
