import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from agelens.utils.decoding.profiles import correction
from agelens.utils.images import convert_photo, decode_photo, decode_rgb
from tests.utils.decoding.made import (
    ADOBE_RGB,
    DISPLAY_P3,
    SRGB,
    SRGB_CURVE,
    cmyk_profile,
    encoded,
    grey_profile,
    rgb_profile,
    texture,
)


def flat(colour: tuple[int, ...], mode: str = "RGB") -> Image.Image:
    return Image.new(mode, (16, 16), colour)


# In colours of the profile, and in sRGB; by the matrices of CSS Color 4 (Display P3) and of Adobe.
KNOWN = [
    (DISPLAY_P3, (234, 51, 35), (255, 0, 0)),
    (DISPLAY_P3, (117, 251, 76), (0, 255, 0)),
    (DISPLAY_P3, (128, 128, 128), (128, 128, 128)),
    (ADOBE_RGB, (219, 0, 0), (255, 0, 0)),
    (ADOBE_RGB, (200, 150, 130), (215, 150, 128)),
]


@pytest.mark.parametrize(("profile", "colour", "expected"), KNOWN)
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_colours_are_those_of_srgb(
    profile: bytes, colour: tuple[int, ...], expected: tuple[int, ...], kind: str
) -> None:
    options: dict[str, object] = {"JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}}.get(
        kind, {}
    )
    data = encoded(flat(colour), kind, icc_profile=profile, **options)
    for pixels in (decode_rgb(data), convert_photo(Image.open(io.BytesIO(data))).to_rgb()):
        assert np.abs(pixels.reshape(-1, 3).astype(int) - expected).max() <= 4


def test_a_profile_counts_behind_alpha_and_in_a_palette() -> None:
    red, right = (234, 51, 35), (255, 0, 0)
    alpha = flat((*red, 255), "RGBA")
    alpha.putpixel((0, 0), (*red, 0))
    for image in (alpha, flat(red).quantize(4)):
        pixels = decode_rgb(encoded(image, "PNG", icc_profile=DISPLAY_P3))
        assert np.abs(pixels[5, 5].astype(int) - right).max() <= 3
    assert (decode_rgb(encoded(alpha, "PNG", icc_profile=DISPLAY_P3))[0, 0] == 255).all()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
def test_grey_profiles_are_obeyed(kind: str) -> None:
    pixels = decode_rgb(encoded(flat((100,), "L"), kind, icc_profile=grey_profile(1.0)))
    # A linear 100 / 255 in sRGB.
    assert np.abs(pixels.astype(int) - 168).max() <= 2


def test_grey_of_16_bits_has_profiles_too() -> None:
    image = Image.fromarray(np.full((9, 9), 100 * 257, np.uint16))
    image.putpixel((0, 0), 65535)
    pixels = decode_rgb(encoded(image, "PNG", icc_profile=grey_profile(1.0)))
    assert np.abs(pixels[5, 5].astype(int) - 168).max() <= 2


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_profiles_of_presses_are_obeyed(kind: str) -> None:
    """L = 50 is 119 in sRGB; without the profile cyan would be (0, 255, 255)."""
    options = {"quality": 100} if kind == "JPEG" else {}
    for inks, grey in (((0, 0, 0, 0), 255), ((255, 0, 0, 0), 119), ((0, 0, 255, 0), 119)):
        image = flat(inks, "CMYK")
        pixels = decode_rgb(encoded(image, kind, icc_profile=cmyk_profile(), **options))
        assert np.abs(pixels.astype(int) - grey).max() <= 2
        assert np.abs(convert_photo(image).to_rgb().astype(int) - (255 - np.array(inks[:3]))).max() <= 1


@pytest.mark.parametrize(
    "profile",
    [SRGB, ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(), b"", b"rubbish" * 40, DISPLAY_P3[:200],
     DISPLAY_P3[:128] + bytes(400), grey_profile(1.0), DISPLAY_P3.replace(b"mntr", b"link")],
    ids=["sRGB", "Pillow's sRGB", "empty", "rubbish", "cut off", "zeros", "for grey", "for something else"],
)  # fmt: skip
def test_profiles_of_srgb_and_broken_ones_change_nothing(profile: bytes) -> None:
    for kind in ("PNG", "JPEG"):
        plain = encoded(texture(), kind)
        noted = encoded(texture(), kind, icc_profile=profile)
        assert np.array_equal(decode_rgb(noted), decode_rgb(plain))
    assert correction(profile, "RGB") is None


def test_a_profile_for_colours_is_not_meant_for_grey() -> None:
    grey = Image.fromarray(texture()).convert("L")
    assert np.array_equal(
        decode_rgb(encoded(grey, "JPEG", icc_profile=ADOBE_RGB)), decode_rgb(encoded(grey, "JPEG"))
    )


def test_a_profile_of_several_segments_is_put_together() -> None:
    """A segment of JPEG ends at 64 kilobytes; profiles of presses are larger."""
    long = DISPLAY_P3 + bytes(150_000)
    long = len(long).to_bytes(4) + long[4:]
    data = encoded(flat((234, 51, 35)), "JPEG", quality=100, subsampling=0, icc_profile=long)
    assert data.count(b"ICC_PROFILE\0") > 2
    assert np.abs(decode_rgb(data).reshape(-1, 3).astype(int) - (255, 0, 0)).max() <= 4


def test_what_is_cut_out_of_a_photograph_is_brought_to_srgb_as_the_whole_is() -> None:
    data = encoded(texture(), "JPEG", icc_profile=DISPLAY_P3)
    photo, whole = decode_photo(data), decode_rgb(data)
    assert not np.array_equal(photo.pixels, whole)
    assert np.array_equal(photo.to_rgb(), whole)
    crops = np.stack([photo.pixels[:32, :32], photo.pixels[40:72, 50:82]])
    assert np.array_equal(photo.in_srgb(crops), [whole[:32, :32], whole[40:72, 50:82]])
    assert photo.in_srgb(crops[:0]).shape == (0, 32, 32, 3)


def test_the_same_profile_as_another_file_gives_the_same_colours() -> None:
    """What is remembered of a profile must not depend on the mode in which it was met first."""
    wide = rgb_profile(((0.6, 0.3, 0.01), (0.2, 0.6, 0.06), (0.15, 0.06, 0.75)), SRGB_CURVE)
    assert correction(wide, "L") is None
    assert correction(wide, "RGB") is not None
    assert correction(wide, "L") is None
