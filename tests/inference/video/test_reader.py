"""Frames of files and cameras."""

import gc
import itertools
import time
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from agelens.errors import AgeLensError
from agelens.inference.video import pipeline
from agelens.inference.video import reader as video
from agelens.inference.video.pipeline import track_video
from agelens.inference.video.reader import BrokenVideoError, Frame, Video
from agelens.inference.video.writer import VideoWriter
from agelens.utils.images import Pixels
from tests.inference.video.moving_squares import (
    HEIGHT,
    IMAGE_SIZE,
    WIDTH,
    SquarePredictor,
    draw,
    read_frames,
    write_video,
)


def corner(number: int) -> tuple[float, float]:
    return 10 + 2 * number, 20.0


def squares(count: int) -> list[Pixels]:
    return [draw({"red": corner}, number) for number in range(count)]


def read(path: Path | str) -> tuple[list[Frame], str]:
    """The frames and how it ended."""
    frames = []
    try:
        for frame in read_frames(path):
            frames.append(frame)
    except BrokenVideoError as error:
        return frames, str(error)
    return frames, ""


def test_frames_come_with_number_time_and_rgb(tmp_path: Path) -> None:
    drawn = squares(10)
    frames, error = read(write_video(tmp_path / "a.mp4", drawn))
    assert error == ""
    assert [frame.number for frame in frames] == list(range(10))
    assert [frame.seconds for frame in frames] == pytest.approx([number / 25 for number in range(10)])
    for frame, image in zip(frames, drawn, strict=True):
        assert frame.image.dtype == np.uint8
        assert frame.image.shape == (HEIGHT, WIDTH, 3)
        assert np.abs(frame.image.astype(int) - image).mean() < 4


def test_times_of_a_variable_rate_are_kept(tmp_path: Path) -> None:
    times = [0.0, 0.04, 0.5, 0.51, 2.0, 2.25]
    path = write_video(tmp_path / "a.mp4", squares(6), times)
    assert [frame.seconds for frame in read_frames(path)] == pytest.approx(times, abs=1e-3)


