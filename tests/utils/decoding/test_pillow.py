"""What Pillow decodes: values of other depths, alpha, images that are closed, and warnings that stay inside."""

import io
import struct
import subprocess
import sys
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from agelens.errors import ImageError
from agelens.utils.decoding.quiet import hushed
from agelens.utils.images import Pixels, convert_photo, decode_rgb, weigh
from tests.utils.decoding.made import encoded, oriented, texture

GREY = texture()[..., 1]


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_grey_of_any_depth_in_16_bits_is_scaled(bits: int, kind: str) -> None:
    values = GREY.astype(np.uint16) << (bits - 8)
    for options in [{}] if kind == "PNG" else [{}, {"compression": "tiff_adobe_deflate"}]:
        pixels = decode_rgb(encoded(Image.fromarray(values), kind, **options))
        assert np.array_equal(pixels, np.repeat(GREY[..., None], 3, axis=2))
    assert np.array_equal(convert_photo(Image.fromarray(values)).to_rgb()[..., 0], GREY)


@pytest.mark.parametrize("kind", [".png", ".tiff"])
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_colours_of_any_depth_in_16_bits_are_scaled(bits: int, channels: int, kind: str) -> None:
    """Pillow itself gives the upper byte of each value, which is nearly black below 16 bits."""
    rgb = texture()
    values = rgb.astype(np.uint16) << (bits - 8)
    if channels == 4:
        values = np.dstack([values, np.full(GREY.shape, 65535, np.uint16)])
    _, data = cv2.imencode(
        kind, cv2.cvtColor(values, cv2.COLOR_RGB2BGR if channels == 3 else cv2.COLOR_RGBA2BGRA)
    )
    assert np.array_equal(decode_rgb(data.tobytes()), rgb)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_colours_of_12_bits_in_tiff_of_either_order_and_turn(order: str, orientation: int) -> None:
    """By hand, for nothing here writes it: no compression, one strip."""
    rgb = texture(16, 24)
    body = (rgb.astype(np.uint16) << 4).astype(f"{order}u2").tobytes()
    entries = [
        (256, 3, 24), (257, 3, 16), (258, 3, 16), (259, 3, 1), (262, 3, 2), (273, 4, 8), (274, 3, orientation),
        (277, 3, 3), (278, 3, 16), (279, 4, len(body)),
    ]  # fmt: skip
    # Three values of bits do not fit into an entry.
    place = 8 + len(body) + 2 + 12 * len(entries) + 4
    table = b""
    for tag, kind, value in entries:
        if tag == 258:
            table += struct.pack(f"{order}HHII", tag, kind, 3, place)
        else:
            filled = struct.pack(
                f"{order}HH" if kind == 3 else f"{order}I", *([value, 0] if kind == 3 else [value])
            )
            table += struct.pack(f"{order}HHI", tag, kind, 1) + filled
    start = struct.pack(f"{order}HI", 42, 8 + len(body))
    data = (b"II" if order == "<" else b"MM") + start + body + struct.pack(f"{order}H", len(entries)) + table
    data += struct.pack(f"{order}I", 0) + struct.pack(f"{order}HHH", 16, 16, 16)
    assert np.array_equal(decode_rgb(data), rgb if orientation == 1 else np.rot90(rgb, -1))


def test_colours_of_12_bits_in_a_png_that_is_turned() -> None:
    rgb = texture(16, 24)
    _, data = cv2.imencode(".png", (rgb.astype(np.uint16) << 4)[..., ::-1])
    exif = oriented(6).tobytes().removeprefix(b"Exif\0\0")
    turned = data.tobytes()[:33] + _chunk(b"eXIf", exif) + data.tobytes()[33:]
    assert np.array_equal(decode_rgb(turned), np.rot90(rgb, -1))


