"""What tests of decoding share: a textured picture, files of it, and ICC profiles."""

import io
import struct

import cv2
import numpy as np
from PIL import Image

from agelens.utils.images import Pixels

D50 = (0.9642, 1.0, 0.8249)


def texture(height: int = 96, width: int = 128, seed: int = 0) -> Pixels:
    """Coloured clouds: enough detail that each part of a compressed file holds something."""
    small = np.random.default_rng(seed).integers(0, 256, (height // 8, width // 8, 3), np.uint8)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def encoded(image: Image.Image | Pixels, kind: str, **options: object) -> bytes:
    """An image as a file of a format that Pillow writes."""
    file = io.BytesIO()
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    image.save(file, kind, **options)
    return file.getvalue()


def oriented(orientation: int) -> Image.Exif:
    """EXIF that holds nothing but how the picture lies."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def _fixed(*values: float) -> bytes:
    return b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def _xyz(*values: float) -> bytes:
    return b"XYZ \0\0\0\0" + _fixed(*values)


def gamma_curve(gamma: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"


# That of sRGB, and of Display P3.
SRGB_CURVE = (
    b"para\0\0\0\0" + struct.pack(">HH", 3, 0) + _fixed(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
)


def _profile(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    """An ICC profile of version 2 with these tags, as the specification lays them out."""
    name = b"made\0"
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(name)) + name + bytes(78),
        b"cprt": b"text\0\0\0\0none\0",
        b"wtpt": _xyz(*D50),
        **tags,
    }
    table, body, start = b"", b"", 128 + 4 + 12 * len(tags)
    for key, value in tags.items():
        value += bytes(-len(value) % 4)
        table += key + struct.pack(">II", start + len(body), len(value))
        body += value
    head = bytearray(128)
    head[:24] = struct.pack(">I4sI4s4s4s", start + len(body), b"lcms", 0x02400000, b"mntr", space, b"XYZ ")
    head[36:40], head[68:80] = b"acsp", _fixed(*D50)
    return bytes(head) + struct.pack(">I", len(tags)) + table + body


def rgb_profile(primaries: tuple[tuple[float, ...], ...], curve: bytes) -> bytes:
    """A profile of RGB by the XYZ of its primaries (adapted to D50) and the curve of all three."""
    tags = {
        letter + b"XYZ": _xyz(*primary) for letter, primary in zip((b"r", b"g", b"b"), primaries, strict=True)
    }
    return _profile(b"RGB ", {**tags, b"rTRC": curve, b"gTRC": curve, b"bTRC": curve})


def grey_profile(gamma: float) -> bytes:
    return _profile(b"GRAY", {b"kTRC": gamma_curve(gamma)})


def cmyk_profile() -> bytes:
    """A profile of a press whose inks make neutral grey: each takes half of the lightness that is left."""
    ramp = bytes(range(256))
    # Lab in bytes at the 16 corners, the last ink changing fastest: L from 0 to 100, a and b 0.
    corners = b"".join(bytes([round(255 * 0.5 ** bin(corner).count("1")), 128, 128]) for corner in range(16))
    table = (
        b"mft1\0\0\0\0"
        + bytes([4, 3, 2, 0])
        + _fixed(1, 0, 0, 0, 1, 0, 0, 0, 1)
        + 4 * ramp
        + corners
        + 3 * ramp
    )
    profile = bytearray(_profile(b"CMYK", {b"A2B0": table}))
    profile[12:16], profile[20:24] = b"prtr", b"Lab "
    return bytes(profile)


DISPLAY_P3 = rgb_profile(
    ((0.51512, 0.2412, -0.00105), (0.29198, 0.69225, 0.04189), (0.1571, 0.06657, 0.78407)), SRGB_CURVE
)
ADOBE_RGB = rgb_profile(
    ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)),
    gamma_curve(2.19921875),
)
SRGB = rgb_profile(
    ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.7141)), SRGB_CURVE
)
