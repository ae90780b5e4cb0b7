"""Faces that are followed, and what is said of them."""

from pathlib import Path

import numpy as np
import pytest

from agelens.inference.results import Face
from agelens.inference.video.pipeline import track_video
from agelens.inference.video.tracker import FaceTracker, VideoFrame, summarize_tracks
from tests.inference.video.moving_squares import SquarePredictor, draw, write_video

FRAMES = 100
# The blue square is out of sight for these frames.
GONE = range(70, 80)


def to_the_right(number: int) -> tuple[float, float]:
    return 5 + 2.6 * number, 80.0


def to_the_left(number: int) -> tuple[float, float] | None:
    return None if number in GONE else (275 - 2.6 * number, 110.0)


@pytest.fixture(scope="module")
def crossing(tmp_path_factory: pytest.TempPathFactory) -> tuple[SquarePredictor, list[VideoFrame]]:
    """Two squares that pass each other, half hidden for a moment; then one is gone and returns."""
    people = {"red": to_the_right, "blue": to_the_left}
    path = tmp_path_factory.mktemp("video") / "a.mp4"
    write_video(path, [draw(people, number) for number in range(FRAMES)])
    predictor = SquarePredictor()
    return predictor, list(track_video(predictor, path))


def test_two_that_cross_keep_their_numbers_and_so_does_one_that_returns(crossing) -> None:
    _, frames = crossing
    by_track: dict[int, set[float]] = {}
    for frame in frames:
        assert len(frame.faces) == (1 if frame.number in GONE else 2)
        for one in frame.faces:
            by_track.setdefault(one.track, set()).add(one.face.score)
    # The score tells the colours apart.
    assert by_track == {1: {0.95}, 2: {0.85}}


def test_a_track_says_the_average_of_its_distributions_and_probabilities(crossing) -> None:
    predictor, frames = crossing
    for track, colour in zip(summarize_tracks(frames), ("red", "blue"), strict=True):
        said = predictor.said[colour]
        assert track.frames == len(said)
        mean = np.mean([face.age_distribution for face in said], axis=0)
        assert track.face.age_distribution == pytest.approx(mean)
        assert track.face.p_female == pytest.approx(np.mean([face.p_female for face in said]))
        assert track.face.age_years == pytest.approx({"red": 30, "blue": 60}[colour], abs=2)
        assert track.face.prediction_interval[0] < track.face.age_years < track.face.prediction_interval[1]
    first, second = summarize_tracks(frames)
    assert (first.track, second.track) == (1, 2)
    assert (first.first_seconds, first.last_seconds) == pytest.approx((0, (FRAMES - 1) / 25))


def test_after_some_frames_the_age_stands_still_where_single_frames_flicker(crossing) -> None:
    predictor, frames = crossing
    for track, colour in ((1, "red"), (2, "blue")):
        shown = [one.face.age_years for frame in frames for one in frame.faces if one.track == track]
        single = [face.age_years for face in predictor.said[colour]]
        assert np.var(single) > 20
        assert np.var(shown[10:]) < np.var(single) / 20


def test_the_box_is_that_of_the_frame(crossing) -> None:
    _, frames = crossing
    for frame in frames:
        x, y = to_the_right(frame.number)
        assert frame.faces[0].face.box[:2] == pytest.approx((x, y), abs=3)
        assert frame.faces[0].seen == frame.number + 1


def test_every_third_frame_is_enough_for_faces_that_walk(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", [draw({"red": to_the_right}, number) for number in range(60)])
    frames = list(track_video(SquarePredictor(), path, frame_stride=3))
    assert [frame.number for frame in frames] == list(range(0, 60, 3))
    assert [track.frames for track in summarize_tracks(frames)] == [20]


def face(left: float, **more) -> Face:
    return Face(30.0, 0.5, tuple(np.eye(117)[30]), box=(left, 0.0, left + 40, 40.0), score=0.9, **more)


def test_an_unsure_face_continues_a_track_but_begins_none() -> None:
    tracker = FaceTracker(SquarePredictor())
    assert tracker.update([face(0), face(200, low_confidence=True)], 0.0)[0].track == 1
    found = tracker.update([face(2, low_confidence=True), face(200, low_confidence=True)], 0.04)
    assert [(one.track, one.seen) for one in found] == [(1, 2)]


def test_a_face_that_was_gone_too_long_is_a_new_one() -> None:
    tracker = FaceTracker(SquarePredictor(), lifespan_seconds=0.5)
    assert tracker.update([face(0)], 0.0)[0].track == 1
    assert tracker.update([], 0.4) == ()
    assert tracker.update([face(0)], 0.45)[0].track == 1
    assert tracker.update([], 1.2) == ()
    assert tracker.update([face(0)], 1.24)[0].track == 2


def test_networks_without_distribution_or_gender_are_averaged_too() -> None:
    class Plain(SquarePredictor):
        def update_age(self, face):
            return face

    tracker = FaceTracker(Plain())
    for number, years in enumerate((20.0, 30.0, 25.0)):
        found = tracker.update([Face(years, None, box=(0.0, 0.0, 9.0, 9.0))], number / 25)
    assert found[0].face == Face(25.0, None, box=(0.0, 0.0, 9.0, 9.0))


def test_a_video_without_frames_has_no_tracks() -> None:
    assert summarize_tracks([]) == []
