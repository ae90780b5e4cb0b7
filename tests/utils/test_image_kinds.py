import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from agelens.utils.image_kinds import begins_as_image, is_image_file, kind_of
from agelens.utils.images import read_rgb

FORMATS = ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "JPEG2000", "PPM", "AVIF"]


def picture(name: str, **options: object) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 30, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, name, **options)
    return file.getvalue()


@pytest.mark.parametrize("suffix", ["", ".jpg_large", ".txt", ".JPEG-1", ".data"])
@pytest.mark.parametrize("name", FORMATS)
def test_every_format_that_is_read_is_known_by_its_bytes(tmp_path: Path, name: str, suffix: str) -> None:
    if name == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow writes no AVIF")
    file = tmp_path / f"photo{suffix}"
    file.write_bytes(picture(name))
    assert is_image_file(file)
    assert read_rgb(file).shape == (40, 30, 3)


@pytest.mark.parametrize(
    ("mode", "options"),
    [("L", {}), ("1", {}), ("I;16", {})],
    ids=["pgm", "pbm", "pgm of 16 bits"],
)
def test_portable_maps_of_all_kinds(tmp_path: Path, mode: str, options: dict[str, object]) -> None:
    file = tmp_path / "photo"
    Image.new(mode, (20, 20)).save(file, "PPM", **options)
    assert begins_as_image(file)


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"BM, as I said",
        b"P1 is the first point",
        b"{}",
        b"RIFF\0\0\0\0WAVEfmt ",
        b"\0\0\0\x20ftypisom",
        b"%PDF-1.4",
        b"GIF8",
        b"<svg/>",
        b"II*",
        b"\xff\xd8",
    ],
)
def test_what_is_no_image_is_known_too(tmp_path: Path, start: bytes) -> None:
    file = tmp_path / "photo"
    file.write_bytes(start)
    assert not is_image_file(file)


def test_names_decide_where_they_say_something(tmp_path: Path) -> None:
    # Damaged ones are images: reading them tells what is wrong.
    for name in ("a.jpg", "b.JPG", "c.jp2", "d.PPM", "e.heic"):
        (tmp_path / name).write_bytes(b"nothing of the kind")
        assert is_image_file(tmp_path / name)
    # What cameras write raw begins as TIFF does, and what browsers have not finished as the whole does.
    for name in ("a.nef", "b.CR2", "c.jpg.crdownload"):
        (tmp_path / name).write_bytes(picture("TIFF"))
        assert not is_image_file(tmp_path / name)
    assert not begins_as_image(tmp_path / "gone")


def test_kinds_are_suffixes() -> None:
    names = ("a.TXT", "b", ".hidden", "c.tar.gz", "d. Chapter one", "e.", "f.averylongending")
    assert [kind_of(Path(name)) for name in names] == [
        ".txt", "without a suffix", "without a suffix", ".gz", "without a suffix", "without a suffix",
        "without a suffix",
    ]  # fmt: skip
