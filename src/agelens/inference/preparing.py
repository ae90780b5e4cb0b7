"""Images on their way to the networks: decoded, searched and cut in threads, some ahead of the faces in work."""

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from agelens.detection.alignment import Geometry, align_faces
from agelens.detection.base import NOTHING, Found
from agelens.detection.detector import Detector, find_faces
from agelens.detection.orientation import find_lying
from agelens.errors import ImageError, NoImageError
from agelens.inference.given import Given, decode, decode_crop, take
from agelens.inference.results import ImagePrediction
from agelens.utils.decoding.orientation import UPRIGHT
from agelens.utils.images import Pixels, resize_face

# Faces that go through the networks together, and photographs that may be ahead of them.
BATCH = 32
AHEAD = 64
# Bytes of images that are taken out of the caller's hands and wait to be searched.
HELD_BYTES = 256_000_000
DECODERS = 2

# What an exhausted iterator gives; None would be somebody's mistake, which is told.
_END = object()


@dataclass(frozen=True)
class Prepared:
    """A photograph whose faces are cut out; the photograph itself is let go, so that memory stays flat.

    Attributes:
        photo: without its faces.
        found: where they are, None for crops.
        crops: uint8 (faces, side, side, 3) for each side that a network wants.
    """

    photo: ImagePrediction
    found: Found | None
    crops: dict[int, Pixels]

    @property
    def faces(self) -> int:
        return len(next(iter(self.crops.values()))) if self.crops else 0


@dataclass(frozen=True)
class Preparation:
    """How images are prepared.

    Attributes:
        detector: finds the faces; None where each image is a face.
        geometry: how faces are aligned.
        sides: of the crops that the networks want.
        max_pixels: of an image, if there is a limit of one's own.
        rotations: search for leaning faces too.
        workers: threads that decode, and as many that search.
    """

    detector: Detector | None
    geometry: Geometry
    sides: list[int]
    max_pixels: int | None
    rotations: bool
    workers: int = DECODERS

    def prepare(self, given: Given, pillow: threading.Lock, searchers: Executor) -> Prepared:
        """Decode an image and cut its faces out.

        Args:
            pillow: held while a Pillow image is read.
            searchers: search at several sizes side by side.
        """
        try:
            if self.detector is None:
                return self._cut(given, pillow)
            return self._search(given, self.detector, pillow, searchers)
        except ImageError as error:
            return Prepared(ImagePrediction(given.file, 0, 0, error=str(error)), None, {})

    def _search(
        self, given: Given, detector: Detector, pillow: threading.Lock, searchers: Executor
    ) -> Prepared:
        photo = decode(given, self.max_pixels, pillow)

        def find(pixels: Pixels) -> Found:
            return find_faces(detector, pixels, searchers, self.rotations)

        image = photo.pixels
        found = find(image) if given.turn == UPRIGHT else find_lying(find, image, given.turn)
        result = ImagePrediction(given.file, photo.width, photo.height)
        if not len(found.scores):
            return Prepared(result, NOTHING, {})
        aligned = photo.in_srgb(align_faces(image, found.landmarks, self.geometry))
        sides = {
            image_size: np.stack([resize_face(one, image_size) for one in aligned])
            for image_size in self.sides
        }
        return Prepared(result, found.scaled(photo.scale), sides)

    def _cut(self, given: Given, pillow: threading.Lock) -> Prepared:
        # As in training: each side decodes by itself, since large JPEGs are decoded at a reduced size.
        sides = {
            image_size: resize_face(decode_crop(given, image_size, self.max_pixels, pillow), image_size)[None]
            for image_size in self.sides
        }
        return Prepared(ImagePrediction(given.file, 0, 0), None, sides)


def prepare_ahead(sources: Iterable[Any], stay: bool, config: Preparation) -> Iterator[list[Prepared]]:
    """Prepare images in threads, in order, in groups whose faces fill a batch if they are there already.

    Args:
        stay: see `agelens.inference.given.separate`.
    """
    waiting: deque[tuple[Future[Prepared], int]] = deque()
    rest = iter(sources)
    workers, searchers = ThreadPoolExecutor(config.workers), ThreadPoolExecutor(config.workers)
    pillow = threading.Lock()
    try:
        while True:
            while _has_room(waiting) and (source := next(rest, _END)) is not _END:
                try:
                    given = take(source, stay, config.max_pixels)
                except NoImageError as error:
                    # Told in its turn, behind the images before it.
                    waiting.append((_failed(error), 0))
                else:
                    waiting.append((workers.submit(config.prepare, given, pillow, searchers), given.weight))
            if not waiting:
                return
            yield _group(waiting)
    finally:
        # Also where whoever reads stops early: nobody wants what has not begun.
        workers.shutdown(cancel_futures=True)
        searchers.shutdown()


def _failed(error: NoImageError) -> "Future[Prepared]":
    future: Future[Prepared] = Future()
    future.set_exception(error)
    return future


def _has_room(waiting: "deque[tuple[Future[Prepared], int]]") -> bool:
    """Whether another image may be taken: few wait, and what is held of them in memory is little."""
    if len(waiting) >= AHEAD:
        return False
    return sum(weight for future, weight in waiting if not future.done()) < HELD_BYTES


def _group(waiting: "deque[tuple[Future[Prepared], int]]") -> list[Prepared]:
    """Wait for the next photographs until their faces fill a batch, or until one is not ready."""
    group = [waiting.popleft()[0].result()]
    faces = group[0].faces
    while waiting and faces < BATCH:
        future = waiting[0][0]
        if not future.done() and len(waiting) <= AHEAD // 2:
            break
        if future.exception() is not None:
            # It is raised with the next group, when those before it have been given on.
            break
        group.append(future.result())
        waiting.popleft()
        faces += group[-1].faces
    return group
