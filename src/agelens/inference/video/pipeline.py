"""Estimating the faces of a video or a camera: decoding runs ahead in a thread while the networks work."""

import contextlib
import queue
import threading
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

from agelens.errors import AgeLensError
from agelens.inference.video.reader import Frame, Video
from agelens.inference.video.tracker import LIFESPAN_SECONDS, FacePredictor, FaceTracker, VideoFrame

# Frames of a file that are estimated together, fewer where they are large; twice as many lie in memory.
BATCH = 32
_BATCH_BYTES = 100_000_000
# How long the end of a camera waits for its last frame.
_PATIENCE_SECONDS = 2.0


def track_video(
    predictor: FacePredictor, source: str | Path, frame_stride: int = 1, duration: float | None = None
) -> Iterator[VideoFrame]:
    """Estimate the faces of a video file or a camera and follow them from frame to frame.

    Args:
        predictor: from `agelens.load`.
        source: a file, or a camera: its number, ``/dev/video0``, or ``video=NAME`` on Windows.
        frame_stride: take each n-th frame only, which is faster; faces that move far between two of them lose their
            track.
        duration: stop after so many seconds of the video. A camera has no other end.

    Returns:
        one VideoFrame for each frame that was taken, as they are ready. Of a camera those frames are left out that
        come while the networks are busy, so that the answer is never late.

    Raises:
        AgeLensError: there is no such file or camera, or it is no video.
        BrokenVideoError: after the last good frame, where the file is cut off or damaged.
    """
    with Video(source) as video:
        for _, result in track_faces(predictor, video, frame_stride, duration):
            yield result


def track_faces(
    predictor: FacePredictor, video: Video, frame_stride: int = 1, duration: float | None = None
) -> Iterator[tuple[Frame, VideoFrame]]:
    """The same as `track_video` for a video that is open, each result with its picture."""
    # Where frames are far apart, a track waits for a few of them at least.
    tracker = FaceTracker(predictor, max(LIFESPAN_SECONDS, 3 * frame_stride / video.rate))
    frames = video.read(frame_stride, duration)
    batches = _newest(frames) if video.live else _ahead(frames)
    with contextlib.closing(batches):
        for batch in batches:
            # Not all at once: a stream would take in more large frames than there may be room for.
            # Heads lean for moments only, and tracks last over them.
            photos = predictor.stream([frame.image for frame in batch], rotations=False)
            for frame, photo in zip(batch, photos, strict=True):
                faces = tracker.update(photo.faces, frame.seconds)
                yield frame, VideoFrame(frame.number, frame.seconds, faces)


def _ahead(frames: Iterator[Frame]) -> Generator[list[Frame]]:
    """Batches of frames, the next one decoded while this one is worked on."""

    def take() -> tuple[list[Frame], AgeLensError | None]:
        batch: list[Frame] = []
        try:
            for frame in islice(frames, BATCH):
                batch.append(frame)
                if len(batch) * frame.image.nbytes >= _BATCH_BYTES:
                    break
        except AgeLensError as error:
            # The frames before it are good and come first.
            return batch, error
        return batch, None

    with ThreadPoolExecutor(1) as decoder:
        ready = decoder.submit(take)
        while True:
            batch, error = ready.result()
            if error is None and batch:
                ready = decoder.submit(take)
            if batch:
                yield batch
            if error is not None:
                raise error
            if not batch:
                return


def _newest(frames: Iterator[Frame]) -> Generator[list[Frame]]:
    """The newest frame of a camera each time, alone; those that nobody waited for are dropped."""
    reader = _Reader(frames)
    reader.start()
    try:
        while True:
            # Asked first: a frame may arrive between the two.
            over = not reader.is_alive()
            try:
                yield [reader.waiting.get(timeout=0.1)]
            except queue.Empty:
                if not over:
                    continue
                if reader.error is not None:
                    raise reader.error from None
                return
    finally:
        reader.stop.set()
        # A camera that has gone silent gives no next frame, and what waits for one cannot be woken.
        reader.join(_PATIENCE_SECONDS)


class _Reader(threading.Thread):
    """Reads a camera, and keeps its newest frame; it holds up no end of the program.

    Attributes:
        waiting: the newest frame. stop: ends it at the next frame.
        error: what ended it; None where the camera did, or where it goes on.
    """

    def __init__(self, frames: Iterator[Frame]) -> None:
        super().__init__(name="camera", daemon=True)
        self.waiting: queue.Queue[Frame] = queue.Queue(1)
        self.stop = threading.Event()
        self.error: BaseException | None = None
        self._frames = frames

    def run(self) -> None:
        with contextlib.ExitStack() as stack:
            stack.push(self._keep_error)
            for frame in self._frames:
                if self.stop.is_set():
                    return
                with contextlib.suppress(queue.Empty):
                    self.waiting.get_nowait()
                self.waiting.put(frame)

    def _keep_error(self, _: type[BaseException] | None, error: BaseException | None, __: object) -> bool:
        """Keep what went wrong for whoever takes the frames, and raise it nowhere else."""
        self.error = error
        return True
