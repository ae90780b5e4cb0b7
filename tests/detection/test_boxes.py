import numpy as np
import pytest

from agelens.detection.base import NOTHING, Found
from agelens.detection.boxes import non_maximum_suppression, rotated_back, usable, within


def faces(*boxes: tuple[float, float, float, float], scores: tuple[float, ...] | None = None) -> Found:
    """One face a box; the scores fall from 0.9 on if not given, and the landmarks carry the number of the box."""
    falling = np.linspace(0.9, 0.5, len(boxes)) if scores is None else scores
    numbers = np.arange(len(boxes), dtype=np.float32)[:, None, None]
    return Found(
        np.array(boxes, np.float32),
        np.array(falling, np.float32),
        np.broadcast_to(numbers, (len(boxes), 5, 2)),
    )


def numbers(found: Found) -> list[float]:
    return found.landmarks[:, 0, 0].tolist()


def test_of_boxes_over_one_another_the_surest_stays() -> None:
    found = faces(
        (0, 0, 100, 100), (5, 5, 105, 105), (40, 40, 60, 60), (200, 0, 300, 100), scores=(0.7, 0.9, 0.8, 0.5)
    )
    assert numbers(non_maximum_suppression(found)) == [1, 3]
    assert len(non_maximum_suppression(NOTHING).scores) == 0


@pytest.mark.parametrize(
    "bad",
    [
        (50, 50, 50, 80),  # no width
        (50, 50, 80, 50),  # no height
        (50, 50, 50, 50),
        (80, 80, 50, 50),  # inside out: both sides negative, their product positive
        (80, 50, 50, 80),
        (np.nan, 0, 10, 10),
        (0, 0, np.inf, 10),
    ],
)
def test_a_box_without_area_deletes_nothing(bad: tuple[float, float, float, float]) -> None:
    found = faces(bad, (0, 0, 100, 100), (200, 200, 300, 300))
    assert numbers(non_maximum_suppression(found)) == [1, 2]
    assert numbers(usable(found)) == [1, 2]
    assert numbers(within(found, 400, 400)) == [1, 2]


@pytest.mark.parametrize("where", ["landmarks", "scores"])
def test_a_face_with_numbers_that_are_none_is_left_out(where: str) -> None:
    found = faces((0, 0, 100, 100), (200, 200, 300, 300))
    spoilt = {name: np.array(getattr(found, name)) for name in found._fields}
    spoilt[where][0] = np.nan
    assert non_maximum_suppression(Found(**spoilt)).boxes.tolist() == [[200, 200, 300, 300]]


def test_boxes_are_clipped_to_the_photograph_and_those_outside_dropped() -> None:
    found = faces(
        (-10, -20, 90, 100),  # over two edges
        (350, 250, 430, 310),  # over the others
        (-100, 10, -5, 90),  # outside
        (400, 10, 480, 90),  # touches the edge from outside
        (395, 10, 480, 90),  # a sixteenth of it lies inside
        (-1e6, -1e6, 1e6, 1e6),  # far larger than the photograph, of which it shows next to nothing
    )
    left = within(found, 400, 300)
    assert left.boxes.tolist() == [[0, 0, 90, 100], [350, 250, 400, 300]]
    assert numbers(left) == [0, 1]


def test_what_a_turned_and_shrunken_picture_shows_comes_back() -> None:
    # By 90 degrees and half as large: (x, y) was shown at (y / 2, -x / 2) + (0, 100).
    matrix = np.array([[0, -2, 200], [2, 0, 0]], np.float64)
    found = Found(
        np.array([[10, 30, 30, 70]], np.float32), np.ones(1, np.float32), np.full((1, 5, 2), 20, np.float32)
    )
    back = rotated_back(found, matrix)
    np.testing.assert_allclose(back.boxes, [[80, 0, 120, 80]])
    np.testing.assert_allclose(back.landmarks, np.broadcast_to([160, 40], (1, 5, 2)))
