"""JPEG: whole or refused, whatever kind it is, and the same pixels with EXIF and without."""

import contextlib
import time
from collections.abc import Callable

import numpy as np
import pytest
import simplejpeg
from PIL import Image

from agelens.errors import ImageError
from agelens.utils import images
from agelens.utils.decoding.jpeg import eighths_within
from agelens.utils.images import Photograph, decode_photo, decode_rgb, weigh
from tests.utils.decoding.made import encoded, oriented, texture

END = b"\xff\xd9"
KINDS: dict[str, Callable[[], bytes]] = {
    "baseline": lambda: jpeg(),
    "progressive": lambda: jpeg(progressive=True),
    "restart markers": lambda: jpeg(restart_marker_blocks=4),
    "EXIF": lambda: jpeg(exif=oriented(6)),
    "progressive with EXIF": lambda: jpeg(exif=oriented(8), progressive=True),
    "grey": lambda: encoded(Image.fromarray(texture()).convert("L"), "JPEG"),
    "grey, progressive": lambda: encoded(Image.fromarray(texture()).convert("L"), "JPEG", progressive=True),
    "CMYK": lambda: encoded(Image.fromarray(texture()).convert("CMYK"), "JPEG"),
    "CMYK, progressive": lambda: encoded(
        Image.fromarray(texture()).convert("CMYK"), "JPEG", progressive=True
    ),
    "RGB": lambda: jpeg(keep_rgb=True),
}


def jpeg(**options: object) -> bytes:
    return encoded(texture(), "JPEG", **{"quality": 90, **options})


def scans_of(data: bytes) -> list[int]:
    """Where the scans of a JPEG without APP segments begin."""
    places, place = [], data.find(b"\xff\xda")
    while place >= 0:
        places.append(place)
        place = data.find(b"\xff\xda", place + 2)
    return places


@pytest.mark.parametrize("share", [0.3, 0.5, 0.8, 0.97])
@pytest.mark.parametrize("kind", KINDS)
def test_a_jpeg_that_is_cut_short_is_damaged_with_its_end_marker_or_without(kind: str, share: float) -> None:
    data = KINDS[kind]()
    first = scans_of(data)[0] + 20
    cut = data[: first + int(share * (len(data) - first))]
    zeros = bytes(len(data) - len(cut) - 2)
    for damaged in (cut, cut + END, cut + b"\0\0\0" + END, cut + zeros + END, cut + zeros):
        with pytest.raises(ImageError, match="is not a whole JPEG: "):
            decode_rgb(damaged)
        with pytest.raises(ImageError, match="is not a whole JPEG: "):
            decode_rgb(damaged, min_side=8)


@pytest.mark.parametrize("kind", KINDS)
def test_the_last_bytes_of_the_picture_are_missed_too(kind: str) -> None:
    data = KINDS[kind]()
    with pytest.raises(ImageError, match="is not a whole JPEG: "):
        decode_rgb(data[:-8] + END)


def test_a_progressive_jpeg_that_ends_between_two_scans_is_damaged() -> None:
    data = jpeg(progressive=True)
    places = scans_of(data)
    assert len(places) == 10
    for place in places[1:]:
        # Huffman tables may stand before a scan.
        for end in (place, data.rfind(b"\xff\xc4", 0, place)):
            with pytest.raises(ImageError, match="the last of its scans are missing"):
                decode_rgb(data[:end] + END)


