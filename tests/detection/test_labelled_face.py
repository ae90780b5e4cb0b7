import numpy as np
import pytest

from agelens.detection import labelled_face as module
from agelens.detection.alignment import UTKFACE, align_faces
from agelens.detection.base import NOTHING, Found
from agelens.detection.labelled_face import align_labelled_face
from agelens.utils.images import Pixels

IMAGE = np.random.default_rng(0).integers(0, 255, (90, 160, 3), dtype=np.uint8)


class Nobody:
    """A detector that is never asked: the search is replaced."""

    least = confidence_threshold = 0.5

    def detect(self, image: Pixels) -> Found:
        raise AssertionError


def landmarks(left: float, top: float, side: float) -> np.ndarray:
    return np.array([left, top]) + side * np.asarray(UTKFACE.landmarks)


def found(*places: tuple[float, float, float]) -> Found:
    boxes = np.array([[x, y, x + side, y + side] for x, y, side in places], np.float32)
    points = np.array([landmarks(*place) for place in places], np.float32)
    return Found(boxes, np.ones(len(places), np.float32), points)


def crop(*place: float) -> np.ndarray:
    return np.asarray(align_faces(IMAGE, landmarks(*place)[None].astype(np.float32), UTKFACE, 32)[0])


def test_the_largest_face_or_the_one_in_the_box(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_faces", lambda *_: found((80, 10, 60), (10, 20, 40)))
    largest = align_labelled_face(IMAGE, Nobody(), UTKFACE, image_size=32)
    assert np.array_equal(largest, crop(80, 10, 60))
    boxed = align_labelled_face(IMAGE, Nobody(), UTKFACE, box=(12, 18, 48, 64), image_size=32)
    assert np.array_equal(boxed, crop(10, 20, 40))


def test_a_face_that_is_missed_in_the_photograph_is_looked_for_around_its_box(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = []

    def find(_: object, image: Pixels) -> Found:
        seen.append(image.shape[:2])
        # The part that is looked at begins at (6, 8).
        return NOTHING if image.shape[:2] == (90, 160) else found((24, 24, 40))

    monkeypatch.setattr(module, "find_faces", find)
    boxed = align_labelled_face(IMAGE, Nobody(), UTKFACE, box=(30, 32, 70, 72), image_size=32)
    assert seen == [(90, 160), (82, 88)]
    assert np.array_equal(boxed, crop(30, 32, 40))
    assert (
        align_labelled_face(IMAGE, Nobody(), UTKFACE, box=(120, 5, 150, 25)) == "no face is found in its box"
    )


def test_landmarks_need_no_search_and_no_face_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_faces", lambda *_: NOTHING)
    given = landmarks(40, 10, 50).ravel().tolist()
    assert np.array_equal(
        align_labelled_face(IMAGE, Nobody(), UTKFACE, landmarks=given, image_size=32), crop(40, 10, 50)
    )
    assert align_labelled_face(IMAGE, Nobody(), UTKFACE) == "no face is found"


@pytest.mark.parametrize(
    ("points", "reason"),
    [
        ([1.0] * 10, "in one point"),
        ([0.4, 0.3, 0.6, 0.3, 0.5, 0.4, 0.42, 0.5, 0.58, 0.5], "in one point"),
        (landmarks(500, 10, 50).ravel().tolist(), "outside the photograph"),
        (landmarks(10, -90, 50).ravel().tolist(), "outside the photograph"),
    ],
)
def test_landmarks_where_no_face_can_be_are_a_reason(points: list[float], reason: str) -> None:
    assert reason in str(align_labelled_face(IMAGE, Nobody(), UTKFACE, landmarks=points))
