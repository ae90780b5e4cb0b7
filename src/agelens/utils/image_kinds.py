"""Which files are images: by their names, and where the name does not say so, by their first bytes."""

import re
from pathlib import Path

from agelens.utils.images import SUFFIXES

# Names of images that cameras and browsers do not write but that are read as well.
NAMED_SO = SUFFIXES | {".jp2", ".j2k", ".jpx", ".ppm", ".pgm", ".pbm", ".pnm"}
# They begin as TIFF or JPEG does, and what could be read of them is a small preview or half a picture.
_NOT_BY_BYTES = frozenset(
    {
        ".3fr", ".arw", ".cr2", ".dcr", ".dng", ".erf", ".iiq", ".kdc", ".mef", ".mos", ".nef", ".nrw", ".orf", ".pef",
        ".raw", ".rw2", ".rwl", ".sr2", ".srw", ".crdownload", ".download", ".part", ".partial",
    }
)  # fmt: skip
_STARTS = (
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"GIF87a",
    b"GIF89a",
    b"II*\0",
    b"MM\0*",
    b"II+\0",
    b"MM\0+",
    # JPEG 2000, in its box and without.
    b"\0\0\0\x0cjP  \r\n\x87\n",
    b"\xff\x4f\xff\x51",
)
_PORTABLE_MAP = re.compile(rb"P[1-6]\s+[#\d]")
_BITMAP_HEADERS = frozenset({12, 40, 52, 56, 64, 108, 124})
_FTYP = re.compile(rb"....ftyp(avif|avis|heic|heix|heim|heis|hevc|hevx|mif1|msf1)", re.DOTALL)
_READ = 32


def is_image_file(path: Path) -> bool:
    """Whether a plain file is an image by its name, or by its first bytes where the name says nothing or else.

    A file that is called an image is taken for one whatever it holds: decoding it tells what is wrong with it.
    """
    suffix = path.suffix.lower()
    return suffix in NAMED_SO or (suffix not in _NOT_BY_BYTES and begins_as_image(path))


def begins_as_image(path: Path) -> bool:
    """Whether a plain file begins as one of the formats that `agelens.utils.images` reads; False where it cannot be
    read.
    """
    try:
        with path.open("rb") as file:
            start = file.read(_READ)
    except OSError:
        return False
    if start.startswith(_STARTS) or _PORTABLE_MAP.match(start) or _FTYP.match(start):
        return True
    if start[:2] == b"BM":
        return int.from_bytes(start[14:18], "little") in _BITMAP_HEADERS
    return start[:4] == b"RIFF" and start[8:12] == b"WEBP"


def kind_of(path: Path) -> str:
    """What a file that is no image is counted as: its suffix in small letters."""
    # An end of many letters, or with others than of the alphabet, is no suffix: it is part of the name.
    suffix = path.suffix.lower()
    return suffix if re.fullmatch(r"\.\w{1,12}", suffix) else "without a suffix"
