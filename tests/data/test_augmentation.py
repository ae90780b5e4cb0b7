from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agelens.data.augmentation import Augmentation, augment
from agelens.data.loaders import View, read_faces_at
from agelens.utils.images import resize_face

STILL = Augmentation(rotation=0, scale=0, shift=0, light=0, grey=0, blur=0, coarse=0, erase=0)


def gradient(height: int, width: int) -> np.ndarray:
    """Red grows to the right, green grows downwards, blue stays."""
    image = np.full((height, width, 3), 100, np.uint8)
    image[..., 0] = np.linspace(0, 200, width)[None, :]
    image[..., 1] = np.linspace(0, 200, height)[:, None]
    return image


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 300), st.integers(1, 300), st.integers(16, 96), st.integers(0, 2**32 - 1))
def test_any_crop_becomes_a_face_of_the_side_and_the_seed_decides(
    height: int, width: int, image_size: int, seed: int
) -> None:
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    before = image.copy()
    one = augment(image, image_size, [seed, 1])
    assert one.shape == (image_size, image_size, 3)
    assert one.dtype == np.uint8
    assert np.array_equal(one, augment(image, image_size, [seed, 1]))
    assert np.array_equal(image, before)


def test_other_seeds_give_other_changes() -> None:
    image = gradient(200, 200)
    assert len({augment(image, 64, [0, number]).tobytes() for number in range(20)}) == 20


def test_without_changes_only_the_mirror_is_left() -> None:
    image = gradient(120, 120)
    plain = resize_face(image, 60).astype(int)
    seen = set()
    for seed in range(12):
        changed = augment(image, 60, [seed], STILL).astype(int)
        mirrored = np.abs(changed - plain[:, ::-1]).mean() < np.abs(changed - plain).mean()
        seen.add(mirrored)
        assert np.abs(changed - (plain[:, ::-1] if mirrored else plain)).mean() < 2
    assert seen == {True, False}


@pytest.mark.parametrize(
    ("limits", "least", "most"),
    [
        (Augmentation(0, 0, 0.05, 0, 0, 0, 0, 0), 1.0, 12.0),
        (Augmentation(5, 0, 0, 0, 0, 0, 0, 0), 0.5, 25.0),
        (Augmentation(0, 0.1, 0, 0, 0, 0, 0, 0), 0.5, 15.0),
        (Augmentation(0, 0, 0, 0.3, 0, 0, 0, 0), 5.0, 60.0),
    ],
)
def test_each_limit_bounds_its_change(limits: Augmentation, least: float, most: float) -> None:
    image = gradient(96, 96)
    still = augment(image, 96, [3], STILL).astype(int)
    changes = []
    for seed in range(40):
        changed = augment(image, 96, [seed], limits).astype(int)
        changes.append(min(np.abs(changed - still).mean(), np.abs(changed[:, ::-1] - still).mean()))
    assert max(changes) > least
    assert max(changes) < most


def test_grey_faces_have_no_colour_and_erased_faces_have_noise() -> None:
    grey = augment(gradient(64, 64), 64, [1], Augmentation(0, 0, 0, 0, 1, 0, 0, 0)).astype(int)
    assert np.ptp(grey, axis=2).max() <= 1
    flat = np.full((64, 64, 3), 90, np.uint8)
    covered = (augment(flat, 64, [1], Augmentation(0, 0, 0, 0, 0, 0, 0, 1)) != 90).any(axis=2).mean()
    assert 0.01 < covered < 0.2


def test_a_view_is_of_the_file_and_not_of_its_place(faces_folder: Path) -> None:
    paths = [str(path) for path in sorted(faces_folder.glob("*_*_*_*.jpg"))[:4]]
    view = View(seed=5, number=2)
    together = read_faces_at(paths, 32, view)
    assert np.array_equal(read_faces_at(paths[::-1], 32, view)[::-1], together)
    assert not np.array_equal(read_faces_at(paths, 32, View(5, 3)), together)
    assert not np.array_equal(read_faces_at(paths, 32), together)