def test_a_black_picture_of_16_bits_stays_black() -> None:
    assert not decode_rgb(encoded(Image.fromarray(np.zeros((9, 9), np.uint16)), "PNG")).any()


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_alpha_that_is_0_everywhere_is_not_meant(kind: str, mode: str) -> None:
    image = Image.fromarray(texture()).convert(mode)
    image.putalpha(0)
    # WebP drops the colours of what cannot be seen unless it is told not to.
    data = encoded(image, kind, **({"lossless": True, "exact": True} if kind == "WEBP" else {}))
    expected = np.asarray(image.convert(mode).convert("RGBA"))[..., :3]
    assert np.array_equal(decode_rgb(data), expected)
    assert np.array_equal(convert_photo(image).to_rgb(), expected)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}), ("GIF", {}), ("BMP", {}), ("WEBP", {}), ("WEBP", {"lossless": True}), ("TIFF", {}), ("PPM", {}),
        ("TIFF", {"compression": "tiff_lzw"}), ("TIFF", {"compression": "jpeg"}), ("AVIF", {}), ("JPEG2000", {}),
    ],
)  # fmt: skip
def test_half_a_file_is_no_image(kind: str, options: dict[str, object]) -> None:
    data = encoded(texture(), kind, **options)
    with pytest.raises(ImageError, match=r"cannot be decoded|is not a whole"):
        decode_rgb(data[: len(data) // 2])


def closed(image: Image.Image) -> Image.Image:
    image.close()
    return image


def left(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as image:
        return image


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP"])
def test_a_closed_image_says_so(kind: str) -> None:
    data = encoded(texture(), kind)
    loaded = Image.open(io.BytesIO(data))
    loaded.load()
    for image in (closed(Image.open(io.BytesIO(data))), closed(loaded), closed(Image.fromarray(texture()))):
        with pytest.raises(ImageError, match="was closed before it was read; hand it over while it is open"):
            convert_photo(image).to_rgb()


def test_an_image_that_was_left_unread_by_its_block_says_so() -> None:
    with pytest.raises(ImageError, match="was closed before it was read"):
        convert_photo(left(encoded(texture(), "JPEG"))).to_rgb()


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def promising(width: int, height: int) -> bytes:
    """A PNG whose header promises more pixels than its bytes hold."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(b""))
        + _chunk(b"IEND", b"")
    )


def noisy_files() -> dict[str, bytes]:
    """Files of which Pillow or libtiff warn by themselves."""
    tiff = encoded(texture(), "TIFF", compression="tiff_adobe_deflate")
    torn = bytearray(tiff)
    torn[len(torn) // 2 : len(torn) // 2 + 200] = b"\xaa" * 200
    # EXIF that promises more than it holds.
    exif = b"Exif\0\0II*\0\x08\0\0\0\x02\0\x12\x01\x03\0\x01\0\0\0\x01\0\0\0\x0f\x01\x02\0\xff\xff\0\0\xff\xff\0\0"
    plain = encoded(texture(), "JPEG")
    return {
        "bomb": promising(10_000, 10_000),
        "large bomb": promising(14_000, 14_000),
        "torn": bytes(torn),
        "cut": tiff[:-9],
        "exif": plain[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2) + exif + plain[2:],
        "palette": encoded(Image.fromarray(texture()).quantize(9), "PNG", transparency=bytes(range(9))),
    }


def test_warnings_do_not_reach_the_terminal(tmp_path: Path) -> None:
    """In a process of its own, for libtiff writes past Python's standard error."""
    for name, data in noisy_files().items():
        (tmp_path / name).write_bytes(data)
    program = """
import contextlib, pathlib, sys
from agelens.errors import ImageError
from agelens.utils.images import read_rgb, weigh
for file in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    for look in (read_rgb, lambda file: weigh(file.read_bytes())):
        try:
            look(file)
            print(file.name, "read")
        except ImageError as error:
            print(file.name, error)
"""
    answer = subprocess.run(
        [sys.executable, "-W", "always", "-c", program, tmp_path], capture_output=True, text=True, check=True
    )
    assert answer.stderr == ""
    said = answer.stdout.splitlines()
    assert len(said) == 2 * len(noisy_files())
    assert any(line.startswith("torn cannot be decoded") for line in said)
    assert "exif read" in said


def test_the_same_files_are_noisy_without_that(capfd: pytest.CaptureFixture[str]) -> None:
    """Or the test above could not fail."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        Image.open(io.BytesIO(noisy_files()["bomb"]))
        torn = Image.open(io.BytesIO(noisy_files()["torn"]))
        with pytest.raises(OSError, match="decoder error"):
            torn.load()
    assert any(issubclass(one.category, Image.DecompressionBombWarning) for one in found)
    assert "Decod" in capfd.readouterr().err


def test_filters_of_warnings_are_as_they_were_whatever_threads_do() -> None:
    before = list(warnings.filters)
    data = encoded(texture(), "PNG")
    with ThreadPoolExecutor(4) as pool:
        assert len(list(pool.map(decode_rgb, [data] * 40))) == 40
    assert list(warnings.filters) == before
    with pytest.raises(ZeroDivisionError), hushed(), hushed():
        raise ZeroDivisionError
    assert list(warnings.filters) == before


def test_an_image_may_be_larger_than_pillow_itself_would_open() -> None:
    assert weigh(promising(14_000, 14_000)) == 196_000_000
    with pytest.raises(ImageError, match="more than the limit of 200,000,000"):
        weigh(promising(15_000, 14_000))
    with pytest.raises(ImageError, match="cannot be decoded"):
        decode_rgb(promising(300, 300))


def pixels_of(image: Image.Image) -> Pixels:
    return np.asarray(image.convert("RGB"))


def test_an_opened_image_gives_its_current_frame() -> None:
    frames = [texture(seed=seed) for seed in range(3)]
    images = [Image.fromarray(frame) for frame in frames]
    animation = Image.open(io.BytesIO(encoded(images[0], "TIFF", save_all=True, append_images=images[1:])))
    for number in (0, 2, 1):
        animation.seek(number)
        assert np.array_equal(convert_photo(animation).to_rgb(), frames[number])
