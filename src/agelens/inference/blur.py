"""Faces made unrecognisable in a photograph or a video, for publishing. A face that is not found stays as it is."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from agelens.inference.given import Source, read_one
from agelens.inference.results import Face
from agelens.utils.images import Pixels

# What is left of a face: so many cells of one colour each, along the longer side of its box.
_CELLS = 6
# The box is grown by this share of its sides, for hair, ears and chin.
_MARGIN = 0.25
# A face that is not found in a frame is looked away from for so long, where it was seen last.
_MEMORY_SECONDS = 0.5
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Blur:
    """Which faces are made unrecognisable.

    Attributes:
        under: those who may be younger than this, years: the lower end of the prediction interval counts, so that
            doubt blurs, and a face without an interval is blurred too. None takes every face.
    """

    under: float | None = None

    @property
    def kind(self) -> str:
        """What a picture in which these faces were hidden is, for its mark."""
        return "blurred" if self.under is None else f"blurred under {self.under:g}"

    def applies_to(self, face: Face) -> bool:
        """Whether a face is to be made unrecognisable."""
        if face.box is None:
            return False
        return self.under is None or face.age_low is None or face.age_low < self.under

    def boxes(self, faces: Iterable[Face]) -> list[Box]:
        """Return the places of the faces that are to be made unrecognisable."""
        return [face.box for face in faces if face.box is not None and self.applies_to(face)]


def blur(image: Source, faces: Iterable[Face], under: float | None = None) -> Pixels:
    """Return a photograph with its faces made unrecognisable: a few cells of one colour stand in their place.

    Args:
        image: the photograph, of any kind that `Predictor.predict` takes.
        faces: of it; those without a box (crops) are left out, those of low confidence are not.
        under: only those who may be younger than this, years (see `Blur`).

    Returns:
        uint8 (height, width, 3), RGB, upright; nothing of the file's metadata goes with it.

    Raises:
        ImageError: the photograph cannot be read. NoImageError: it is nothing that could be an image.
    """
    return blur_boxes(read_one(image), Blur(under).boxes(faces))


def blur_boxes(image: Pixels, boxes: Iterable[Box]) -> Pixels:
    """Return a copy of an image, uint8 (height, width, 3), with areas made unrecognisable; boxes are in pixels."""
    result = np.array(image)
    for box in boxes:
        left, top, right, bottom = _grown(box, image.shape[1], image.shape[0])
        area = result[top:bottom, left:right]
        if not area.size:
            continue
        cells = _CELLS / max(area.shape[:2])
        height, width = (max(1, round(side * cells)) for side in area.shape[:2])
        # From the image as it was, or boxes that overlap would be drawn from one another.
        small = cv2.resize(image[top:bottom, left:right], (width, height), interpolation=cv2.INTER_AREA)
        result[top:bottom, left:right] = cv2.resize(
            small, (area.shape[1], area.shape[0]), interpolation=cv2.INTER_NEAREST
        )
    return result


def _grown(box: Box, width: int, height: int) -> tuple[int, int, int, int]:
    left, top, right, bottom = box
    wide, high = _MARGIN * (right - left), _MARGIN * (bottom - top)
    return (
        max(0, int(left - wide)), max(0, int(top - high)),
        min(width, int(np.ceil(right + wide))), min(height, int(np.ceil(bottom + high))),
    )  # fmt: skip


def kind_of_picture(blur: Blur | None) -> str:
    """What a picture is in which faces are hidden, or drawn in where ``blur`` is None; for its mark."""
    return "annotated" if blur is None else blur.kind


class VideoBlur:
    """The same in the frames of a video, in order; where a face was seen a moment ago it is taken to be still."""

    def __init__(self, blur: Blur) -> None:
        self._blur = blur
        self._recent: deque[tuple[float, list[Box]]] = deque()

    def __call__(self, image: Pixels, seconds: float, faces: Iterable[Face]) -> Pixels:
        """Return a copy of a frame.

        Args:
            seconds: of the frame in the video. faces: of it.
        """
        self._recent.append((seconds, self._blur.boxes(faces)))
        while self._recent[0][0] < seconds - _MEMORY_SECONDS:
            self._recent.popleft()
        return blur_boxes(image, [box for _, boxes in self._recent for box in boxes])