def test_a_hole_between_restart_markers_is_damage() -> None:
    data = jpeg(restart_marker_blocks=4)
    middle = len(data) // 2
    for damaged in (data[:middle] + data[middle + 300 :], data[:middle] + bytes(600) + data[middle + 600 :]):
        with pytest.raises(ImageError, match="is not a whole JPEG: "):
            decode_rgb(damaged)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data[:-2] + b"\0" + END,
        lambda data: data[:-2] + bytes(5000) + END,
        lambda data: data[:-2] + b"\xff" * 7 + END,
        lambda data: data[:-2] + bytes(range(1, 200)) + END,
        lambda data: data[:-2] + b"\x11\xff\0\x22\xff\0\x33" + END,
        lambda data: data + b"\0" * 20,
        lambda data: data + b"a film that follows, as in motion photos" * 10,
        lambda data: data + jpeg(quality=20),
        lambda data: data[:2] + b"\xff\xff\xff" + data[2:],
        lambda data: data[: scans_of(data)[0]] + b"\xff\xff" + data[scans_of(data)[0] :],
        lambda data: data[:2] + b"\xff\xfe\x00\x0d" + b"\xff\xd9\xff\xda\xff\xc2hello" + data[2:],
    ],
    ids=["zero", "many zeros", "FF", "rubbish", "escaped rubbish", "trailing zeros", "trailing text", "another JPEG",
         "fill bytes", "fill bytes before the scan", "markers in a remark"],
)  # fmt: skip
@pytest.mark.parametrize("kind", KINDS)
def test_odd_but_whole_files_are_read_as_they_were(kind: str, change: Callable[[bytes], bytes]) -> None:
    data = KINDS[kind]()
    assert np.array_equal(decode_rgb(change(data)), decode_rgb(data))


def test_damage_under_rubbish_before_the_end_is_found() -> None:
    """libjpeg tells of the last of its warnings alone, and that is the one of the rubbish."""
    data = jpeg(restart_marker_blocks=4)
    cut = data[: len(data) // 2]
    with pytest.raises(ImageError, match="is not a whole JPEG"):
        decode_rgb(cut + bytes(range(1, 250)) * 3 + END)


def test_a_header_of_millions_of_segments_keeps_nobody_waiting() -> None:
    began = time.process_time()
    for rubbish in (b"\xff" * 30_000_000, b"\xff\xe0\x00\x02" * 3_000_000):
        with contextlib.suppress(ImageError):
            weigh(b"\xff\xd8" + rubbish + jpeg()[2:])
    assert time.process_time() - began < 3


def test_a_header_that_promises_many_colours_is_no_crash() -> None:
    """Found by changing files at random: the segment of the frame was longer than there are components."""
    data = bytearray(jpeg())
    frame = data.index(b"\xff\xc0")
    data[frame + 2 : frame + 4] = b"\x10\x00"
    with pytest.raises(ImageError, match="is not a whole JPEG"):
        decode_rgb(bytes(data))


def test_a_scan_that_ends_within_its_header_is_no_crash() -> None:
    data = jpeg(progressive=True)
    for length in range(12):
        with pytest.raises(ImageError, match="is not a whole JPEG"):
            decode_rgb(data[: scans_of(data)[3] + length])


def test_mpo_is_read() -> None:
    """Two pictures in one file, as cameras with two lenses and phones write."""
    first = Image.fromarray(texture())
    data = encoded(first, "MPO", save_all=True, append_images=[Image.fromarray(texture(seed=1))], quality=90)
    assert np.array_equal(decode_rgb(data), decode_rgb(jpeg()))


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}, {"quality": 60}])
def test_the_same_picture_with_and_without_exif_gives_the_same_bytes(options: dict[str, object]) -> None:
    plain = jpeg(**options)
    for orientation, turned in (
        (1, lambda a: a), (2, lambda a: a[:, ::-1]), (3, lambda a: a[::-1, ::-1]), (4, lambda a: a[::-1]),
        (5, lambda a: a.transpose(1, 0, 2)), (6, lambda a: np.rot90(a, -1)),
        (7, lambda a: a[::-1, ::-1].transpose(1, 0, 2)), (8, np.rot90),
    ):  # fmt: skip
        noted = jpeg(exif=oriented(orientation), **options)
        assert np.array_equal(decode_rgb(noted), turned(decode_rgb(plain)))
        assert np.array_equal(decode_rgb(noted, min_side=30), turned(decode_rgb(plain, min_side=30)))


def test_a_turned_jpeg_is_decoded_small_but_never_too_small() -> None:
    data = encoded(texture(800, 600), "JPEG", exif=oriented(6))
    assert decode_rgb(data, min_side=300).shape == (300, 400, 3)
    assert decode_rgb(data, min_side=301).shape == (375, 500, 3)
    assert decode_rgb(data, min_side=601).shape == (600, 800, 3)


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0", b"Exif\0\0MM\0*", b"Exif\0\0rubbish", b"Exif\0\0II*\0\xff\xff\xff\xff"]
)
def test_exif_that_is_cut_off_costs_nothing(exif: bytes) -> None:
    segment = b"\xff\xe1" + (len(exif) + 2).to_bytes(2) + exif
    data = jpeg()
    assert np.array_equal(decode_rgb(data[:2] + segment + data[2:]), decode_rgb(data))


