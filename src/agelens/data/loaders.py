"""Batches for Keras, decoded as they are needed, on whatever backend Keras runs."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agelens.data.augmentation import augment
from agelens.errors import AgeLensError, ImageError
from agelens.utils.images import Pixels, load_face, read_rgb

BATCH_SIZE = 32
Labels = NDArray[np.float32]


class Batches(keras.utils.PyDataset):
    """Labelled batches whose order in each epoch depends only on the seed and the number of the epoch.

    Args:
        read: gives the inputs of the rows asked for, a NumPy array of as many items.
        labels: (rows,), one label a row, or (rows, values), or such labels by name for a network with several outputs.
        batch_size: items a batch; the last batch may be smaller.
        shuffle_seed: None keeps the order of the rows.
        workers: threads that prepare batches ahead of the network.
    """

    def __init__(
        self,
        read: Callable[[NDArray[np.int64]], NDArray[np.generic]],
        labels: Labels | dict[str, Labels],
        batch_size: int = BATCH_SIZE,
        shuffle_seed: int | None = None,
        workers: int = 2,
    ) -> None:
        super().__init__(workers=workers, use_multiprocessing=False, max_queue_size=8)
        self._read = read
        self._labels = keras.tree.map_structure(
            lambda column: column.astype(np.float32).reshape(len(column), -1), labels
        )
        self._rows = len(keras.tree.flatten(self._labels)[0])
        self._batch_size = batch_size
        self._shuffle_seed = shuffle_seed
        self._epoch = 0
        self._order = self._draw_order()

    def __len__(self) -> int:
        return -(-self._rows // self._batch_size)

    def __getitem__(self, index: int) -> tuple[NDArray[np.generic], Any]:
        """The inputs and the labels of one batch, float32 (items, 1) or (items, values), by name if given so."""
        rows = self._order[index * self._batch_size : (index + 1) * self._batch_size]
        return self._read(rows), keras.tree.map_structure(lambda column: column[rows], self._labels)

    def start_at(self, epoch: int) -> None:
        """Take the order of epoch number ``epoch``, from 0."""
        self._epoch = epoch
        self._order = self._draw_order()

    def on_epoch_end(self) -> None:
        """Draw another order for the next epoch; who must know which one calls `start_at` instead."""
        self.start_at(self._epoch + 1)

    def _draw_order(self) -> NDArray[np.int64]:
        rows = np.arange(self._rows)
        if self._shuffle_seed is None:
            return rows
        return np.random.default_rng([self._shuffle_seed, self._epoch]).permutation(rows)


def face_batches(table: pd.DataFrame, target: str, image_size: int, **options: int | None) -> Batches:
    """Batches of face images and one of their labels.

    Args:
        table: a face table.
        target: the column to learn, ``age`` (years) or ``gender`` (0 or 1).
        image_size: pixels; images come as uint8 (items, side, side, 3), RGB.
        options: ``batch_size``, ``shuffle_seed`` and ``workers`` of `Batches`.
    """
    paths = table["path"].tolist()

    def read(rows: NDArray[np.int64]) -> Pixels:
        return read_faces_at([paths[row] for row in rows], image_size)

    return Batches(read, table[target].to_numpy(np.float32), **options)  # type: ignore[arg-type]


@dataclass(frozen=True)
class View:
    """Which chance change of every face is seen (see `agelens.data.augmentation`).

    Attributes:
        seed: of the training.
        number: another number, another change of each face.
    """

    seed: int
    number: int


def read_faces_at(paths: list[str], image_size: int, view: View | None = None) -> Pixels:
    """Decode face crops into one uint8 array (paths, side, side, 3), RGB.

    Args:
        view: which chance change of each face; None decodes them as they are. What is drawn for a face depends on
            the view and on the name of its file.

    Raises:
        AgeLensError: names the file that cannot be decoded.
    """
    images = np.empty((len(paths), image_size, image_size, 3), np.uint8)
    for row, path in enumerate(paths):
        try:
            if view is None:
                images[row] = load_face(Path(path), image_size)
            else:
                name = zlib.crc32(Path(path).name.encode())
                images[row] = augment(
                    read_rgb(Path(path), image_size), image_size, [view.seed, view.number, name]
                )
        except ImageError as error:
            raise AgeLensError(
                f"{path} {error}; run 'agelens audit' on the folder again to leave such files out."
            ) from None
    return images
