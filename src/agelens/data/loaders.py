"""Batches for Keras, decoded as they are needed, on whatever backend Keras runs.

`FaceBatches` is what people who train their own Keras models take; ``agelens.loaders`` is this module.
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agelens.data.augmentation import augment
from agelens.errors import AgeLensError, ImageError
from agelens.utils.images import Pixels, load_face, read_rgb

BATCH_SIZE = 32
# The notebook's, and that of most backbones.
IMAGE_SIZE = 224
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


class Preprocessor(Protocol):
    """What `FaceBatches` asks of a backbone: see `agelens.models.registry.BackboneSpec`."""

    @property
    def image_size(self) -> int: ...
    def preprocess(self, images: Pixels) -> NDArray[np.float32]: ...


class FaceBatches(Batches):
    """Return batches of face images and their labels, decoded as Keras asks for them.

    Give ``shuffle=False`` to ``fit``: the batches have their order, another in each epoch, and Keras would shuffle
    them once more from a generator of its own, which no seed of theirs decides.

    Args:
        table: a face table.
        labels: "age" (years), "gender" (0 male, 1 female), or "both": a dict of the two by name, for a network with
            two outputs of these names.
        image_size: pixels of a side; None is the backbone's own, or 224 without one.
        backbone: a record of `agelens.find_backbone`, for a network that does not preprocess by itself: images then
            come as float32, scaled and ordered as its weights expect. None leaves them uint8 RGB, 0 to 255.
        batch_size: faces a batch; the last batch may be smaller.
        shuffle_seed: decides the order of the faces in each epoch; None keeps that of the table.
        workers: threads that decode ahead of the network.

    Raises:
        AgeLensError: ``labels`` is none of the three, or rows lack one of them. A file that cannot be decoded is named
            when its turn comes.

    Example:
        ::

            table = agelens.split(agelens.audit("UTKFace")).table
            vgg16 = agelens.find_backbone("VGG16")
            train = agelens.loaders.FaceBatches(
                table[table["split"] == "train"], "age", 96, backbone=vgg16, shuffle_seed=42
            )
            images, ages = train[0]  # float32 (32, 96, 96, 3) and float32 (32, 1)
            model.fit(train, epochs=5, shuffle=False)
    """

    def __init__(
        self,
        table: pd.DataFrame,
        labels: str = "age",
        image_size: int | None = None,
        *,
        backbone: Preprocessor | None = None,
        batch_size: int = BATCH_SIZE,
        shuffle_seed: int | None = None,
        workers: int = 2,
    ) -> None:
        if labels not in ("age", "gender", "both"):
            raise AgeLensError(f"There are no labels {labels!r}; give 'age', 'gender' or 'both'.")
        size = image_size or (backbone.image_size if backbone else IMAGE_SIZE)
        paths = table["path"].tolist()
        wanted = ("age", "gender") if labels == "both" else (labels,)
        columns = {name: _labels(table, name) for name in wanted}

        def read(rows: NDArray[np.int64]) -> NDArray[np.generic]:
            images = read_faces_at([paths[row] for row in rows], size)
            return backbone.preprocess(images) if backbone else images

        super().__init__(
            read, columns if labels == "both" else columns[labels], batch_size, shuffle_seed, workers
        )


def _labels(table: pd.DataFrame, name: str) -> Labels:
    """One label of all rows; refuses rows without it, from which a network would learn that its loss is no number."""
    lacking = table.loc[table[name].isna(), "path"]
    if len(lacking):
        raise AgeLensError(
            f"{len(lacking):,} of the {len(table):,} rows have no label {name}, such as {lacking.iloc[0]}; "
            f"give those that have one: table[table[{name!r}].notna()]."
        )
    return table[name].to_numpy(np.float32)


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
