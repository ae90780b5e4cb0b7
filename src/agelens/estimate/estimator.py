"""Estimating age and gender with finished networks, on photographs and on crops; needs no Keras."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from agelens.errors import AgeLensError, ImageError
from agelens.estimate.align import UTKFACE, Geometry, straighten
from agelens.estimate.bundle import Bundle, find_bundles
from agelens.estimate.detect import Detector, find_detector, find_faces
from agelens.estimate.detectors.base import NOTHING, Found
from agelens.estimate.intervals import Calibration, median
from agelens.estimate.network import PRECISIONS, Network, compile_bundle
from agelens.estimate.results import Estimates, Face, Photo
from agelens.images import Pixels, convert_rgb, read_rgb, resize_face
from agelens.inference import run_outputs

# Faces that go through the networks together, and photographs that may be ahead of them.
BATCH = 32
AHEAD = 64
DECODERS = 2

# What an exhausted iterator gives; None would be somebody's mistake, which is told.
_END = Path()
Source: TypeAlias = str | Path | Pixels | Image.Image


@dataclass(frozen=True)
class _Prepared:
    """A photograph whose faces are cut out; the photograph itself is let go, so that memory stays flat.

    Attributes:
        photo: without its faces.
        found: where they are, None for crops.
        crops: uint8 (faces, side, side, 3) for each side that a network wants.
    """

    photo: Photo
    found: Found | None
    crops: dict[int, Pixels]

    @property
    def faces(self) -> int:
        return len(next(iter(self.crops.values()))) if self.crops else 0


class Estimator:
    """Finds faces in photographs and estimates each, with one network for both tasks, or one for each, or one alone.

    One caller at a time: calls from several threads must take turns.

    Args:
        bundles: verified bundles, at most one for each task.
        precision: "bf16", "f32", or "auto", which leaves it to what the CPU does best.
        detector: what finds the faces; AgeLens's own is read when it is first needed.
    """

    def __init__(
        self, bundles: Sequence[Bundle], precision: str = "auto", detector: Detector | None = None
    ) -> None:
        if precision not in PRECISIONS:
            raise AgeLensError(f"Precision {precision!r} is not one of {', '.join(PRECISIONS)}.")
        tasks = [task for bundle in bundles for task in bundle.tasks]
        if len(set(tasks)) != len(tasks):
            raise AgeLensError("Give at most one bundle for age and one for gender.")
        self.bundles = tuple(bundles)
        self.geometry = next(filter(None, map(_geometry, bundles)), UTKFACE)
        self._calibration = next(filter(None, map(_calibration, bundles)), None)
        self._networks: list[Network] = [compile_bundle(bundle, precision) for bundle in bundles]
        self._sides = sorted({network.side for network in self._networks})
        self._detector = detector

    @property
    def detector(self) -> Detector:
        """What finds the faces. Raises AgeLensError where none is installed."""
        if self._detector is None:
            self._detector = find_detector()
        return self._detector

    def estimate(self, images: Iterable[Source] | Source, crops: bool = False) -> Estimates:
        """Find and estimate the faces of images.

        Args:
            images: paths, uint8 arrays (height, width, 3), RGB, and Pillow images, in any mix; or one alone.
            crops: each image is one face, cropped as the networks' training faces were; no face is searched.

        Returns:
            one `Photo` an image, in order. A file that cannot be read gives one with the reason and no faces.

        Raises:
            ValueError: an array that is no RGB image.
        """
        if (
            isinstance(images, str | bytes | Path | Image.Image)
            or not isinstance(images, Iterable)
            or (isinstance(images, np.ndarray) and images.ndim <= 3)
        ):
            images = [images]
        images = list(images)
        for image in images:
            _check(image)
        return Estimates(self.stream(images, crops))

    def stream(self, images: Iterable[Source], crops: bool = False, leaning: bool = True) -> Iterator[Photo]:
        """The same one by one, in order, as they are ready; memory stays flat however many there are.

        The next images are decoded and searched in two threads while the networks work on the faces found before.

        Args:
            leaning: search for leaning faces too (see `agelens.estimate.detect.find_faces`).
        """
        if not crops:
            # Here, so that a missing detector is told before the threads start.
            _ = self.detector
        waiting: deque[Future[_Prepared]] = deque()
        sources = iter(images)
        workers, lookers = ThreadPoolExecutor(DECODERS), ThreadPoolExecutor(DECODERS)

        def prepare(source: Source) -> _Prepared:
            file = str(source) if isinstance(source, str | Path) else ""
            try:
                return self._cut(source, file) if crops else self._search(source, file, lookers, leaning)
            except ImageError as error:
                return _Prepared(Photo(file, 0, 0, problem=str(error)), None, {})

        try:
            while True:
                while len(waiting) < AHEAD and (source := next(sources, _END)) is not _END:
                    waiting.append(workers.submit(prepare, source))
                if not waiting:
                    return
                yield from self._assemble(_take(waiting))
        finally:
            # Also where whoever reads stops early: nobody wants what has not begun.
            workers.shutdown(cancel_futures=True)
            lookers.shutdown()

    def combine(self, faces: Sequence[Face]) -> Face:
        """One estimate from several of the same face, as of a person in the frames of a video.

        Returns:
            the mean of the distributions and of the probabilities, with the place, landmarks and score of the last.
        """
        last = faces[-1]
        columns: dict[str, NDArray[np.floating]] = {}
        for name in ("age_years", "p_female", "age_distribution"):
            values = [value for face in faces if (value := getattr(face, name)) is not None]
            if values:
                columns[name] = np.mean(values, axis=0, keepdims=True)
        mean = self._faces(columns, 1)[0]
        return replace(
            mean, box=last.box, landmarks=last.landmarks, score=last.score, uncertain=last.uncertain
        )

    def _search(self, source: Source, file: str, lookers: Executor, leaning: bool) -> _Prepared:
        """Decode a photograph and cut its faces out."""
        image = _pixels(source)
        photo = Photo(file, image.shape[1], image.shape[0])
        found = find_faces(self.detector, image, lookers, leaning)
        if not len(found.scores):
            return _Prepared(photo, NOTHING, {})
        straight = straighten(image, found.landmarks, self.geometry)
        sides = {side: np.stack([resize_face(one, side) for one in straight]) for side in self._sides}
        return _Prepared(photo, found, sides)

    def _cut(self, source: Source, file: str) -> _Prepared:
        """Decode an image that is one face."""
        # As in training: each side decodes by itself, since large JPEGs are decoded at a reduced size.
        sides = {side: resize_face(_pixels(source, side), side)[None] for side in self._sides}
        return _Prepared(Photo(file, 0, 0), None, sides)

    def _assemble(self, group: list[_Prepared]) -> Iterator[Photo]:
        """Run the networks on the faces of some photographs, BATCH at a time, and give each its own."""
        total = sum(one.faces for one in group)
        sides = self._sides if total else []
        crops = {side: np.concatenate([one.crops[side] for one in group if one.faces]) for side in sides}
        # Cut across photographs, so that neither many small ones nor one with hundreds of faces is slow.
        faces = iter(
            [
                face
                for start in range(0, total, BATCH)
                for face in self.estimate_crops({side: crops[side][start : start + BATCH] for side in sides})
            ]
        )
        for one in group:
            own = [next(faces) for _ in range(one.faces)]
            yield replace(one.photo, faces=tuple(self._place(one.found, own)))

    def _place(self, found: Found | None, faces: list[Face]) -> Iterator[Face]:
        if found is None:
            yield from faces
            return
        for face, box, score, landmarks in zip(faces, *(column.tolist() for column in found), strict=True):
            yield replace(
                face,
                box=tuple(box),
                landmarks=tuple((x, y) for x, y in landmarks),
                score=score,
                uncertain=score < self.detector.sure,
            )

    def estimate_crops(self, crops: dict[int, Pixels]) -> list[Face]:
        """The faces of one batch of crops, uint8 (faces, side, side, 3), which comes at each side that is wanted."""
        columns: dict[str, NDArray[np.floating]] = {}
        for network in self._networks:
            results = run_outputs(network.compiled, crops[network.side], list(network.outputs.values()))
            columns.update(zip(network.outputs, results, strict=True))
        if "female_logit" in columns:
            columns["p_female"] = 1 / (1 + np.exp(-columns["female_logit"]))
        return self._faces(columns, len(next(iter(crops.values()))))

    def _faces(self, columns: dict[str, NDArray[np.floating]], rows: int) -> list[Face]:
        """Faces from what is estimated, by column."""
        distribution = columns.get("age_distribution")
        if distribution is not None:
            columns["age_years"] = median(distribution)
        if self._calibration is not None and "age_years" in columns:
            columns["age_interval"] = self._calibration.intervals(columns["age_years"], distribution)
        lists = {name: column.tolist() for name, column in columns.items()}
        empty = [None] * rows
        names = ("age_years", "p_female", "age_distribution", "age_interval")
        return [
            Face(age, female, shares and tuple(shares), interval and tuple(interval))
            for age, female, shares, interval in zip(*(lists.get(name, empty) for name in names), strict=True)
        ]


def _take(waiting: "deque[Future[_Prepared]]") -> list[_Prepared]:
    """Wait for the next photographs until their faces fill a batch, or until one is not ready."""
    group = [waiting.popleft().result()]
    faces = group[0].faces
    while waiting and faces < BATCH and (waiting[0].done() or len(waiting) > AHEAD // 2):
        group.append(waiting.popleft().result())
        faces += group[-1].faces
    return group


def _check(image: Source) -> None:
    if not isinstance(image, str | Path | np.ndarray | Image.Image):
        raise ValueError(f"An image is a path, an array or a Pillow image, not {type(image).__name__}.")
    if isinstance(image, np.ndarray) and (image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3):
        raise ValueError(f"An image is uint8 (height, width, 3), not {image.dtype} {image.shape}.")


def _pixels(source: Source, least_side: int = 0) -> Pixels:
    _check(source)
    if isinstance(source, np.ndarray | Image.Image):
        pixels = convert_rgb(source) if isinstance(source, Image.Image) else source
        if not pixels.size:
            raise ImageError("has no pixels")
        return pixels
    return read_rgb(Path(source), least_side)


def _geometry(bundle: Bundle) -> Geometry | None:
    return bundle.read("geometry", Geometry.from_card)


def _calibration(bundle: Bundle) -> Calibration | None:
    # A network of gender has none.
    return bundle.read("calibration", Calibration.from_card)


def load(
    folder: Path | str | None = None, precision: str = "auto", detector: Path | str | None = None
) -> Estimator:
    """Load the network that comes with AgeLens, or those of a bundle or of a run's folder.

    Args:
        detector: an ONNX file of a detector (see `agelens.estimate.detect.find_detector`); AgeLens's own if not given.

    Raises:
        AgeLensError: there is no bundle, or one of its files is altered, or no such detector.
    """
    bundles = find_bundles(None if folder is None else Path(folder))
    return Estimator(bundles, precision, None if detector is None else find_detector(Path(detector)))
