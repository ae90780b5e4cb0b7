import io

import cv2
import numpy as np
import pytest
import skimage.color
import skimage.data
import skimage.filters
from PIL import Image

from agelens.evaluation.corruptions import CORRUPTIONS, Corrupted, Corruption, Place
from agelens.utils.images import Pixels

BY_NAME = {one.name: one for one in CORRUPTIONS}
PLACE = Place(60.0, 50.0, 40.0)


@pytest.fixture(scope="module")
def image() -> Pixels:
    return np.asarray(cv2.resize(skimage.data.astronaut(), (128, 96), interpolation=cv2.INTER_AREA), np.uint8)


def change(name: str, image: Pixels, level: float, place: Place = PLACE, seed: int = 0) -> Corrupted:
    made = BY_NAME[name].change(image, place, level, np.random.default_rng(seed))
    assert made is not None
    return made


@pytest.mark.parametrize("corruption", CORRUPTIONS, ids=lambda one: one.name)
def test_every_level_is_worse_deterministic_and_leaves_the_picture_alone(
    corruption: Corruption, image: Pixels
) -> None:
    before, place = image.copy(), Place(60, 50, 100)
    for level in corruption.levels:
        first, again = (change(corruption.name, image, level, place, seed=3) for _ in range(2))
        assert first.pixels.dtype == np.uint8
        assert first.pixels.ndim == 3
        assert np.array_equal(first.pixels, again.pixels)
        assert (
            first.pixels.shape != image.shape
            or (first.pixels != image).any()
            or corruption.name == "face_size"
        )
    assert np.array_equal(image, before)


def test_blur_is_that_of_scikit_image(image: Pixels) -> None:
    made = change("blur", image, 4).pixels
    expected = skimage.filters.gaussian(image, sigma=1.6, channel_axis=2, mode="mirror", preserve_range=True)
    assert np.abs(made.astype(float) - expected).max() < 2


def test_grey_is_that_of_scikit_image(image: Pixels) -> None:
    made = change("grey", image, 1).pixels
    assert (made[:, :, 0] == made[:, :, 2]).all()
    # Rec. 601 for photographs of sRGB, as JPEG has it; Pillow's is the same.
    assert np.abs(made[:, :, 0].astype(int) - np.asarray(Image.fromarray(image).convert("L"))).max() <= 1


def test_light_is_changed_as_scikit_image_has_linear_light(image: Pixels) -> None:
    # The matrix to XYZ is linear: half the light is half of each of its values.
    dark = change("darkness", image, 1).pixels
    assert np.abs(skimage.color.rgb2xyz(dark) - skimage.color.rgb2xyz(image) / 2).max() < 0.01
    warm = change("colour_cast", image, 1).pixels.astype(int)
    assert (warm[:, :, 0] >= image[:, :, 0]).all()
    assert (warm[:, :, 2] <= image[:, :, 2]).all()
    assert np.array_equal(warm[:, :, 1], image[:, :, 1])


def test_noise_has_the_deviation_of_its_level() -> None:
    flat = np.full((200, 200, 3), 128, np.uint8)
    assert change("noise", flat, 0.08).pixels.std() / 255 == pytest.approx(0.08, rel=0.02)


def test_jpeg_is_as_small_as_pillow_makes_it(image: Pixels) -> None:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=15)
    expected = np.asarray(Image.open(file)).astype(float)
    assert np.abs(change("jpeg", image, 15).pixels - expected).mean() < 2


@pytest.mark.parametrize("level", [15, 90, 180])
def test_rotation_keeps_all_of_the_picture_and_tells_where_it_went(image: Pixels, level: float) -> None:
    marked = image.copy() // 2
    marked[48:53, 58:63] = (255, 0, 255)
    made = change("rotation", marked, level)
    moved = PLACE.moved(made.matrix)
    assert moved.side == pytest.approx(PLACE.side)
    assert made.pixels[round(moved.y), round(moved.x)].tolist() == [255, 0, 255]
    if level == 90:
        assert made.pixels.shape[:2] == (128, 96)


@pytest.mark.parametrize("level", [32, 24])
def test_faces_are_brought_to_their_size(image: Pixels, level: float) -> None:
    made = change("face_size", image, level)
    assert PLACE.moved(made.matrix).side == pytest.approx(level)
    assert made.pixels.shape[:2] == (round(96 * level / 40), round(128 * level / 40))
    assert BY_NAME["face_size"].change(image, PLACE, 48, np.random.default_rng(0)) is None


@pytest.mark.parametrize("level", [1, 0.5, 0.1])
def test_a_window_has_the_face_in_its_middle(image: Pixels, level: float) -> None:
    made = change("tightness", image, level)
    height, width = made.pixels.shape[:2]
    moved = PLACE.moved(made.matrix)
    assert height == width
    assert moved.side / width == pytest.approx(level, rel=0.02)
    assert moved.x == pytest.approx((width - 1) / 2, abs=0.6)
    assert moved.y == pytest.approx((height - 1) / 2, abs=0.6)


def test_large_windows_are_brought_down() -> None:
    made = change("tightness", np.zeros((900, 900, 3), np.uint8), 0.2, Place(450, 450, 800))
    assert made.pixels.shape == (1600, 1600, 3)
    assert Place(450, 450, 800).moved(made.matrix).side == pytest.approx(320)


def test_a_shifted_window_lies_beside_the_face(image: Pixels) -> None:
    for seed in range(5):
        made = change("shift", image, 0.3, seed=seed)
        side = made.pixels.shape[0]
        moved = PLACE.moved(made.matrix)
        away = np.hypot(moved.x - (side - 1) / 2, moved.y - (side - 1) / 2)
        assert away / side == pytest.approx(0.3, abs=0.02)


@pytest.mark.parametrize("level", [0.1, 0.5])
def test_occlusion_covers_its_share_of_the_box_and_nothing_else(level: float) -> None:
    white = np.full((100, 120, 3), 255, np.uint8)
    made = change("occlusion", white, level).pixels
    covered = made[:, :, 0] == 127
    assert covered.sum() / PLACE.side**2 == pytest.approx(level, rel=0.1)
    rows, columns = np.nonzero(covered)
    assert rows.min() >= 30
    assert rows.max() <= 70
    assert columns.min() >= 40
    assert columns.max() <= 80
