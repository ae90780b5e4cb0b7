import contextlib
import io
import sys
from pathlib import Path

import cv2
import numpy as np
import pillow_heif
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from agelens.errors import ImageError
from agelens.utils import images
from agelens.utils.images import Pixels, decode_rgb, load_face, read_rgb, resize_face


def picture(height: int = 40, width: int = 30) -> Pixels:
    """Red grows to the right, green downwards; blue is 60."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack(
        [columns * 255 // width, rows * 255 // height, np.full((height, width), 60)], axis=2
    ).astype(np.uint8)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def photograph(**options: object) -> bytes:
    return encoded(Image.fromarray(picture()), "JPEG", quality=95, **options)


def halved(image: Pixels) -> Pixels:
    height, width = image.shape[:2]
    return image.reshape(height // 2, 2, width // 2, 2, 3).mean(axis=(1, 3)).astype(np.uint8)


def assert_close(pixels: Pixels, expected: Pixels, tolerance: int = 6) -> None:
    assert pixels.dtype == np.uint8
    assert pixels.shape == expected.shape
    assert np.abs(pixels.astype(int) - expected).max() <= tolerance


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF"])
def test_common_formats_give_rgb(kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {"quality": 95} if kind == "JPEG" else {}
    assert_close(decode_rgb(encoded(Image.fromarray(picture()), kind, **options)), picture())


def heic(image: Pixels, **options: object) -> bytes:
    file = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(image)).save(file, quality=95, **options)
    return file.getvalue()


@pytest.mark.parametrize("brand", ["heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1"])
def test_heic_gives_rgb(brand: str) -> None:
    data = heic(picture())
    assert_close(decode_rgb(data[:8] + brand.encode() + data[12:]), picture(), tolerance=12)


def test_heic_is_turned_as_it_says() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    assert_close(decode_rgb(heic(picture(), exif=exif.tobytes())), np.rot90(picture(), -1), tolerance=12)


def test_heic_without_its_extra_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    data = heic(picture())
    monkeypatch.delitem(Image.OPEN, "HEIF", raising=False)
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    with pytest.raises(ImageError, match=r"is HEIC, which is read after: pip install 'agelens\[heic\]'"):
        decode_rgb(data)


def test_broken_heic_is_refused_with_a_reason() -> None:
    data = heic(picture())
    for length in (12, 40, len(data) // 2, len(data) - 5):
        with pytest.raises(ImageError, match=r"is not (an image|a whole HEIF)|cannot be decoded"):
            decode_rgb(data[:length])
    chance = np.random.default_rng(0)
    for _ in range(200):
        changed = bytearray(data)
        for place in chance.integers(0, len(data), 8):
            changed[place] = chance.integers(256)
        with contextlib.suppress(ImageError):
            decode_rgb(bytes(changed))


def test_avif_that_begins_like_heic_is_avif() -> None:
    data = encoded(Image.fromarray(picture()), "AVIF", quality=95)
    assert data[8:12] == b"avif"
    renamed = data[:8] + b"mif1" + data[12:]
    assert_close(decode_rgb(renamed), picture(), tolerance=24)


@pytest.mark.parametrize("sampling", ["411", "420", "422", "440", "444"])
def test_jpeg_of_any_sampling(sampling: str) -> None:
    factor = getattr(cv2, f"IMWRITE_JPEG_SAMPLING_FACTOR_{sampling}")
    parameters = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, factor, cv2.IMWRITE_JPEG_QUALITY, 95]
    _, data = cv2.imencode(".jpg", picture()[..., ::-1], parameters)
    assert_close(decode_rgb(data.tobytes()), picture(), tolerance=24)


@pytest.mark.parametrize("options", [{"progressive": True}, {"subsampling": 0}, {"subsampling": 2}])
def test_kinds_of_jpeg(options: dict[str, object]) -> None:
    assert_close(decode_rgb(photograph(**options)), picture(), tolerance=16)


def test_grey_jpeg_has_three_equal_channels() -> None:
    grey = Image.fromarray(picture()[..., 0])
    pixels = decode_rgb(encoded(grey, "JPEG", quality=95))
    assert_close(pixels, np.repeat(picture()[..., :1], 3, axis=2))
    assert (pixels == pixels[..., :1]).all()


def test_cmyk_jpeg() -> None:
    cmyk = Image.fromarray(picture()).convert("CMYK")
    assert_close(decode_rgb(encoded(cmyk, "JPEG", quality=95)), picture(), tolerance=12)


def test_sixteen_bit_grey_is_scaled_and_not_clipped() -> None:
    values = np.linspace(0, 65535, 20 * 30).reshape(20, 30).astype(np.uint16)
    for kind in ("PNG", "TIFF"):
        pixels = decode_rgb(encoded(Image.fromarray(values), kind))
        assert_close(pixels, np.repeat((values // 256)[..., None], 3, axis=2), tolerance=0)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_lies_over_white(mode: str) -> None:
    rgba = np.zeros((20, 20, 4), np.uint8)
    rgba[:, :10, 3] = 255
    image = Image.fromarray(rgba)
    pixels = decode_rgb(encoded(image.quantize(4) if mode == "P" else image.convert(mode), "PNG"))
    assert (pixels[:, :10] == 0).all()
    assert (pixels[:, 10:] == 255).all()


def test_one_bit_image() -> None:
    bits = Image.fromarray(picture()).convert("1")
    assert set(np.unique(decode_rgb(encoded(bits, "PNG")))) == {0, 255}


def test_first_frame_of_an_animation_counts() -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    pixels = decode_rgb(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert (pixels == (255, 0, 0)).all()


@pytest.mark.parametrize(
    ("orientation", "turn"),
    [
        (1, lambda a: a),
        (2, lambda a: a[:, ::-1]),
        (3, lambda a: a[::-1, ::-1]),
        (4, lambda a: a[::-1]),
        (5, lambda a: a.transpose(1, 0, 2)),
        (7, lambda a: a[::-1, ::-1].transpose(1, 0, 2)),
        (6, lambda a: np.rot90(a, -1)),
        (8, lambda a: np.rot90(a)),
    ],
)
def test_exif_orientation_is_obeyed(orientation: int, turn) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert_close(decode_rgb(photograph(exif=exif)), turn(picture()), tolerance=16)


@pytest.mark.parametrize("tag", [0x0100, 0x0128, 0x0213])
def test_an_odd_exif_entry_does_not_cost_the_picture(tag: int) -> None:
    """Writing such EXIF anew, as Pillow does when it turns a picture, ends in struct.error."""
    entries = [(0x0112, 3, 1, b"\x00\x06\x00\x00"), (tag, 2, 4, b"odd\x00")]
    table = b"".join(
        tag.to_bytes(2) + kind.to_bytes(2) + count.to_bytes(4) + value for tag, kind, count, value in entries
    )
    exif = b"Exif\x00\x00MM\x00\x2a\x00\x00\x00\x08" + len(entries).to_bytes(2) + table + bytes(4)
    assert_close(decode_rgb(photograph(exif=exif)), np.rot90(picture(), -1), tolerance=16)


def test_exif_is_found_wherever_it_stands() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = photograph(exif=exif)
    remark = b"\xff\xfe" + (40_002).to_bytes(2) + bytes(40_000)
    far = data[:2] + remark * 2 + b"\xff\xff" + data[2:]
    assert_close(decode_rgb(far), np.rot90(picture(), -1), tolerance=16)


@pytest.mark.parametrize("ending", [b"\x00\xff\xd9", b"\x00\x00\xff\xd9"])
def test_padding_before_the_end_of_a_jpeg_is_no_damage(ending: bytes) -> None:
    assert_close(decode_rgb(photograph()[:-2] + ending), picture(), tolerance=16)


def test_grey_numbers_of_32_bits_are_not_all_black() -> None:
    small = np.arange(240, dtype=np.int32).reshape(12, 20)
    for values, expected in ((small, small), (small * 256, small)):
        pixels = decode_rgb(encoded(Image.fromarray(values), "TIFF"))
        assert_close(pixels, np.repeat(expected[..., None], 3, axis=2), tolerance=0)


def test_floating_point_grey_goes_from_0_to_1_or_is_refused() -> None:
    shares = np.linspace(0, 1, 256, dtype=np.float32).reshape(16, 16)
    pixels = decode_rgb(encoded(Image.fromarray(shares), "TIFF"))
    assert_close(pixels, np.repeat(np.arange(256).reshape(16, 16, 1), 3, axis=2), tolerance=0)
    for values, reason in (
        (shares * 255, "from 0 to 255, and those of images go from 0 to 1"),
        (np.where(shares > 0.5, np.float32(np.nan), shares), "NaN"),
    ):
        with pytest.raises(ImageError, match=reason):
            decode_rgb(encoded(Image.fromarray(values), "TIFF"))


def test_a_broken_avif_says_why() -> None:
    data = encoded(Image.fromarray(picture(300, 300)), "AVIF")
    with pytest.raises(ImageError, match="cannot be decoded"):
        decode_rgb(data[:-200] + bytes(200))


def test_an_image_of_one_pixel() -> None:
    assert decode_rgb(encoded(Image.new("RGB", (1, 1), "white"), "PNG")).shape == (1, 1, 3)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is empty"),
        (b"no picture at all", "is not an image of a known format"),
        (b"\xff\xd8\xff", "is not a whole JPEG"),
        (photograph()[:-400], "is not a whole JPEG"),
        (encoded(Image.fromarray(picture()).convert("CMYK"), "JPEG")[:-100], "is not a whole JPEG"),
        (encoded(Image.fromarray(picture()), "PNG")[:-60], "cannot be decoded"),
        (encoded(Image.fromarray(picture()), "BMP")[:-400], "cannot be decoded"),
    ],
    ids=["empty", "text", "start of a JPEG", "half a JPEG", "half a CMYK", "half a PNG", "half a BMP"],
)
def test_what_cannot_be_decoded_says_why(data: bytes, reason: str) -> None:
    with pytest.raises(ImageError, match=reason):
        decode_rgb(data)


def test_a_missing_file_says_why(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="cannot be read: No such file"):
        read_rgb(tmp_path / "gone.jpg")
    with pytest.raises(ImageError, match="cannot be read: Is a directory"):
        read_rgb(tmp_path)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_bomb_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr(images, "MAX_PIXELS", 1000)
    with pytest.raises(ImageError, match="30 x 40 pixels, more than the limit of 1,000"):
        decode_rgb(encoded(Image.fromarray(picture()), kind))


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(["JPEG", "PNG", "BMP", "GIF", "WEBP"]),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=6),
    st.floats(0, 1),
)
def test_damage_gives_pixels_or_a_reason(kind: str, flips: list[tuple[float, int]], kept: float) -> None:
    data = bytearray(encoded(Image.fromarray(picture(16, 16)), kind))
    for place, value in flips:
        data[int(place * len(data))] = value
    with contextlib.suppress(ImageError):
        pixels = decode_rgb(bytes(data[: int(kept * len(data)) + 1]))
        assert pixels.dtype == np.uint8
        assert pixels.ndim == 3
        assert pixels.shape[2] == 3


@pytest.mark.parametrize("value", [1.5, "text"])
def test_a_header_with_numbers_of_the_wrong_kind_is_no_crash(
    monkeypatch: pytest.MonkeyPatch, value: object
) -> None:
    """Found by damaging TIFF files at random: Pillow passes such a header on to C."""

    def load(image: Image.Image) -> None:
        bytearray(value)  # type: ignore[call-overload]

    data = encoded(Image.fromarray(picture()), "TIFF")
    monkeypatch.setattr("PIL.TiffImagePlugin.TiffImageFile.load", load)
    with pytest.raises(ImageError, match="cannot be decoded"):
        decode_rgb(data)


def test_a_jpeg_is_decoded_small_but_never_too_small() -> None:
    data = encoded(Image.fromarray(picture(800, 600)), "JPEG", quality=95)
    small = decode_rgb(data, min_side=300)
    assert small.shape == (400, 300, 3)
    assert_close(small, halved(picture(800, 600)), tolerance=8)
    assert decode_rgb(data, min_side=224).shape == (300, 225, 3)
    assert decode_rgb(data, min_side=600).shape == (800, 600, 3)
    assert decode_rgb(data, min_side=5000).shape == (800, 600, 3)


@pytest.mark.parametrize("shape", [(50, 40), (300, 200), (64, 200), (64, 64), (1, 1)])
def test_a_face_gets_the_side_it_is_asked_for(shape: tuple[int, int]) -> None:
    face = resize_face(picture(*shape), 64)
    assert face.shape == (64, 64, 3)
    assert face.dtype == np.uint8


def test_resizing_keeps_the_picture() -> None:
    assert_close(resize_face(picture(128, 128), 64), halved(picture(128, 128)), tolerance=2)
    same = picture(64, 64)
    assert resize_face(same, 64) is same


def test_load_face_reads_and_resizes(tmp_path: Path) -> None:
    file = tmp_path / "face.jpg"
    file.write_bytes(photograph())
    assert load_face(file, 32).shape == (32, 32, 3)
