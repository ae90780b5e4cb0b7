"""The batches of fine-tuning and adapting: faces in another of their views in each epoch, mixed in pairs."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agelens.data.loaders import Batches, View, read_faces_at
from agelens.training.feature_cache import extract
from agelens.training.finetune_recipe import FineTuning
from agelens.training.labels import UNLABELLED, training_labels
from agelens.training.partial_freezing import PartlyFrozen
from agelens.training.sampling import draw_rows, sampling_weights
from agelens.utils.progress import Track


def train_batches(
    parts: PartlyFrozen,
    rows: pd.DataFrame,
    recipe: FineTuning,
    seed: int,
    cache: Path | None,
    track: Track,
    learns: bool,
    taught: Mapping[str, NDArray[np.float32]] | None = None,
) -> "ViewBatches":
    """Batches of one split: maps at the freeze point, or images where every layer learns.

    Args:
        rows: of one split of a face table.
        learns: take another change of each face in each epoch; otherwise the faces as they are, in order.
        taught: what a teacher says of each face, by the name of the output that learns it.
    """
    labels = {task: training_labels(rows, task) for task in recipe.tasks} | dict(taught or {})
    weights = sampling_weights(rows, recipe.source_balance, recipe.age_balance) if learns else None
    numbers: list[int | None] = list(range(recipe.augmented_views)) if learns else [None]
    views = [None if number is None else View(recipe.view_seed, number) for number in numbers]
    readers: list[Callable[[NDArray[np.int64]], NDArray[np.generic]]]
    if recipe.unfreeze_stages:
        readers = [extract(parts.frozen, rows, cache=cache, track=track, view=view).read for view in views]
    else:
        paths = rows["path"].tolist()
        readers = [_image_reader(parts, paths, view) for view in views]
    return ViewBatches(
        readers,
        labels,
        recipe.batch_size,
        seed if learns else None,
        recipe.mixup_alpha if learns else 0.0,
        recipe.epochs - recipe.epochs_without_mixup,
        weights,
    )


def _image_reader(
    parts: PartlyFrozen, paths: list[str], view: View | None
) -> Callable[[NDArray[np.int64]], NDArray[np.generic]]:
    assert parts.frozen.model is not None
    frozen = parts.frozen.model

    def read(rows: NDArray[np.int64]) -> NDArray[np.generic]:
        images = read_faces_at([paths[row] for row in rows], parts.frozen.image_size, view)
        return np.asarray(keras.ops.convert_to_numpy(frozen(images)))

    return read


class ViewBatches(Batches):
    """Batches that take each face from one of several views, another one in each epoch, and mix them in pairs.

    Args:
        mixed_epochs: how many epochs mix; in those after them each face has the share 1, in the same form.
        weights: how likely each face is to be drawn, with replacement; None takes each once an epoch.
    """

    def __init__(
        self,
        readers: list[Callable[[NDArray[np.int64]], NDArray[np.generic]]],
        labels: dict[str, NDArray[np.float32]],
        batch_size: int,
        shuffle_seed: int | None,
        mixup_alpha: float,
        mixed_epochs: int,
        weights: NDArray[np.float64] | None = None,
    ) -> None:
        self._weights = weights
        self._lacks_genders = "gender" in labels and bool((labels["gender"] == UNLABELLED).any())
        self._readers, self._mixup_alpha, self._mixed_epochs = readers, mixup_alpha, mixed_epochs
        super().__init__(self.take, labels, batch_size, shuffle_seed)

    @property
    def rows(self) -> int:
        """How many faces there are."""
        return self._rows

    def __getitem__(self, index: int) -> tuple[NDArray[np.generic], Any]:
        """A batch; of mixed faces the label of age is (age, age of the other, share), and of gender the mixture.

        Where ages are groups, or genders are missing, both labels come with the share (`agelens.training.losses`).
        """
        values, labels = super().__getitem__(index)
        if not self._mixup_alpha:
            return values, labels
        chance = np.random.default_rng([self._shuffle_seed or 0, self._epoch, index])
        share = chance.beta(self._mixup_alpha, self._mixup_alpha, (len(values), 1)).astype(np.float32)
        share = np.maximum(share, 1 - share) if self._epoch < self._mixed_epochs else np.ones_like(share)
        other = chance.permutation(len(values))
        wide = share.reshape(-1, *[1] * (values.ndim - 1))
        mixed = {task: share * column + (1 - share) * column[other] for task, column in labels.items()}
        if "age" in labels:
            mixed["age"] = np.concatenate([labels["age"], labels["age"][other], share], axis=1)
        if self._lacks_genders:
            mixed["gender"] = np.concatenate([labels["gender"], labels["gender"][other], share], axis=1)
        maps = np.asarray(values, np.float32)
        return wide * maps + (1 - wide) * maps[other], mixed

    def _draw_order(self) -> NDArray[np.int64]:
        if self._weights is None or self._shuffle_seed is None:
            return super()._draw_order()
        return draw_rows(self._weights, np.random.default_rng([self._shuffle_seed, self._epoch]))

    def take(self, rows: NDArray[np.int64]) -> NDArray[np.generic]:
        """What the network sees of some faces in the present epoch, unmixed."""
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