def test_a_frame_is_let_go_without_collecting_garbage(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", squares(12))
    gc.disable()
    try:
        kept = len([one for one in gc.get_objects() if isinstance(one, av.VideoFrame)])
        list(read_frames(path))
        # The first is asked how the video is turned.
        assert len([one for one in gc.get_objects() if isinstance(one, av.VideoFrame)]) <= kept + 1
    finally:
        gc.enable()


def test_every_skips_frames_and_seconds_ends(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mkv", squares(20))
    assert [frame.number for frame in read_frames(path, frame_stride=6)] == [0, 6, 12, 18]
    assert [frame.number for frame in read_frames(path, frame_stride=2, duration=0.3)] == [0, 2, 4, 6]
    with pytest.raises(ValueError, match="frame_stride is at least 1"):
        next(read_frames(path, frame_stride=0))


@pytest.mark.parametrize(
    ("rotation", "turned"),
    [
        ((90, False, False), lambda image: np.rot90(image)),
        ((-90, False, False), lambda image: np.rot90(image, -1)),
        ((180, False, False), lambda image: np.rot90(image, 2)),
        ((0, True, False), lambda image: image[:, ::-1]),
        ((0, False, True), lambda image: image[::-1]),
    ],
)
def test_a_video_is_turned_as_its_file_asks(tmp_path: Path, rotation, turned) -> None:
    drawn = squares(3)
    path = write_video(tmp_path / "a.mp4", drawn, rotation=rotation)
    frame = next(read_frames(path))
    assert frame.image.flags.c_contiguous
    assert np.abs(frame.image.astype(int) - turned(drawn[0])).mean() < 4


def test_narrow_pixels_are_made_square(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH // 2, "yuv420p"
        stream.codec_context.sample_aspect_ratio = 2
        image = np.ascontiguousarray(squares(1)[0][:, ::2])
        container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    assert next(read_frames(path)).image.shape == (HEIGHT, WIDTH, 3)


def test_a_file_that_is_cut_off_gives_its_frames_then_a_sentence(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "a.mkv", squares(50))
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
    frames, error = read(cut)
    assert 5 < len(frames) < 45
    assert error.startswith(f"{cut} is cut off or damaged after ")
    # The index of an MP4 is at its end, without which there is nothing.
    whole = write_video(tmp_path / "a.mp4", squares(50))
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[:-500])
    with pytest.raises(AgeLensError, match=f"{cut} is not a video that can be read, or its end is missing"):
        read(cut)


def test_a_damaged_file_gives_what_is_good(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "a.mp4", squares(100), options={"movflags": "faststart"})
    data = bytearray(whole.read_bytes())
    begin = data.index(b"mdat") + (len(data) - data.index(b"mdat")) // 2
    data[begin : begin + 1500] = bytes(1500)
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(data)
    frames, error = read(damaged)
    assert 40 < len(frames) < 100
    assert frames[-1].seconds == pytest.approx(3.96)
    assert error.startswith(f"{damaged} is damaged: ")


def write_text(path: Path) -> None:
    path.write_text("This is no video.\n" * 50, encoding="utf-8")


def write_sound(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), format="fltp", layout="mono")
        silence.sample_rate = 44100
        container.mux(stream.encode(silence))
        container.mux(stream.encode(None))


@pytest.mark.parametrize(
    ("name", "write", "sentence"),
    [
        ("gone.mp4", lambda path: None, "does not exist; give a video file, or a camera"),
        ("folder", Path.mkdir, "is a folder; give one video file"),
        ("empty.mp4", Path.touch, "is not a video that can be read"),
        ("text.mp4", write_text, "is not a video that can be read"),
        # FFmpeg would play it as a terminal.
        ("text.txt", write_text, "is not a video; give a file such as MP4"),
        ("a.jpg", lambda path: Image.new("RGB", (64, 64)).save(path), "is a photograph, not a video"),
        ("a.png", lambda path: Image.new("RGB", (64, 64)).save(path), "is a photograph, not a video"),
        ("sound.m4a", write_sound, "holds no video, only sound"),
    ],
)
def test_what_is_no_video_is_refused_in_a_sentence(tmp_path: Path, name: str, write, sentence: str) -> None:
    path = tmp_path / name
    write(path)
    with pytest.raises(AgeLensError, match=sentence) as caught:
        next(read_frames(path))
    assert str(caught.value).startswith(str(path))


def test_a_camera_that_is_missing_is_named() -> None:
    with pytest.raises(AgeLensError, match="The camera 63 cannot be opened"):
        Video("63")


def test_only_numbers_and_devices_are_cameras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert [video.is_camera(name) for name in ("0", "/dev/video2", "video=Cam", "0.mp4", "clip")] == [
        True, True, True, False, False,
    ]  # fmt: skip
    Path("7").touch()
    assert not video.is_camera("7")


@pytest.fixture
def camera(monkeypatch: pytest.MonkeyPatch) -> None:
    """Camera 0 gives FFmpeg's test picture at 50 frames a second, as fast as the clock."""

    def opened(name: str) -> av.container.InputContainer:
        return av.open("testsrc=size=160x120:rate=50,realtime", format="lavfi")

    monkeypatch.setattr(video, "open_camera", opened)


class SlowPredictor(SquarePredictor):
    def stream(self, images, *, rotations):
        time.sleep(0.1)
        return super().stream(images, rotations=rotations)


@pytest.mark.usefixtures("camera")
def test_of_a_camera_the_newest_frame_is_taken_alone() -> None:
    predictor = SlowPredictor()
    begun = time.monotonic()
    frames = []
    for frame in track_video(predictor, "0", duration=1.0):
        frames.append(frame)
        # The camera began a little before its first frame came.
        assert time.monotonic() - begun < frame.seconds + 0.6
    assert set(predictor.batches) == {1}
    assert 4 <= len(frames) <= 12
    assert np.diff([frame.number for frame in frames]).max() >= 3


@pytest.mark.usefixtures("camera")
def test_a_camera_is_let_go_when_nobody_asks_any_more() -> None:
    frames = track_video(SquarePredictor(), "0")
    assert len(list(itertools.islice(frames, 3))) == 3
    frames.close()


def test_a_camera_that_has_gone_silent_holds_up_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    source = "testsrc=size=160x120:rate=1/20,realtime=limit=60"
    monkeypatch.setattr(video, "open_camera", lambda _: av.open(source, format="lavfi"))
    monkeypatch.setattr(pipeline, "_PATIENCE_SECONDS", 0.2)
    frames = track_video(SquarePredictor(), "0")
    assert next(frames).number == 0
    begun = time.monotonic()
    frames.close()
    assert time.monotonic() - begun < 5


def test_what_ends_a_camera_is_told_after_its_last_frame() -> None:
    def frames():
        yield 1
        raise BrokenVideoError("It was pulled out.")

    newest = pipeline._newest(frames())
    assert next(newest) == [1]
    with pytest.raises(BrokenVideoError, match="pulled out"):
        next(newest)


def test_of_a_file_frames_are_estimated_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "BATCH", 8)
    predictor = SquarePredictor()
    path = write_video(tmp_path / "a.mp4", squares(20))
    assert [frame.number for frame in track_video(predictor, path)] == list(range(20))
    assert predictor.batches == [8, 8, 4]
    # Large frames come in fewer.
    monkeypatch.setattr(pipeline, "_BATCH_BYTES", 3 * HEIGHT * WIDTH * 3)
    predictor = SquarePredictor()
    assert len(list(track_video(predictor, path))) == 20
    assert predictor.batches == [3] * 6 + [2]


def test_a_written_video_keeps_times_and_pictures(tmp_path: Path) -> None:
    times = [0.0, 0.04, 0.3, 0.3, 1.0]
    # An odd side, which H.264 does not know.
    drawn = [image[:-1] for image in squares(5)]
    with VideoWriter(tmp_path / "a.mp4", 25) as writer:
        for image, seconds in zip(drawn, times, strict=True):
            writer.write(image, seconds)
    frames, error = read(tmp_path / "a.mp4")
    assert error == ""
    # Two frames at the same time are shown a millisecond apart.
    assert [frame.seconds for frame in frames] == pytest.approx([0.0, 0.04, 0.3, 0.301, 1.0])
    assert frames[0].image.shape == (HEIGHT - 2, WIDTH, 3)
    x, y = corner(4)
    inside = frames[4].image[int(y) + 5 : int(y) + IMAGE_SIZE - 5, int(x) + 5 : int(x) + IMAGE_SIZE - 5]
    assert inside[..., 0].min() > 180
    with pytest.raises(AgeLensError, match=r"a\.webp cannot take a video; give a name that ends in \.mp4"):
        VideoWriter(tmp_path / "a.webp", 25)


def test_a_video_of_one_row_of_pixels_can_be_written(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "a.mp4", 25) as writer:
        writer.write(np.full((1, 64, 3), 200, np.uint8), 0.0)
    frames, _ = read(tmp_path / "a.mp4")
    assert frames[0].image.shape == (2, 64, 3)
