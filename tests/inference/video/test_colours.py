"""Colours of videos: read by what the file says, written with what it means, and the same when read again.

Frames are made here by the formulas of ITU-R BT.601, BT.709 and BT.2020, so that FFmpeg's own conversion is not asked
to judge itself.
"""

import itertools
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from agelens.inference.video.colours import BT709, Colours
from agelens.inference.video.reader import Video
from agelens.inference.video.writer import VideoWriter
from agelens.utils.images import Pixels

# Weights of red and blue in luma, by matrix coefficients (ITU-T H.273).
WEIGHTS = {1: (0.2126, 0.0722), 5: (0.299, 0.114), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}
PATCH = 16
COLOURS = np.array(list(itertools.product((0, 85, 170, 255), repeat=3)), np.uint8).reshape(4, 16, 3)
CHART = np.ascontiguousarray(COLOURS.repeat(PATCH, 0).repeat(PATCH, 1))
MIDDLES = np.s_[PATCH // 2 :: PATCH, PATCH // 2 :: PATCH]


def planes(image: Pixels, matrix: int, full: bool) -> list[np.ndarray]:
    """Y, Cb and Cr of 8 bits."""
    red, blue = WEIGHTS[matrix]
    rgb = image / 255.0
    luma = rgb @ np.array([red, 1 - red - blue, blue])
    cb, cr = (rgb[..., 2] - luma) / (2 - 2 * blue), (rgb[..., 0] - luma) / (2 - 2 * red)
    lowest, steps, spread = (0, 255, 255) if full else (16, 219, 224)
    parts = lowest + steps * luma, 128 + spread * cb, 128 + spread * cr
    return [np.clip(np.round(part), 0, 255).astype(np.uint8) for part in parts]


def rgb(luma: np.ndarray, cb: np.ndarray, cr: np.ndarray, matrix: int) -> np.ndarray:
    """The inverse for levels of television, in floating-point numbers."""
    red, blue = WEIGHTS[matrix]
    y, b, r = (luma - 16.0) / 219, (cb - 128.0) / 224, (cr - 128.0) / 224
    first, last = y + r * (2 - 2 * red), y + b * (2 - 2 * blue)
    middle = (y - red * first - blue * last) / (1 - red - blue)
    return 255 * np.stack([first, middle, last], axis=-1).clip(0, 1)


def write(path: Path, image: Pixels, matrix: int, full: bool, tags: tuple[int, int, int] | None) -> None:
    """A video of three frames; tags are matrix, primaries and transfer, None writes none."""
    parts = planes(image, matrix, full)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "2"})
        stream.height, stream.width = image.shape[:2]
        stream.pix_fmt = "yuv420p"
        frame = av.VideoFrame(image.shape[1], image.shape[0], "yuv420p")
        for plane, part in zip(frame.planes, (parts[0], parts[1][::2, ::2], parts[2][::2, ::2]), strict=True):
            rows = np.zeros((part.shape[0], plane.line_size), np.uint8)
            rows[:, : part.shape[1]] = part
            plane.update(rows.tobytes())
        for target in (stream.codec_context, frame):
            if tags is not None:
                target.colorspace, target.color_primaries, target.color_trc = tags
                target.color_range = 2 if full else 1
        for number in range(3):
            frame.pts, frame.time_base = number * 40, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def raw(path: Path) -> tuple[np.ndarray, ...]:
    """Y, Cb and Cr in the middle of the patches of the first frame, untouched by any conversion."""
    with av.open(str(path)) as container:
        frame = next(container.decode(container.streams.video[0]))
        parts = [
            np.frombuffer(bytes(plane), np.uint8).reshape(-1, plane.line_size)[:, : plane.width]
            for plane in frame.planes
        ]
    half = np.s_[PATCH // 4 :: PATCH // 2, PATCH // 4 :: PATCH // 2]
    return parts[0][MIDDLES], parts[1][half], parts[2][half]


def tags_of(path: Path) -> tuple[int, ...]:
    with av.open(str(path)) as container:
        found = container.streams.video[0].codec_context
        return found.colorspace, found.color_primaries, found.color_trc, found.color_range


CASES = {
    "BT.709": (1, False, (1, 1, 1), Colours(1, 1, 1)),
    "BT.601, 625 lines": (5, False, (5, 5, 6), Colours(5, 5, 6)),
    "BT.601, 525 lines": (6, False, (6, 6, 6), Colours(6, 6, 6)),
    "BT.2020, HLG": (9, False, (9, 9, 18), Colours(9, 9, 18)),
    "BT.709, all levels": (1, True, (1, 1, 1), Colours(1, 1, 1)),
    "JPEG of a camera": (5, True, (5, 2, 2), Colours(5, 1, 1)),
    "only its matrix": (1, False, (1, 2, 2), Colours(1, 1, 1)),
    "says nothing": (6, False, None, Colours(6, 6, 6)),
}


@pytest.mark.parametrize("ending", [".mp4", ".mkv", ".mov"])
@pytest.mark.parametrize("case", CASES)
def test_colours_stay_from_one_video_to_the_other(case: str, ending: str, tmp_path: Path) -> None:
    matrix, full, tags, expected = CASES[case]
    write(tmp_path / "source.mp4", CHART, matrix, full, tags)
    with Video(tmp_path / "source.mp4") as video:
        frames = list(video.read())
    assert frames[0].colours == expected
    assert np.abs(frames[0].image[MIDDLES].astype(int) - COLOURS).max() <= 3
    target = tmp_path / f"written{ending}"
    with VideoWriter(target, 25) as writer:
        for frame in frames:
            writer.write(frame.image, frame.seconds, frame.colours)
    assert tags_of(target) == (expected.matrix, expected.primaries, expected.transfer, 1)
    found = rgb(*raw(target), expected.matrix)
    # Two conversions of 8 bits and an encoder lie between them.
    assert np.abs(found - COLOURS).max() <= 4
    assert np.percentile(np.abs(found - COLOURS), 95) <= 2.5
    assert np.abs(found - COLOURS).mean() < 1
    if ending != ".mkv":
        # Players read the container before the stream.
        assert b"colr" in target.read_bytes()


@pytest.mark.parametrize(("height", "matrix"), [(576, 5), (480, 6), (720, 1)])
def test_what_says_nothing_is_read_by_its_size(height: int, matrix: int, tmp_path: Path) -> None:
    image = np.ascontiguousarray(np.tile(CHART, (height // 64 + 1, 3, 1))[:height, :640])
    write(tmp_path / "a.mp4", image, matrix, False, None)
    with Video(tmp_path / "a.mp4") as video:
        frame = next(video.read())
    assert frame.colours.matrix == matrix
    assert np.abs(frame.image[MIDDLES].astype(int) - image[MIDDLES]).max() <= 3


def test_pictures_without_a_source_are_written_as_bt709(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "a.mp4", 25) as writer:
        writer.write(CHART, 0.0)
    assert tags_of(tmp_path / "a.mp4") == (1, 1, 1, 1)
    assert np.abs(rgb(*raw(tmp_path / "a.mp4"), BT709.matrix) - COLOURS).max() <= 3


def test_without_h264_colours_are_told_by_the_container(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(av, "codecs_available", {"mpeg4"})
    with VideoWriter(tmp_path / "a.mp4", 25) as writer:
        writer.write(CHART, 0.0, Colours(6, 6, 6))
        writer.write(CHART, 0.1, Colours(6, 6, 6))
    assert tags_of(tmp_path / "a.mp4")[:3] == (6, 6, 6)
    assert np.abs(rgb(*raw(tmp_path / "a.mp4"), 6) - COLOURS).mean() < 3