def test_large_photographs_are_decoded_at_a_reduced_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "FULL_PIXELS", 10_000)
    plain = jpeg()
    photo = decode_photo(plain)
    # 128 x 96 pixels; five eighths of it are 80 x 60.
    assert (photo.width, photo.height, photo.pixels.shape) == (128, 96, (60, 80, 3))
    assert photo.scale == 1.6
    turned = decode_photo(jpeg(exif=oriented(6)))
    assert (turned.width, turned.height, turned.pixels.shape) == (96, 128, (80, 60, 3))
    assert np.array_equal(turned.pixels, np.rot90(photo.pixels, -1))
    assert decode_rgb(plain).shape == (96, 128, 3)


# What each format holds; Pillow writes WebP of any mode by turning it into RGB.
MODES = {
    "PNG": ("RGB", "RGBA", "L", "P", "I;16"),
    "TIFF": ("RGB", "RGBA", "L", "CMYK", "P", "I;16"),
    "WEBP": ("RGB", "RGBA", "L", "CMYK", "P", "I;16"),
    "BMP": ("RGB", "RGBA", "L", "P"),
    "JPEG2000": ("RGB", "RGBA", "L", "CMYK", "I;16"),
}


@pytest.mark.parametrize(("kind", "mode"), [(kind, mode) for kind, modes in MODES.items() for mode in modes])
def test_formats_that_cannot_be_decoded_small_are_made_so(
    monkeypatch: pytest.MonkeyPatch, kind: str, mode: str
) -> None:
    image = Image.fromarray(texture())
    image = (
        Image.fromarray(np.asarray(image.convert("L"), np.uint16) * 257)
        if mode == "I;16"
        else image.convert(mode)
    )
    data = encoded(image, kind)
    monkeypatch.setattr(images, "FULL_PIXELS", 10_000)
    photo = decode_photo(data)
    assert (photo.width, photo.height, photo.pixels.shape) == (128, 96, (48, 64, 3))
    small = decode_rgb(data).reshape(48, 2, 64, 2, 3).mean(axis=(1, 3))
    assert np.abs(photo.pixels - small).mean() < 3


def test_eighths_are_as_many_as_fit() -> None:
    assert eighths_within(6144, 8192, 65_000_000) == 8
    assert eighths_within(9000, 12000, 65_000_000) == 5
    assert eighths_within(12240, 16320, 65_000_000) == 4
    assert eighths_within(65000, 65000, 65_000_000) == 1
    for height, width in ((9000, 12000), (12240, 16320), (10001, 10003)):
        eighths = eighths_within(height, width, 65_000_000)
        assert -(-height * eighths // 8) * -(-width * eighths // 8) <= 65_000_000


def test_what_decoding_holds_is_known_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "FULL_PIXELS", 10_000)
    assert weigh(jpeg()) == 10_000
    # All of it is in memory until the last scan has come.
    assert weigh(jpeg(progressive=True)) == 96 * 128
    assert weigh(encoded(texture(), "PNG")) == 96 * 128
    assert weigh(encoded(texture(16, 16), "JPEG")) == 256
    with pytest.raises(ImageError, match="has 128 x 96 pixels, more than the limit of 5,000"):
        weigh(jpeg(), 5_000)
    with pytest.raises(ImageError, match="is not an image of a known format"):
        weigh(b"text")


def test_a_photograph_of_108_megapixels_is_read_and_one_beyond_the_limit_is_not() -> None:
    data = simplejpeg.encode_jpeg(np.full((9000, 12000, 1), 90, np.uint8), 80, "GRAY")
    photo = decode_photo(data)
    assert isinstance(photo, Photograph)
    assert (photo.width, photo.height, photo.pixels.shape) == (12000, 9000, (5625, 7500, 3))
    with pytest.raises(ImageError, match="has 12000 x 9000 pixels, more than the limit of 100,000,000"):
        decode_photo(data, 100_000_000)
