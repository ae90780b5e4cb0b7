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
from agelens.inference import run_outputs

PRECISIONS = ("auto", "bf16", "f32")
BATCH = 32
Item = TypeVar("Item")


@dataclass(frozen=True)
class Face:
    """What is estimated of one face.

    Attributes:
        age_years: years, or None where no age network was loaded. Of a network that gives a distribution it is the
            median, a whole number as labels are: of all single numbers it errs least if the distribution is right.
        p_female: probability, 0 to 1, that the dataset's binary label is female; None without a gender network.
        age_distribution: probability of each whole age, from 0 years on, together 1. None where the network
            estimates a single number.
    """

    age_years: float | None
    p_female: float | None
    age_distribution: tuple[float, ...] | None = None


@dataclass(frozen=True)
class FileResult:
    """A file and its faces, or the reason why it could not be read."""

    file: str
    faces: tuple[Face, ...]
    problem: str = ""


@dataclass(frozen=True)
class _Network:
    """A compiled network; ``outputs`` are the shapes of what it gives for one face, by name, in its order."""

    side: int
    compiled: ov.CompiledModel
    outputs: dict[str, tuple[int, ...]]


# What a network may give for each face: years, probability of female, probability of each whole age, logit of female.
OUTPUTS = ("age_years", "p_female", "age_distribution", "female_logit")


class Estimator:
    """Estimates from face crops, with one network for both tasks, or one for each, or one alone.

    Args:
        bundles: verified bundles, at most one for each task.
        precision: "bf16", "f32", or "auto", which leaves it to what the CPU does best.
    """

    def __init__(self, bundles: Sequence[Bundle], precision: str = "auto") -> None:
        if precision not in PRECISIONS:
            raise AgeLensError(f"Precision {precision!r} is not one of {', '.join(PRECISIONS)}.")
        tasks = [task for bundle in bundles for task in bundle.tasks]
        if len(set(tasks)) != len(tasks):
            raise AgeLensError("Give at most one bundle for age and one for gender.")
        self.bundles = tuple(bundles)
        self._networks = [_compile(bundle, precision) for bundle in bundles]

    def estimate(self, crops: Sequence[Pixels]) -> list[Face]:
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
        faces: list[Face] = []
        for some in _groups(crops, BATCH):
            sides = {network.side for network in self._networks}
            faces += self._faces({side: np.stack([resize_face(one, side) for one in some]) for side in sides})
        return faces

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
        faces = iter(
            self._faces({side: np.stack([images[side] for images in good]) for side in good[0]})
            if good
            else ()
        )
        for path, _, problem in decoded:
            yield FileResult(str(path), () if problem else (next(faces),), problem)

    def _faces(self, images: dict[int, Pixels]) -> list[Face]:
        """The faces of one batch, which comes at each side that a network wants."""
        columns: dict[str, NDArray[np.floating]] = {}
        for network in self._networks:
            results = run_outputs(network.compiled, images[network.side], list(network.outputs.values()))
            columns.update(zip(network.outputs, results, strict=True))
        if "age_distribution" in columns:
            columns["age_years"] = median(columns["age_distribution"])
        if "female_logit" in columns:
            columns["p_female"] = 1 / (1 + np.exp(-columns["female_logit"]))
        rows = len(next(iter(images.values())))
        lists = {name: column.tolist() for name, column in columns.items()}
        empty = [None] * rows
        return [
            Face(age, female, None if distribution is None else tuple(distribution))
            for age, female, distribution in zip(
                *(lists.get(name, empty) for name in ("age_years", "p_female", "age_distribution")),
                strict=True,
            )
        ]


def median(distribution: NDArray[np.floating]) -> NDArray[np.floating]:
    """Years, (faces,), from the probabilities of whole ages from 0 on, (faces, ages): where half is reached."""
    below = distribution.cumsum(axis=1, dtype=np.float64)
    return np.asarray((below < below[:, -1:] / 2).sum(axis=1), np.float64)


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
    outputs = {}
    for port in compiled.outputs:
        name = next((name for name in OUTPUTS if name in port.get_names()), None)
        if name is None:
            raise AgeLensError(
                f"The network in {bundle.folder} gives {port.get_any_name()}, which is not known."
            )
        shape = tuple(length.get_length() for length in list(port.get_partial_shape())[1:])
        # One number a face comes as (faces, 1).
        outputs[name] = () if shape == (1,) else shape
    return _Network(bundle.side, compiled, outputs)


def load(folder: Path | str | None = None, precision: str = "auto") -> Estimator:
    """Load the network that comes with AgeLens, or those of a bundle or of a run's folder.

    Raises:
        AgeLensError: there is no bundle, or one of its files is altered.
    """
    return Estimator(find_bundles(None if folder is None else Path(folder)), precision)
