"""The features of a table's faces, as they lie on disk."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agelens.models.registry import Shape


@dataclass(frozen=True)
class Features:
    """The features of the rows of a table, read from disk as they are asked for.

    Attributes:
        shape: of one row, (height, width, channels) or (channels,).
        precision: "bf16" or "f32", of the pass and of what is stored.
        images_per_second: of the pass that computed them, or None where this was not measured.
        bytes_per_image: on disk.
    """

    _rows: NDArray[np.generic]
    _index: NDArray[np.int64]
    _pool: bool
    shape: Shape
    precision: str
    images_per_second: float | None
    bytes_per_image: int

    def __len__(self) -> int:
        return len(self._index)

    def read(self, rows: NDArray[np.int64] | slice) -> NDArray[np.float32]:
        """Features of the given rows of the table as float32 (rows, *shape)."""
        values = np.asarray(self._rows[self._index[rows]]).astype(np.float32)
        return values.mean(axis=(1, 2)) if self._pool else values

    def subset(self, mask: NDArray[np.bool_]) -> "Features":
        """The features of some of the rows, a boolean of each."""
        return Features(
            self._rows, self._index[mask], self._pool, self.shape, self.precision, self.images_per_second,
            self.bytes_per_image,
        )  # fmt: skip
