"""Where the frames and tracks of a video go: lines, one JSON document or a table, and the annotated video."""

import contextlib
import hashlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, Protocol

import av
import numpy as np
from PIL import ImageDraw, ImageFont

from agelens.errors import AgeLensError
from agelens.inference.annotate import annotate
from agelens.inference.blur import Blur, VideoBlur
from agelens.inference.output_formats import Form, JsonArray, Row, writing
from agelens.inference.pictures import MARK
from agelens.inference.results import COLUMNS, rows
from agelens.inference.video.reader import Frame
from agelens.inference.video.tracker import Track, VideoFrame
from agelens.inference.video.writer import VideoWriter
from agelens.utils.files import replacing_file
from agelens.utils.images import Pixels
from agelens.utils.progress import say

# Of CSV: one row a face of each frame.
FRAME_COLUMNS = ("frame", "seconds", "track", "seen", *COLUMNS[2:])


class _Sink(Protocol):
    """Takes the frames of a video one by one, and the tracks at the end."""

    def frame(self, frame: Frame, found: VideoFrame) -> None: ...

    def tracks(self, tracks: list[Track]) -> None: ...


class _Lines:
    """Frames, and then tracks, each as one value: JSON lines, or CSV and Parquet, which have the frames alone."""

    def __init__(self, write: Callable[[dict[str, Any]], None], form: Form) -> None:
        self._write, self._form = write, form

    def frame(self, frame: Frame, found: VideoFrame) -> None:
        self._write(found.to_dict())

    def tracks(self, tracks: list[Track]) -> None:
        if self._form == "lines":
            for track in tracks:
                self._write(track.to_dict())


