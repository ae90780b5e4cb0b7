"""Videos and cameras as frames, through PyAV, which carries FFmpeg.

PyAV comes with ``pip install 'agelens[video]'``; only this module and `agelens.inference.video.writer` import it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
import numpy as np
from av.video.stream import VideoStream

from agelens.errors import AgeLensError
from agelens.inference.addresses import hide_password, is_address, is_live
from agelens.inference.video.colours import BT709, Colours, colours_of, source_matrix
from agelens.inference.video.sources import (
    claimed_seconds,
    find_stream,
    is_camera,
    open_address,
    open_camera,
    open_file,
)
from agelens.utils.images import Pixels

# A file whose frames end before this share of the length that it claims has been cut off.
_WHOLE = 0.9


class BrokenVideoError(AgeLensError):
    """A video is cut off or damaged; the frames that came before the error are good."""


@dataclass(frozen=True)
class Frame:
    """One picture of a video.

    Attributes:
        number: from 0, frames that were skipped counted.
        seconds: since the first frame, by the video's own clock.
        image: uint8 (height, width, 3), RGB, upright and with square pixels.
        colours: what the RGB values mean.
    """

    number: int
    seconds: float
    image: Pixels
    colours: Colours = BT709


class Video:
    """A video file or a camera that is open; a context manager.

    Args:
        source: a file, an address, or a camera as `is_camera` knows it.

    Raises:
        AgeLensError: there is no such file or camera, or it is no video.

    Attributes:
        name: the source as it was given, without a password.
        live: whether it shows what happens now, as a camera does.
        rate: frames a second on average; 25 where the source does not say.
        frames: how many it claims to hold, None where that is not known.
    """

    def __init__(self, source: str | Path) -> None:
        source, self._awaits = str(source), False
        self.name = hide_password(source)
        self._what = "camera" if is_camera(source) else "stream"
        if is_camera(source):
            self._container = open_camera(source)
        else:
            self._container = open_address(source) if is_address(source) else open_file(source)
        self.live = is_camera(source) or is_live(source) or self._endless(source)
        try:
            self._stream = find_stream(self._container, self.name)
        except AgeLensError:
            self._container.close()
            raise
        if not self.live:
            # Decoding in several threads holds frames back, which a camera must not.
            self._stream.thread_type = "AUTO"
        self.rate = float(self._stream.average_rate or self._stream.guessed_rate or 25)
        self._length = None if self.live else claimed_seconds(self._container, self._stream)
        self.frames = self._stream.frames or (round(self._length * self.rate) if self._length else None)

    def _endless(self, source: str) -> bool:
        """Whether an address has no end that is known, as the broadcast of an event."""
        return is_address(source) and self._container.duration is None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file or the camera.

        A camera of which a thread still awaits a frame is let go when that comes, or at the end of the program: FFmpeg
        must not lose what it works with.
        """
        if not self._awaits:
            self._container.close()

    def read(self, frame_stride: int = 1, duration: float | None = None) -> Iterator[Frame]:
        """Yield the frames from here on, decoded as they are asked for; one pass only.

        Args:
            frame_stride: give each n-th frame only, starting with the first.
            duration: stop after so many seconds of the video.

        Raises:
            BrokenVideoError: after the last good frame, where the file is cut off or damaged.
        """
        if frame_stride < 1:
            raise ValueError(f"frame_stride is at least 1, not {frame_stride}.")
        start, turn, now, self._damaged = None, None, 0.0, 0
        for number, decoded in enumerate(self._decode()):
            time = number / self.rate if decoded.time is None else decoded.time
            start = time if start is None else start
            # Joined files may jump back; whoever follows faces wants a clock that does not.
            now = max(now, time - start)
            if duration is not None and now >= duration:
                return
            if decoded.is_corrupt:
                self._damaged += 1
            elif number % frame_stride == 0:
                turn = _turn(decoded) if turn is None else turn
                image = turn(_square(decoded, self._stream))
                yield Frame(number, now, image, colours_of(decoded))
        if start is None:
            raise BrokenVideoError(
                f"{self.name} holds no frame that can be decoded; convert or copy it again."
            )
        if self._length and now + 1 / self.rate < _WHOLE * self._length:
            raise self._cut_off(now)
        if self._damaged and not self.live:
            raise BrokenVideoError(
                f"{self.name} is damaged: {self._damaged} of its frames were left out; copy it again."
            )

    def _decode(self) -> Iterator[av.VideoFrame]:
        packets = self._container.demux(self._stream)
        now = 0.0
        while True:
            try:
                self._awaits = True
                # The last packet is empty and asks the decoder for what it holds back.
                packet = next(packets, None)
            except av.FFmpegError as error:
                yield from self._decoded(None)
                raise self._cut_off(now, error) from None
            finally:
                self._awaits = False
            if packet is None:
                return
            for frame in self._decoded(packet):
                now = frame.time or now
                yield frame

    def _decoded(self, packet: av.Packet | None) -> list[av.VideoFrame]:
        """The frames that come out for a packet; one that cannot be decoded is counted, for the next may be good."""
        try:
            return self._stream.decode(packet)
        except av.FFmpegError:
            self._damaged += 1
            return []

    def _cut_off(self, seconds: float, error: av.FFmpegError | None = None) -> BrokenVideoError:
        reason = f" ({error.strerror})" if error is not None and error.strerror else ""
        if self.live:
            return BrokenVideoError(
                f"The {self._what} {self.name} stopped after {seconds:.1f} seconds{reason}."
            )
        return BrokenVideoError(
            f"{self.name} is cut off or damaged after {seconds:.1f} seconds{reason}; what follows was not read, "
            "copy it again if it should be longer."
        )


def _square(frame: av.VideoFrame, stream: VideoStream) -> Pixels:
    """A frame as RGB with square pixels."""
    wide = float(stream.sample_aspect_ratio or 1)
    # Beyond these it is a mistake of the file.
    width = round(frame.width * wide) if 1 / 3 < wide < 3 else frame.width
    image = frame.to_ndarray(format="rgb24", width=width, src_colorspace=source_matrix(frame))
    return np.asarray(image, np.uint8)


def _turn(frame: av.VideoFrame) -> Callable[[Pixels], Pixels]:
    """How frames are turned and mirrored to stand upright, as the file asks (ISO/IEC 14496-12, 8.2.2).

    Asked once a video: PyAV ties a frame that is asked into a knot, which keeps its pixels until garbage is collected.
    """
    matrix: Any = frame.side_data.get("DISPLAYMATRIX")
    # A point (x, y) goes to (a x + c y, b x + d y).
    a, b, _, c, d = (1, 0, 0, 0, 1) if matrix is None else np.frombuffer(bytes(matrix), np.int32)[:5].tolist()
    aside = abs(b) > abs(a)
    across, down = (c, b) if aside else (a, d)

    def upright(image: Pixels) -> Pixels:
        image = image.transpose(1, 0, 2) if aside else image
        return np.ascontiguousarray(image[:: -1 if down < 0 else 1, :: -1 if across < 0 else 1])

    return upright
