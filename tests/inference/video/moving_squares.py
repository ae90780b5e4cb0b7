"""Videos of moving coloured squares, and a predictor that takes the squares for faces."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from agelens.inference.results import Face, ImagePrediction
from agelens.inference.video.reader import Frame, Video
from agelens.utils.images import Pixels

HEIGHT, WIDTH, IMAGE_SIZE = 240, 320, 40
# Each colour is somebody: age, probability of female and score of the detector.
PEOPLE = {"red": (30.0, 0.9, 0.95), "blue": (60.0, 0.2, 0.85)}
CHANNEL = {"red": 0, "blue": 2}
# Where the left upper corner of a square is at a frame, or None where it is out of sight.
Path2D = Callable[[int], tuple[float, float] | None]


def draw(squares: dict[str, Path2D], number: int) -> Pixels:
    """One frame: squares on grey, the first one in front."""
    image = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    for colour, path in reversed(squares.items()):
        place = path(number)
        if place is not None:
            x, y = round(place[0]), round(place[1])
            image[y : y + IMAGE_SIZE, x : x + IMAGE_SIZE] = [
                220 if one == CHANNEL[colour] else 10 for one in range(3)
            ]
    return image


def read_frames(path: Path | str, frame_stride: int = 1, duration: float | None = None) -> Iterator[Frame]:
    """The frames of a video, which is closed after the last."""
    with Video(path) as video:
        yield from video.read(frame_stride, duration)


def write_video(
    path: Path,
    images: Iterator[Pixels] | Sequence[Pixels],
    times: Sequence[float] | None = None,
    rotation: tuple[float, bool, bool] | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """H.264, 25 frames a second unless their times are given; every fifth frame can be decoded alone."""
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream("libx264", rate=25, options={"g": "5", "crf": "10"})
        stream.codec_context.time_base = Fraction(1, 1000)
        stream.pix_fmt = "yuv420p"
        for number, image in enumerate(images):
            if number == 0:
                stream.height, stream.width = image.shape[:2]
                if rotation is not None:
                    stream.set_display_rotation(*rotation)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = round(1000 * (number / 25 if times is None else times[number]))
            frame.time_base = Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


class SquarePredictor:
    """Finds the squares by colour; what it says of each flickers as a network's estimate does.

    Attributes:
        said: for each colour the faces that were estimated, in order.
        batches: how many frames came together each time.
    """

    def __init__(self) -> None:
        self.bundles = ()
        self.said: dict[str, list[Face]] = {colour: [] for colour in PEOPLE}
        self.batches: list[int] = []
        self._random = np.random.default_rng(5)

    def stream(self, images: Iterable[Pixels], *, rotations: bool = True) -> Iterator[ImagePrediction]:
        self.batches.append(0)
        for image in images:
            self.batches[-1] += 1
            yield ImagePrediction("", image.shape[1], image.shape[0], tuple(self._faces(image)))

    def update_age(self, face: Face) -> Face:
        sums = np.cumsum(face.age_distribution)
        first, median, last = (float(np.searchsorted(sums, one)) for one in (0.05, 0.5, 0.95))
        return replace(face, age_years=median, age_low=first, age_high=last)

    def _faces(self, image: Pixels) -> Iterator[Face]:
        for colour, (age, female, score) in PEOPLE.items():
            mask = cv2.inRange(image, *(np.array(one) for one in _bounds(CHANNEL[colour])))
            if np.count_nonzero(mask) < IMAGE_SIZE * IMAGE_SIZE / 4:
                continue
            x, y, width, height = cv2.boundingRect(mask)
            middle = self._random.normal(age, 6)
            shares = np.exp(-(((np.arange(117) - middle) / 4) ** 2))
            shares /= shares.sum()
            p_female = float(np.clip(self._random.normal(female, 0.05), 0, 1))
            box = (float(x), float(y), float(x + width), float(y + height))
            years = float(np.searchsorted(np.cumsum(shares), 0.5))
            face = Face(years, p_female, tuple(shares.tolist()), box=box, score=score)
            self.said[colour].append(face)
            yield face


def _bounds(channel: int) -> tuple[list[int], list[int]]:
    return [150 if one == channel else 0 for one in range(3)], [
        255 if one == channel else 80 for one in range(3)
    ]
