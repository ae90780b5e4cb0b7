import numpy as np
import pytest
from numpy.typing import NDArray

from agelens.errors import AgeLensError, ImageError, NoImageError
from agelens.utils.decoding.arrays import over_white, rgb_of
from tests.utils.decoding.made import texture

RGB = texture()
GREY = RGB[..., 1]
OPAQUE = np.full(GREY.shape, 255, np.uint8)


def three(grey: NDArray[np.generic]) -> NDArray[np.generic]:
    return np.repeat(grey[..., None], 3, axis=2)


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (GREY, three(GREY)),
        (GREY[..., None], three(GREY)),
        (np.dstack([GREY, OPAQUE]), three(GREY)),
        (np.dstack([RGB, OPAQUE]), RGB),
        (np.dstack([RGB, 0 * OPAQUE]), RGB),
        (RGB[:, ::-1], RGB[:, ::-1]),
        (np.asfortranarray(RGB), RGB),
        (RGB.astype(np.uint16) * 257, RGB),
        (RGB.astype(np.uint16) * 16, RGB),
        (RGB.astype(np.uint16) * 4, RGB),
        (RGB.astype(np.uint16), RGB),
        (RGB / 255, RGB),
        (RGB / np.float32(255), RGB),
        ((RGB / 255).astype(np.float16), RGB),
        (np.dstack([RGB, OPAQUE]) / 255, RGB),
        (RGB.astype(np.int64), RGB),
        (RGB.astype(np.int8) * 0 + 7, RGB * 0 + 7),
        (GREY > 99, three(np.where(GREY > 99, 255, 0))),
        (RGB / 255 * 1.0005, RGB),
    ],
    ids=["grey", "one channel", "grey and alpha", "RGBA", "alpha of 0", "mirrored view", "Fortran", "16 bits",
         "12 bits", "10 bits", "8 bits in 16", "float64", "float32", "float16", "RGBA of floats", "int64", "int8",
         "bool", "a little more than 1"],
)  # fmt: skip
def test_arrays_of_many_kinds_are_rgb(array: NDArray[np.generic], expected: NDArray[np.generic]) -> None:
    before = array.copy()
    found = rgb_of(array)
    assert found.dtype == np.uint8
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected.astype(int)).max() <= (1 if array.dtype.kind == "f" else 0)
    assert np.array_equal(array, before)


def test_rgb_in_bytes_comes_back_as_it_is() -> None:
    assert rgb_of(RGB) is RGB


def test_alpha_lies_over_white() -> None:
    alpha = np.zeros(GREY.shape, np.uint8)
    alpha[:, ::2] = 255
    alpha[0, :] = 128
    found = rgb_of(np.dstack([RGB, alpha]))
    assert (found[1:, 1::2] == 255).all()
    assert np.array_equal(found[1:, ::2], RGB[1:, ::2])
    share = 128 / 255
    assert np.abs(found[0] - (RGB[0] * share + 255 * (1 - share))).max() <= 0.51
    exact = over_white(np.full((1, 256, 3), 255, np.uint8), np.arange(256, dtype=np.uint8)[None])
    assert (exact == 255).all()


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (
            RGB.astype(float),
            "holds floating-point numbers from 0 to 255, and those of images go from 0 to 1; scale",
        ),
        (RGB / 127.5 - 1, "holds floating-point numbers from -1 to 1"),
        (np.where(RGB > 200, np.nan, RGB / 255), r"infinite or none \(NaN\)"),
        (np.where(RGB > 200, np.inf, RGB / 255), "infinite or none"),
        (RGB.astype(int) - 100, "holds whole numbers from -100 to"),
        (RGB.astype(np.int32) * 257, "give uint8 from 0 to 255, or uint16"),
        (np.zeros((0, 5, 3), np.uint8), "has no pixels"),
        (np.zeros((5, 0)), "has no pixels"),
    ],
)
def test_numbers_that_are_no_pixels_are_told(array: NDArray[np.generic], reason: str) -> None:
    with pytest.raises(ImageError, match=reason):
        rgb_of(array)


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.zeros((3, 64, 48), np.uint8), r"\(3, 64, 48\) has its channels first; give np.moveaxis"),
        (np.zeros((1, 64, 48)), "channels first"),
        (np.zeros((4, 64, 48), np.float32), "channels first"),
        (np.zeros((7, 64, 48), np.uint8), r"with 1 to 4 channels, not uint8 \(7, 64, 48\)"),
        (np.zeros(9), r"not float64 \(9,\)"),
        (np.zeros((1, 1, 8, 8, 3), np.uint8), r"not uint8 \(1, 1, 8, 8, 3\)"),
        (np.zeros((8, 8, 3), complex), "array of numbers, not of complex128"),
        (np.array([["a.jpg"]]), "give paths as a list or a column"),
    ],
)
def test_what_is_no_image_by_its_shape_or_type_is_told(array: NDArray[np.generic], reason: str) -> None:
    for kind in (NoImageError, AgeLensError, ValueError):
        with pytest.raises(kind, match=reason):
            rgb_of(array)
