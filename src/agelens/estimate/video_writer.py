"""Pictures as a video file, through PyAV."""

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
from av.video.stream import VideoStream

from agelens.errors import AgeLensError
from agelens.images import Pixels

WRITABLE = (".mp4", ".mkv", ".mov")


class VideoWriter:
    """Writes pictures as a video without sound, H.264 where PyAV can and MPEG-4 elsewhere; a context manager.

    Args:
        path: ends in one of WRITABLE; an existing file is replaced.
        rate: frames a second, nominally; each frame has its own time.
    """

    def __init__(self, path: Path, rate: float) -> None:
        check_writable(path)
        self._container = av.open(str(path), "w")
        codec = "libx264" if "libx264" in av.codecs_available else "mpeg4"
        stream = self._container.add_stream(codec, rate=Fraction(rate).limit_denominator(1000))
        assert isinstance(stream, VideoStream)
        self._stream = stream
        # Milliseconds: MPEG-4 knows no finer clock.
        self._stream.codec_context.time_base = Fraction(1, 1000)
        self._stream.options = {"crf": "20", "preset": "veryfast"} if codec == "libx264" else {"qscale": "3"}
        self._stream.pix_fmt = "yuv420p"
        self._last = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write(self, image: Pixels, seconds: float) -> None:
        """Add a picture, uint8 (height, width, 3) RGB, that is shown from a time on; later than the one before."""
        if self._last < 0:
            # The format knows even sides only.
            self._stream.height, self._stream.width = (max(side // 2 * 2, 2) for side in image.shape[:2])
        self._last = max(self._last + 1, round(seconds * 1000))
        frame = av.VideoFrame.from_ndarray(image, format="rgb24")
        frame = frame.reformat(self._stream.width, self._stream.height, "yuv420p")
        frame.pts, frame.time_base = self._last, Fraction(1, 1000)
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Write what is still held back and end the file."""
        if self._last >= 0:
            self._container.mux(self._stream.encode(None))
        self._container.close()


def check_writable(path: Path) -> None:
    """Raise AgeLensError where a video cannot be written to a file of this name."""
    if path.suffix.lower() not in WRITABLE:
        raise AgeLensError(f"{path} cannot take a video; give a name that ends in {', '.join(WRITABLE)}.")
