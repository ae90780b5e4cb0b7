import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agelens.detection.alignment import UTKFACE, Geometry, align_faces, similarity

PLACES = np.array(UTKFACE.landmarks)


def moved(angle: float, scale: float, shift: tuple[float, float], image_size: int = 200) -> np.ndarray:
    """The landmarks of a training crop after a turn (degrees), a scaling and a shift (pixels)."""
    turn = np.radians(angle)
    matrix = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return PLACES * image_size @ matrix.T + shift


@given(st.floats(-180, 180), st.floats(0.05, 30), st.tuples(st.floats(-3e3, 3e3), st.floats(-3e3, 3e3)))
def test_a_similarity_is_undone(angle: float, scale: float, shift: tuple[float, float]) -> None:
    points = moved(angle, scale, shift)
    found = similarity(points, UTKFACE, 144)
    back = np.column_stack([points, np.ones(5)]) @ found.T
    np.testing.assert_allclose(back, PLACES * 144, atol=1e-6 * max(1, np.abs(points).max()))


def test_firm_landmarks_decide() -> None:
    points = PLACES * 200
    points[4] += 20  # a corner of the mouth moves as one speaks
    found = similarity(points, UTKFACE, 200)
    even = similarity(points, Geometry(UTKFACE.landmarks, (0.02,) * 5, 200), 200)
    eyes = np.column_stack([points[:2], np.ones(2)])
    firm, loose = (np.abs(eyes @ one.T - PLACES[:2] * 200).max() for one in (found, even))
    assert firm < 0.6 * loose


def test_landmarks_in_one_point_are_no_reason_to_fail() -> None:
    found = similarity(np.full((5, 2), 40.0), UTKFACE, 200)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found[:, :2], np.eye(2))


def picture(image_size: int = 200) -> np.ndarray:
    """A smooth picture, so that resampling changes little."""
    y, x = np.mgrid[:image_size, :image_size] / image_size
    return np.stack([127 + 120 * np.sin(6 * x + 3 * y), 255 * x, 255 * y], 2).round().astype(np.uint8)


@pytest.mark.parametrize(("angle", "scale"), [(0, 1), (30, 1.5), (-45, 3.3), (10, 0.6), (0, 6)])
def test_a_face_comes_back_from_wherever_it_was_put(angle: float, scale: float) -> None:
    import cv2

    crop = picture()
    centre = np.array([900.0, 700.0])
    turn = np.radians(angle)
    matrix = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    shift = centre - matrix @ [99.5, 99.5]
    photo = cv2.warpAffine(
        crop,
        np.column_stack([matrix, shift]),
        (1800, 1400),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    # Centres of pixels lie at whole numbers, the landmarks' shares at edges: half a pixel, as everywhere here.
    points = (PLACES * 200) @ matrix.T + shift
    aligned = align_faces(photo, points[None], UTKFACE)
    assert aligned.shape == (1, 200, 200, 3)
    error = np.abs(aligned[0].astype(int) - crop)[20:-20, 20:-20]
    assert error.mean() < 2.5


def test_shrinking_does_not_turn_texture_into_noise() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1600, 1600, 3), np.uint8)
    aligned = align_faces(noise, (PLACES * 1600)[None], UTKFACE)
    # 64 pixels are averaged into one; sampling alone would keep the spread of the noise, 74.
    assert aligned.std() < 15


def test_beyond_the_edge_it_is_repeated() -> None:
    photo = np.full((100, 100, 3), 200, np.uint8)
    assert align_faces(photo, (PLACES * 200)[None], UTKFACE).min() == 200
    assert align_faces(photo, np.zeros((0, 5, 2)), UTKFACE).shape == (0, 200, 200, 3)


def test_a_geometry_checks_itself_and_comes_back_from_a_card() -> None:
    assert Geometry.from_card(UTKFACE.to_card()) == UTKFACE
    with pytest.raises(ValueError, match="five landmarks"):
        Geometry(UTKFACE.landmarks[:4], UTKFACE.spread, 200)
    with pytest.raises(ValueError, match="greater than 0"):
        Geometry(UTKFACE.landmarks, (0.0, 1, 1, 1, 1), 200)
    for landmarks, spread, image_size in (
        (((1e308, 1.0),) * 5, UTKFACE.spread, 200),
        (((float("nan"), 1.0),) * 5, UTKFACE.spread, 200),
        (UTKFACE.landmarks, (1e-300,) * 5, 200),
        (UTKFACE.landmarks, UTKFACE.spread, 10**9),
    ):
        with pytest.raises(ValueError, match="1 to 4096 pixels"):
            Geometry(landmarks, spread, image_size)
    with pytest.raises(TypeError):
        Geometry.from_card({"landmarks": 3})