class _Document:
    """One JSON object with the arrays ``frames`` and ``tracks``."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._frames = JsonArray(file, before='{"frames": ')

    def frame(self, frame: Frame, found: VideoFrame) -> None:
        self._frames.add(found.to_dict())

    def tracks(self, tracks: list[Track]) -> None:
        self._frames.close(after=",\n")
        array = JsonArray(self._file, before='"tracks": ')
        for track in tracks:
            array.add(track.to_dict())
        array.close(after="}\n")


class _Pictures:
    """The frames with their faces drawn in; a disk that is full ends this part alone."""

    def __init__(
        self, writer: VideoWriter, close: contextlib.ExitStack, path: Path, blur: Blur | None
    ) -> None:
        self._writer, self._close, self._path = writer, close, path
        self._blur = None if blur is None else VideoBlur(blur)
        self.failed = False

    def frame(self, frame: Frame, found: VideoFrame) -> None:
        if self.failed:
            return
        if self._blur is None:
            drawn = draw_tracks(frame.image, found)
        else:
            drawn = self._blur(frame.image, frame.seconds, [one.face for one in found.faces])
        try:
            self._writer.write(drawn, frame.seconds, frame.colours)
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        self.failed = True
        say(f"agelens: {self._path} cannot be written: {error.strerror}; the rest goes on without it.")
        # What is left of it goes; the encoder complains once more.
        with contextlib.suppress(OSError):
            self._close.__exit__(type(error), error, error.__traceback__)

    def tracks(self, tracks: list[Track]) -> None:
        """End the video: nothing of the tracks is drawn."""
        if self.failed:
            return
        try:
            self._writer.close()
        except OSError as error:
            self._give_up(error)


class Sinks:
    """Everything that a video is written to.

    Attributes:
        failed: whether the annotated video could not be written to its end.
    """

    def __init__(self, pictures: _Pictures | None, results: _Sink | None) -> None:
        self._pictures, self._results = pictures, results
        # The slow part first, so that Ctrl-C hardly ever comes between a line and its share of the summary.
        self._sinks = [sink for sink in (pictures, results) if sink is not None]

    @property
    def failed(self) -> bool:
        return self._pictures is not None and self._pictures.failed

    def let_go_of_results(self) -> bool:
        """Whoever read the results has enough, as `head` does; whether there are pictures all the same."""
        self._sinks = [sink for sink in self._sinks if sink is not self._results]
        return bool(self._sinks)

    def frame(self, frame: Frame, found: VideoFrame) -> None:
        for sink in self._sinks:
            sink.frame(frame, found)

    def tracks(self, tracks: list[Track]) -> None:
        for sink in self._sinks:
            sink.tracks(tracks)


@contextlib.contextmanager
def opened(
    out: Path | None, form: Form, pictures: Path | None, rate: float, source: str, blur: Blur | None = None
) -> Iterator[Sinks]:
    """Open what takes the frames.

    Args:
        out: a temporary file for the results; None is standard output, unless the form is a table.
        pictures: the annotated video, which takes its place only where the block succeeds.
        rate: frames a second. source: of the video, by which an annotated one is known again.
        blur: make these faces unrecognisable instead of drawing boxes.
    """
    with contextlib.ExitStack() as stack:
        drawing = None
        if pictures is not None:
            close = stack.enter_context(contextlib.ExitStack())
            temporary = close.enter_context(replacing_file(pictures))
            writer = close.enter_context(VideoWriter(temporary, max(rate, 0.1), mark_of(source)))
            drawing = _Pictures(writer, close, pictures, blur)
        results: _Sink | None = None
        if out is not None and form == "parquet":
            from agelens.inference.parquet import FRAMES_SCHEMA, writing_parquet

            results = _Lines(stack.enter_context(writing_parquet(out, FRAMES_SCHEMA)), form)
        elif out is not None:
            file = stack.enter_context(out.open("w", encoding="utf-8", newline=""))
            results = stack.enter_context(_sink(file, form))
        elif form != "table":
            results = stack.enter_context(_sink(sys.stdout, form))
        yield Sinks(drawing, results)


@contextlib.contextmanager
def _sink(file: IO[str], form: Form) -> Iterator[_Sink]:
    if form == "json":
        yield _Document(file)
    else:
        with writing(file, form, FRAME_COLUMNS, _rows_of_frame) as write:
            yield _Lines(write, form)


def _rows_of_frame(frame: Row) -> Iterator[Row]:
    for face in frame["faces"]:
        (row,) = rows({"faces": [face]})
        known = {key: frame[key] for key in ("frame", "seconds")} | {
            key: face[key] for key in ("track", "seen")
        }
        yield {**known, **{key: row[key] for key in COLUMNS[2:]}}


def draw_tracks(image: Pixels, found: VideoFrame) -> Pixels:
    """A copy of a frame with its faces as on a photograph, and in each box the number of its track."""
    picture = annotate(image, [one.face for one in found.faces])
    draw = ImageDraw.Draw(picture)
    for one in found.faces:
        if one.face.box is None:
            continue
        left, top, right, _ = one.face.box
        size = min(max((right - left) / 6, 11), 60)
        draw.text(
            (max(left, 0) + size / 2, max(top, 0) + size / 3), str(one.track), fill="white", anchor="lt",
            font=ImageFont.load_default(size), stroke_width=max(round(size / 12), 1), stroke_fill="black",
        )  # fmt: skip
    return np.asarray(picture)


def mark_of(source: str) -> str:
    """Tells an annotated video by the place of its source, which the file itself does not give away."""
    place = str(Path(source).resolve()) if Path(source).exists() else source
    digest = hashlib.sha256(place.encode(errors="surrogateescape")).hexdigest()[:16]
    return f"{MARK.decode()} {digest}"


def frames_drawn(path: Path, source: str, overwrite: bool, option: str) -> int:
    """How many frames of a source an annotated video holds that stands there; 0 where none does.

    Args:
        option: which names the annotated video.

    Raises:
        AgeLensError: what stands there was not drawn here, or of another video.
    """
    if not path.exists() or (path.is_file() and not path.stat().st_size):
        return 0
    comment, frames = "", 0
    if path.is_file():
        with contextlib.suppress(av.FFmpegError), av.open(f"file:{path}") as container:
            values = {key.lower(): value for key, value in container.metadata.items()}
            comment = values.get("comment", "")
            stream = container.streams.video[0] if container.streams.video else None
            seconds = (container.duration or 0) / av.time_base
            rate = float(stream.average_rate or 0) if stream is not None else 0
            frames = (stream.frames if stream is not None else 0) or round(seconds * rate)
    if not comment.startswith(MARK.decode()):
        raise AgeLensError(f"{option} would replace {path}, which was not drawn here; give another file.")
    if comment != mark_of(source) and not overwrite:
        raise AgeLensError(
            f"{path} was drawn of another video; give another {option}, or replace it with --overwrite."
        )
    return frames if comment == mark_of(source) else 0
