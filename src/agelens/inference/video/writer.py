"""Pictures as a video file, through PyAV."""

import contextlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
from av.video.reformatter import ColorRange, Interpolation
from av.video.stream import VideoStream

from agelens.errors import AgeLensError
from agelens.inference.video.colours import BT709, Colours, tag
from agelens.utils.images import Pixels

WRITABLE = (".mp4", ".mkv", ".mov")


class VideoWriter:
    """Writes pictures as a video without sound, H.264 where PyAV can and MPEG-4 elsewhere; a context manager.

    Args:
        path: ends in one of WRITABLE; an existing file is replaced.
        rate: frames a second, nominally; each frame has its own time.
        comment: what the file says of itself.
    """

    def __init__(self, path: Path, rate: float, comment: str = "") -> None:
        check_writable(path)
        with _plain_errors():
            self._container = av.open(str(path), "w")
        self._container.metadata["comment"] = comment
        codec = "libx264" if "libx264" in av.codecs_available else "mpeg4"
        stream = self._container.add_stream(codec, rate=Fraction(rate).limit_denominator(1000))
        assert isinstance(stream, VideoStream)
        self._stream = stream
        # Milliseconds: MPEG-4 knows no finer clock.
        self._stream.codec_context.time_base = Fraction(1, 1000)
        self._stream.options = {"crf": "20", "preset": "veryfast"} if codec == "libx264" else {"qscale": "3"}
        self._stream.pix_fmt = "yuv420p"
        self._last = -1
        self._colours = BT709
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write(self, image: Pixels, seconds: float, colours: Colours = BT709) -> None:
        """Add a picture.

        Args:
            image: uint8 (height, width, 3), RGB.
            seconds: when it is shown; later than the one before.
            colours: what the RGB values mean; those of the first picture count for the video.
        """
        if self._last < 0:
            # The format knows even sides only.
            self._stream.height, self._stream.width = (max(side // 2 * 2, 2) for side in image.shape[:2])
            self._colours = colours
            tag(self._stream.codec_context, colours)
        self._last = max(self._last + 1, round(seconds * 1000))
        frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(
            self._stream.width,
            self._stream.height,
            "yuv420p",
            dst_colorspace=self._colours.colorspace,
            dst_color_range=ColorRange.MPEG,
            # Colours of two by two pixels are averaged; the usual way takes one of the four.
            interpolation=Interpolation.AREA,
        )
        tag(frame, self._colours)
        frame.pts, frame.time_base = self._last, Fraction(1, 1000)
        with _plain_errors():
            self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Write what is still held back and end the file; once more does nothing."""
        if self._closed:
            return
        self._closed = True
        with _plain_errors():
            try:
                if self._last >= 0:
                    self._container.mux(self._stream.encode(None))
            finally:
                self._container.close()


@contextlib.contextmanager
def _plain_errors() -> Iterator[None]:
    """Turn what FFmpeg raises where a disk is full into Python's own error, which can be told which file it is of."""
    try:
        yield
    except av.FFmpegError as error:
        raise OSError(error.errno, error.strerror) from None


def check_writable(path: Path) -> None:
    """Raise AgeLensError where a video cannot be written to a file of this name."""
    if path.suffix.lower() not in WRITABLE:
        raise AgeLensError(f"{path} cannot take a video; give a name that ends in {', '.join(WRITABLE)}.")
