"""What the programs of this folder share: faces to work on, facts about the machine, and where figures go."""

import argparse
import contextlib
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from agelens.data.sources.reading import read_faces
from agelens.data.synthetic.dataset import synthesize_faces
from agelens.data.table import sample
from agelens.runtime.execution import resolve_precision, supports_bfloat16
from agelens.utils.environment import machine, versions
from agelens.utils.files import write_json
from agelens.utils.progress import Advance, bar

SEED = 42


def parser(description: str | None, images: int) -> argparse.ArgumentParser:
    """An argument parser with the options that every program has."""
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--images", type=int, default=images, help=f"how many faces (default {images:,})")
    made.add_argument(
        "--image-size", type=int, default=224, help="pixels of the network's input (default 224)"
    )
    made.add_argument(
        "--source", type=Path, help="folder of UTKFace images; default: faces drawn for the occasion"
    )
    made.add_argument("--json", type=Path, metavar="FILE", help="also write every figure here")
    return made


def require_tensorflow() -> None:
    """Stop unless Keras runs on TensorFlow, as the notebook does."""
    if keras.backend.backend() != "tensorflow":
        raise SystemExit(
            "The notebook's way runs on TensorFlow; set KERAS_BACKEND=tensorflow and run this again."
        )


@contextlib.contextmanager
def faces_folder(source: Path | None, count: int) -> Iterator[Path]:
    """The folder given, or a temporary one with as many synthetic faces of 200 x 200 pixels, as UTKFace's are."""
    if source is not None:
        yield source
        return
    with tempfile.TemporaryDirectory() as temporary, bar("writing synthetic faces", count) as advance:
        folder = Path(temporary) / "faces"
        synthesize_faces(folder, count, SEED, progress=advance)
        yield folder


def face_table(folder: Path, count: int) -> pd.DataFrame:
    """A face table of at most ``count`` different files, drawn by chance; nine tenths train, the rest validates.

    Byte-identical files count once: AgeLens would compute their features once, which is not what is measured here.
    Digesting reads every file, so both ways find them in the file cache.
    """
    table = read_faces(folder).table.drop_duplicates("digest").reset_index(drop=True)
    table = sample(table, count, SEED)
    validates = np.random.default_rng(SEED).permutation(len(table)) < max(1, round(len(table) / 10))
    return table.assign(split=np.where(validates, "validation", "train"))


def facts(precision: str) -> dict[str, Any]:
    """What figures depend on: the machine, whether it computes bfloat16, the precision used, the versions."""
    return {
        "machine": machine(),
        "bfloat16_in_hardware": supports_bfloat16(),
        "precision": resolve_precision(precision),
        "keras_backend": keras.backend.backend(),
        "versions": versions(),
    }


def print_facts(found: dict[str, Any]) -> None:
    print(f"machine    {found['machine']}, bfloat16 in hardware: {found['bfloat16_in_hardware']}")
    print(f"precision  AgeLens {found['precision']}, Keras f32 on {found['keras_backend']}")
    print("versions   " + ", ".join(f"{name} {number}" for name, number in found["versions"].items()))


def middle(values: list[float]) -> float:
    return float(statistics.median(values))


class Stopwatch(keras.callbacks.Callback):
    """Seconds of every epoch, for Keras as a callback and for AgeLens as a `Track`."""

    def __init__(self) -> None:
        super().__init__()
        self.laps: dict[str, list[float]] = {}
        self.began: dict[str, float] = {}
        self._task, self._last = "", 0.0

    @contextlib.contextmanager
    def track(self, description: str, total: int | None) -> Iterator[Advance]:
        """Laps of one bar of AgeLens, under the last word of its description: features or heads."""
        if total is None:
            # Work without steps, such as making a network ready, is no pass.
            yield lambda steps=1, note="": None
            return
        task = description.split()[-1]
        self.start(task)
        yield lambda steps=1, note="": self.lap()

    def start(self, task: str) -> None:
        self._task, self._last = task, time.perf_counter()
        self.began[task], self.laps[task] = self._last, []

    def lap(self) -> None:
        now = time.perf_counter()
        self.laps[self._task].append(now - self._last)
        self._last = now

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.lap()

    def steady(self) -> float:
        """Seconds of a later epoch, of both tasks together."""
        return sum(middle(laps[1:] or laps) for laps in self._epochs())

    def tracing(self) -> float:
        """Seconds that the first epochs took beyond a later one."""
        return max(0.0, sum(laps[0] for laps in self._epochs()) - self.steady())

    def _epochs(self) -> list[list[float]]:
        return [laps for task, laps in self.laps.items() if task != "features"]


def keep(target: Path | None, result: dict[str, Any]) -> None:
    """Write the figures as JSON if a file was asked for."""
    if target is not None:
        write_json(target, result)
