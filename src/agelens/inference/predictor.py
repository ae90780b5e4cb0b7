"""Estimating age and gender with finished networks, on photographs and on crops; needs no Keras."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agelens.bundles.bundle import Bundle, find_bundles, open_bundle
from agelens.detection.alignment import UTKFACE
from agelens.detection.base import Found
from agelens.detection.detector import Detector, find_detector
from agelens.errors import AgeLensError
from agelens.inference.card_entries import calibration_of, geometry_of, temperature_of
from agelens.inference.given import Source, check, check_crops, separate
from agelens.inference.intervals import COVERAGE, median
from agelens.inference.preparing import AHEAD, BATCH, DECODERS, Preparation, Prepared, prepare_ahead
from agelens.inference.results import Face, ImagePrediction, Predictions
from agelens.inference.temperature import Temperature
from agelens.runtime.options import RuntimeOptions
from agelens.runtime.session import Network, compile_bundle
from agelens.utils.arguments import as_path
from agelens.utils.images import Pixels

__all__ = ["AHEAD", "BATCH", "Predictor", "Source", "load"]


class Predictor:
    """Finds faces in photographs and estimates each, with one network for both tasks, or one for each, or one alone.

    One caller at a time: calls from several threads must take turns.

    Args:
        bundles: verified bundles, at most one for each task.
        precision: "bf16", "f32", or "auto", which leaves it to what the CPU does best.
        detector: what finds the faces; AgeLens's own is read when it is first needed.
        max_pixels: width times height above which an image is refused; `agelens.utils.images.MAX_PIXELS` if not given.
        device: a name of `agelens.runtime.devices.DEVICES`, or "auto".
        threads: how many threads of the CPU compute; None is one for each core.
        cache: keep compiled networks in the user's cache folder, so that the next start is quick.

    It can be pickled, by the paths of its bundles, and used in a process that was forked from the one that made it.
    """

    def __init__(
        self,
        bundles: Sequence[Bundle],
        precision: str = "auto",
        detector: Detector | None = None,
        max_pixels: int | None = None,
        device: str = "auto",
        threads: int | None = None,
        cache: bool = False,
    ) -> None:
        if max_pixels is not None and max_pixels < 1:
            raise AgeLensError(f"max_pixels is a number of pixels from 1 up, not {max_pixels}.")
        self._options = RuntimeOptions(precision, device, threads, cache)
        tasks = [task for bundle in bundles for task in bundle.tasks]
        if len(set(tasks)) != len(tasks):
            raise AgeLensError("Give at most one bundle for age and one for gender.")
        self.bundles = tuple(bundles)
        self.geometry = next(filter(None, map(geometry_of, bundles)), UTKFACE)
        self._calibration = next(filter(None, map(calibration_of, bundles)), None)
        self.temperature = next(filter(None, map(temperature_of, bundles)), Temperature())
        self._networks: list[Network] = [compile_bundle(bundle, self._options) for bundle in bundles]
        self._image_sizes = sorted({network.image_size for network in self._networks})
        # One that was looked up is looked up again, wherever the predictor is unpickled.
        self._detector = self._given_detector = detector
        self._max_pixels = max_pixels

    def __repr__(self) -> str:
        bundles = ", ".join(str(bundle.folder) for bundle in self.bundles)
        tasks = " and ".join(task for bundle in self.bundles for task in bundle.tasks)
        return f"<Predictor of {tasks} from {bundles}>"

    def __reduce__(self) -> tuple[Any, ...]:
        networks = [
            (bundle.folder.absolute(), hashlib.sha256(bundle.network).hexdigest()) for bundle in self.bundles
        ]
        return _restore, (networks, self._options, self._given_detector, self._max_pixels)

    @property
    def detector(self) -> Detector:
        """What finds the faces. Raises AgeLensError where none is installed."""
        if self._detector is None:
            self._detector = find_detector(None, self._options)
        return self._detector

    @property
    def gives_age_distribution(self) -> bool:
        """Whether each face gets a probability of each age, and not years alone."""
        return any("age_distribution" in network.outputs for network in self._networks)

    def predict(self, images: Iterable[Source] | Source, crops: bool = False) -> Predictions:
        """Find and estimate the faces of images.

        Args:
            images: one image or many, of any kinds: paths (str or Path), the bytes of image files, open files, Pillow
                images, and arrays (height, width) or (height, width, channels) of uint8, uint16, or floating-point
                numbers from 0 to 1, in grey or RGB, with or without alpha. Many come in a list, an array of images or
                of paths, a column of a table or an iterator, from which each is taken as it is at that moment.
            crops: each image is one face, cropped as the networks' training faces were; no face is searched.

        Returns:
            one `ImagePrediction` an image, in order. A file that cannot be read gives one with the reason and no faces.

        Raises:
            NoImageError: (a ValueError) something that could be no image.
        """
        sources, stay = separate(images)
        if stay:
            sources = list(sources)
            for source in sources:
                check(source)
        return Predictions(self._stream(sources, crops, rotations=True, stay=stay))

    def stream(
        self, images: Iterable[Source] | Source, crops: bool = False, rotations: bool = True
    ) -> Iterator[ImagePrediction]:
        """The same one by one, in order, as they are ready; memory stays flat however many there are.

        The next images are decoded and searched in two threads while the networks work on the faces found before.
        Arrays are copied, and Pillow images and open files are read, when they are taken from ``images``.

        Args:
            rotations: search for leaning faces too (see `agelens.detection.detector.find_faces`).
        """
        sources, _ = separate(images)
        return self._stream(sources, crops, rotations, stay=False)

    def _stream(
        self, sources: Iterable[Any], crops: bool, rotations: bool, stay: bool
    ) -> Iterator[ImagePrediction]:
        # The detector here, so that a missing one is told before the threads start.
        detector = None if crops else self.detector
        workers = min(DECODERS, self._options.threads or DECODERS)
        preparation = Preparation(
            detector, self.geometry, self._image_sizes, self._max_pixels, rotations, workers
        )
        for group in prepare_ahead(sources, stay, preparation):
            yield from self._assemble(group)

    def update_age(self, face: Face) -> Face:
        """Return a face with the age and the interval that follow from its distribution.

        Args:
            face: one whose distribution, or whose age where there is none, is an average, as over a video's frames.
        """
        values = {"age_years": face.age_years, "age_distribution": face.age_distribution}
        columns = {name: np.array([value]) for name, value in values.items() if value is not None}
        own = self._faces(columns, 1)[0]
        return replace(face, age_years=own.age_years, age_low=own.age_low, age_high=own.age_high)

    def _assemble(self, group: list[Prepared]) -> Iterator[ImagePrediction]:
        """Run the networks on the faces of some photographs, BATCH at a time, and give each its own."""
        total = sum(one.faces for one in group)
        image_sizes = self._image_sizes if total else []
        crops = {
            image_size: np.concatenate([one.crops[image_size] for one in group if one.faces])
            for image_size in image_sizes
        }
        # Cut across photographs, so that neither many small ones nor one with hundreds of faces is slow.
        faces = iter(
            [
                face
                for start in range(0, total, BATCH)
                for face in self.predict_crops(
                    {image_size: crops[image_size][start : start + BATCH] for image_size in image_sizes}
                )
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
                low_confidence=score < self.detector.confidence_threshold,
            )

    def predict_crops(self, crops: dict[int, Pixels]) -> list[Face]:
        """The faces of one batch of crops, uint8 (faces, side, side, 3), which comes at each side that is wanted."""
        check_crops(crops, self._image_sizes)
        columns: dict[str, NDArray[np.floating]] = {}
        for network in self._networks:
            columns.update(network.run(crops[network.image_size]))
        if "female_logit" in columns:
            columns["p_female"] = self.temperature.apply(columns["female_logit"])
        elif "p_female" in columns:
            columns["p_female"] = self.temperature.apply_to_probabilities(columns["p_female"])
        return self._faces(columns, len(next(iter(crops.values()))))

    def prediction_intervals(
        self, faces: Sequence[Face], coverage: float = COVERAGE
    ) -> NDArray[np.float64] | None:
        """The prediction intervals of faces for another coverage than 90 %.

        Args:
            faces: that this predictor gave, with an age each.
            coverage: share of true ages that they are to hold, between 0 and 1.

        Returns:
            from and to, years, both included, (faces, 2); None where the bundle has no calibration.
        """
        if self._calibration is None:
            return None
        distributions = [face.age_distribution for face in faces if face.age_distribution is not None]
        years = np.array([face.age_years for face in faces], np.float64)
        return self._calibration.intervals(
            years, np.array(distributions) if distributions else None, coverage
        )

    def is_calibrated_for(self, coverage: float) -> bool:
        """Whether the bundle was calibrated for intervals of this coverage; others take the offsets of 90 %."""
        return self._calibration is not None and self._calibration.is_fitted_for(coverage)

    def _faces(self, columns: dict[str, NDArray[np.floating]], rows: int) -> list[Face]:
        """Faces from what is estimated, by column."""
        distribution = columns.get("age_distribution")
        if distribution is not None:
            columns["age_years"] = median(distribution)
        if self._calibration is not None and "age_years" in columns:
            intervals = self._calibration.intervals(columns["age_years"], distribution)
            columns["age_low"], columns["age_high"] = intervals.T
        lists = {name: column.tolist() for name, column in columns.items()}
        empty = [None] * rows
        names = ("age_years", "p_female", "age_distribution", "age_low", "age_high")
        return [
            Face(age, female, shares and tuple(shares), low, high)
            for age, female, shares, low, high in zip(
                *(lists.get(name, empty) for name in names), strict=True
            )
        ]


def load(
    folder: Path | str | None = None,
    precision: str = "auto",
    detector: Path | str | None = None,
    max_pixels: int | None = None,
    device: str = "auto",
    threads: int | None = None,
    cache: bool = False,
) -> Predictor:
    """Load the network that comes with AgeLens, or those of a bundle or of a run's folder.

    Args:
        folder: of a bundle or a run; "agelens", which is taken if nothing is given, or "small", AgeLens's network for
            little space and time; or an address such as ``hf://owner/name@commit``.
        precision: "bf16", "f32", or "auto", which leaves it to what the CPU does best.
        detector: an ONNX file of a detector (see `agelens.detection.detector.find_detector`); AgeLens's own if not
            given.
        max_pixels: width times height above which an image is refused; 200 million if not given.
        device: what computes: "auto", "cpu", "gpu", "cuda" and others (`agelens devices` lists them).
        threads: how many threads of the CPU compute; None is one for each core.
        cache: keep compiled networks in the user's cache folder ($AGELENS_CACHE, or the system's), so that the next
            start takes a fraction of the time.

    Raises:
        AgeLensError: there is no bundle, or one of its files is altered, or no such detector or device.
    """
    bundles = find_bundles(None if folder is None else as_path("folder", folder))
    options = RuntimeOptions(precision, device, threads, cache)
    found = None if detector is None else find_detector(as_path("detector", detector), options)
    return Predictor(bundles, precision, found, max_pixels, device, threads, cache)


def _restore(
    networks: list[tuple[Path, str]],
    options: RuntimeOptions,
    detector: Detector | None,
    max_pixels: int | None,
) -> Predictor:
    """A predictor that was pickled."""
    bundles = [open_bundle(folder) for folder, _ in networks]
    for bundle, (folder, digest) in zip(bundles, networks, strict=True):
        if hashlib.sha256(bundle.network).hexdigest() != digest:
            raise AgeLensError(
                f"The bundle {folder} has changed since this predictor was pickled; load it again."
            )
    return Predictor(
        bundles, options.precision, detector, max_pixels, options.device, options.threads, options.cache
    )
