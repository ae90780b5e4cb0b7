"""Estimating age and gender with finished networks; needs no Keras."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from agelens.errors import AgeLensError, ImageError
from agelens.estimate.bundle import Bundle, find_bundles
from agelens.images import Pixels, read_rgb, resize_face
from agelens.inference import run_network

PRECISIONS = ("auto", "bf16", "f32")
BATCH = 32
Item = TypeVar("Item")


@dataclass(frozen=True)
class Face:
    """What is estimated of one face.

    Attributes:
        age_years: years, or None where no age network was loaded.
        p_female: probability, 0 to 1, that the dataset's binary label is female; None without a gender network.
    """

    age_years: float | None
    p_female: float | None


@dataclass(frozen=True)
class FileResult:
    """A file and its faces, or the reason why it could not be read."""

    file: str
    faces: tuple[Face, ...]
    problem: str = ""


@dataclass(frozen=True)
class _Network:
    task: str
    side: int
    compiled: ov.CompiledModel


class Estimator:
    """Estimates from face crops, with one network or with one for age and one for gender.

    Args:
        bundles: verified bundles, at most one a task.
        precision: "bf16", "f32", or "auto", which leaves it to what the CPU does best.
    """

    def __init__(self, bundles: Sequence[Bundle], precision: str = "auto") -> None:
        if precision not in PRECISIONS:
            raise AgeLensError(f"Precision {precision!r} is not one of {', '.join(PRECISIONS)}.")
        tasks = [bundle.task for bundle in bundles]
        if len(set(tasks)) != len(tasks):
            raise AgeLensError("Give at most one bundle for age and one for gender.")
        self.bundles = tuple(bundles)
        self._networks = [_compile(bundle, precision) for bundle in bundles]

    def estimate_crops(self, crops: Sequence[Pixels]) -> list[Face]:
        """Estimate faces that are already cropped.

        Args:
            crops: uint8 arrays (height, width, 3), RGB, of any size; each is one face. `estimate_files` decodes large
                JPEGs at a reduced size, as in training, so that its estimates of them differ a little.

        Returns:
            one Face a crop, in order; an empty list for none.
        """
        for crop in crops:
            if crop.dtype != np.uint8 or crop.ndim != 3 or crop.shape[2] != 3:
                raise ValueError(f"A crop is uint8 (height, width, 3), not {crop.dtype} {crop.shape}.")
        columns: dict[str, NDArray[np.float32]] = {}
        for network in self._networks:
            columns[network.task] = np.concatenate(
                [np.zeros(0, np.float32)]
                + [
                    _run(network, np.stack([resize_face(crop, network.side) for crop in some]))
                    for some in _groups(crops, BATCH)
                ]
            )
        return [
            Face(*(float(columns[task][row]) if task in columns else None for task in ("age", "gender")))
            for row in range(len(crops))
        ]

    def estimate_files(self, paths: Iterable[Path]) -> Iterator[FileResult]:
        """Estimate files that each hold one face crop; results come in order, as they are ready.

        A file that cannot be read gives a FileResult with the reason and no faces.
        """
        with ThreadPoolExecutor(2) as decoders:
            groups = _groups(paths, BATCH)
            # The next files are decoded while the networks work on these.
            ahead = [decoders.submit(self._decode, path) for path in next(groups, ())]
            while ahead:
                ready, ahead = ahead, [decoders.submit(self._decode, path) for path in next(groups, ())]
                yield from self._results([future.result() for future in ready])

    def _decode(self, path: Path) -> tuple[Path, dict[int, Pixels], str]:
        """The face at each side that a network wants, or the reason why there is none."""
        try:
            # As in training: each side decodes by itself, since large JPEGs are decoded at a reduced size.
            sides = {network.side for network in self._networks}
            return path, {side: resize_face(read_rgb(path, side), side) for side in sides}, ""
        except ImageError as error:
            return path, {}, str(error)

    def _results(self, decoded: list[tuple[Path, dict[int, Pixels], str]]) -> Iterator[FileResult]:
        good = [images for _, images, problem in decoded if not problem]
        columns = {
            network.task: _run(network, np.stack([images[network.side] for images in good]))
            for network in self._networks
            if good
        }
        row = 0
        for path, _, problem in decoded:
            if problem:
                yield FileResult(str(path), (), problem)
                continue
            values = [float(columns[task][row]) if task in columns else None for task in ("age", "gender")]
            yield FileResult(str(path), (Face(*values),))
            row += 1


def _groups(items: Iterable[Item], size: int) -> Iterator[tuple[Item, ...]]:
    """Tuples of ``size`` items, the last one possibly shorter (itertools.batched needs Python 3.12)."""
    iterator = iter(items)
    while group := tuple(islice(iterator, size)):
        yield group


def _compile(bundle: Bundle, precision: str) -> _Network:
    hints = {"PERFORMANCE_HINT": "THROUGHPUT"}
    if precision != "auto":
        hints["INFERENCE_PRECISION_HINT"] = precision
    try:
        core = ov.Core()
        compiled = core.compile_model(core.read_model(bundle.network), "CPU", hints)
    except RuntimeError as error:
        # OpenVINO's first lines are places in its own source; the reason comes last.
        reason = str(error).strip().splitlines()[-1]
        raise AgeLensError(f"The network in {bundle.folder} cannot be used: {reason}") from None
    return _Network(bundle.task, bundle.side, compiled)


def _run(network: _Network, faces: Pixels) -> NDArray[np.float32]:
    """One number a face, from uint8 (faces, side, side, 3)."""
    return run_network(network.compiled, faces, ())


def load(folder: Path | str, precision: str = "auto") -> Estimator:
    """Load the networks of a bundle, or of a run's folder.

    Raises:
        AgeLensError: there is no bundle, or one of its files is altered.
    """
    return Estimator(find_bundles(Path(folder)), precision)
