import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from agelens.utils.decoding.orientation import is_as_opened, orientation_of, turn_points_back, turn_upright
from agelens.utils.images import convert_photo, decode_rgb
from tests.utils.decoding.made import encoded, oriented, texture


def opened(orientation: int, kind: str = "PNG", **options: object) -> Image.Image:
    return Image.open(io.BytesIO(encoded(texture(), kind, exif=oriented(orientation), **options)))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_points_go_back_where_their_pixels_came_from(orientation: int) -> None:
    lying = np.zeros((30, 50, 3), np.uint8)
    lying[7, 41] = 255
    upright = turn_upright(lying, orientation)
    row, column = np.argwhere(upright[..., 0])[0]
    # The middle of a pixel, which counts from its upper left corner.
    point = np.array([[column + 0.5, row + 0.5]])
    assert turn_points_back(point, orientation, 50, 30).tolist() == [[41.5, 7.5]]


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "JPEG"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_image_as_opened_is_turned_as_its_file_is(orientation: int, kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(texture(), kind, exif=oriented(orientation), **options)
    from_file, from_image = decode_rgb(data), convert_photo(Image.open(io.BytesIO(data))).to_rgb()
    assert from_file.shape == from_image.shape
    # Pillow and libjpeg-turbo round JPEG differently.
    assert np.abs(from_file.astype(int) - from_image).max() <= (12 if kind == "JPEG" else 0)
    if kind != "JPEG":
        assert np.array_equal(from_file, turn_upright(texture(), orientation))


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_an_image_that_somebody_turned_is_not_turned_again(orientation: int) -> None:
    turn = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_270, 8: Image.Transpose.ROTATE_90}[
        orientation
    ]
    angle = {3: 180, 6: -90, 8: 90}[orientation]
    image = opened(orientation)
    expected = turn_upright(texture(), orientation)
    in_place = opened(orientation)
    ImageOps.exif_transpose(in_place, in_place=True)
    for turned in (
        image.transpose(turn), image.rotate(angle, expand=True), ImageOps.exif_transpose(image), in_place,
        image.transpose(turn).copy(), image.convert("RGB").transpose(turn),
    ):  # fmt: skip
        assert turned is not None
        assert np.array_equal(convert_photo(turned).to_rgb(), expected)


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_what_pillow_makes_of_an_image_is_taken_as_it_lies(orientation: int) -> None:
    """Nothing tells such an image from one that was turned; `agelens.detection.orientation` searches it both ways."""
    image = opened(orientation)
    for derived in (image.copy(), image.convert("RGB"), image.convert("RGB").convert("RGBA").convert("RGB")):
        assert not is_as_opened(derived)
        assert orientation_of(derived) == orientation
        assert np.array_equal(convert_photo(derived).to_rgb(), texture())
    assert convert_photo(image.resize((64, 48))).to_rgb().shape == (48, 64, 3)
    assert np.array_equal(convert_photo(image.crop((8, 0, 40, 24))).to_rgb(), texture()[:24, 8:40])


def test_an_opened_image_that_was_made_smaller_in_place_is_turned() -> None:
    image = opened(6)
    image.thumbnail((64, 64))
    assert convert_photo(image).to_rgb().shape == (64, 48, 3)
    draft = opened(6, "JPEG")
    draft.draft("RGB", (64, 48))
    assert convert_photo(draft).to_rgb().shape == (64, 48, 3)


def test_exif_that_was_given_to_an_image_counts() -> None:
    image = Image.fromarray(texture())
    image.getexif()[0x0112] = 6
    assert np.array_equal(convert_photo(image).to_rgb(), turn_upright(texture(), 6))
    # What somebody says of an image outdoes what it has inherited.
    copy = opened(6).copy()
    copy.getexif()[0x0112] = 1
    assert orientation_of(copy) == 1


@pytest.mark.parametrize("orientation", [0, 9, 4711])
def test_an_orientation_that_there_is_not_is_none(orientation: int) -> None:
    assert np.array_equal(convert_photo(opened(orientation)).to_rgb(), texture())
