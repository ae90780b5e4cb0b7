"""From a video or a camera on the command line to JSON lines, a table of tracks and an annotated video."""

import contextlib
import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO

import numpy as np
from PIL import ImageDraw, ImageFont
from rich.console import Console
from rich.table import Table

from agelens.errors import AgeLensError
from agelens.estimate.annotate import annotate, describe_gender
from agelens.estimate.estimator import load
from agelens.estimate.follow import follow_faces
from agelens.estimate.predict import Prediction
from agelens.estimate.tracking import FaceEstimator, Track, TrackSummary, VideoFrame
from agelens.estimate.video import BrokenVideoError, Frame, Video
from agelens.estimate.video_writer import VideoWriter, check_writable
from agelens.files import json_text, replacing_file
from agelens.images import Pixels
from agelens.progress import Advance, bar, console, quiet, say

# Tracks that the table shows; the lines hold them all.
_ROWS = 30


def predict_video(source: str, how: Prediction, every: int = 1, seconds: float | None = None) -> int:
    """Estimate the faces of a video or a camera and say what each track of them came to.

    One JSON line a frame and then one a track go to a file, or to standard output unless that is a terminal. Ctrl-C
    ends it, and what is done is kept: the natural end of a camera, and a part of the work for a file.

    Args:
        source: a video file, or a camera as `agelens.estimate.video.is_camera` knows it.
        how: as for photographs, but ``pictures`` is a video file, which takes the frames with their faces drawn in,
            and there are no crops and no CSV.
        every: take each n-th frame only.
        seconds: stop after so many seconds of the video.

    Returns:
        0, or 1 where only a part of a file was done because it is damaged or because of Ctrl-C.

    Raises:
        AgeLensError: there is no such video, camera, bundle or detector, or the options do not fit a video.
    """
    _check(source, how)
    summary = TrackSummary()
    with Video(source) as video:
        estimator = load(how.bundle, how.precision, how.detector)
        with _writers(how, video.rate / every) as write:
            problem = _each_frame(estimator, video, every, seconds, summary, write)
            write.lines(track.to_dict() for track in summary.tracks)
    # Standard output belongs to the lines where they go there.
    _show(summary.tracks, Console() if how.written_form == "table" else console)
    if problem:
        say(f"agelens: {problem}")
    return 1 if problem else 0


def _check(source: str, how: Prediction) -> None:
    """Refuse what would fail, or overwrite the video, after an hour of work."""
    if how.crops:
        raise AgeLensError("In a video faces are searched; leave --crops out.")
    if how.written_form == "csv":
        raise AgeLensError("A video gives JSON lines and no CSV; leave --csv out and give --out FILE.jsonl.")
    if how.out is not None and how.out.is_dir():
        raise AgeLensError(f"{how.out} is a folder; give a file with --out.")
    if how.out is not None and how.pictures is not None and how.out.absolute() == how.pictures.absolute():
        raise AgeLensError(f"--out and --annotate both name {how.out}; give two files.")
    if how.pictures is not None:
        check_writable(how.pictures)
    for target in (how.out, how.pictures):
        if target is not None and target.exists() and Path(source).exists() and target.samefile(source):
            raise AgeLensError(f"{target} is the video itself; give another file to write.")


class _Writers:
    """Where lines and pictures go; each may be nowhere."""

    def __init__(self, file: IO[str] | None, pictures: VideoWriter | None) -> None:
        self._file = file
        self._pictures = pictures

    def lines(self, values: Iterable[dict[str, object]]) -> None:
        if self._file is not None:
            for one in values:
                self._file.write(json_text(one, getattr(self._file, "encoding", None) or "utf-8") + "\n")
            # Whoever reads a camera's lines through a pipe waits for them.
            self._file.flush()

    def frame(self, frame: Frame, found: VideoFrame) -> None:
        # The slow part first, so that Ctrl-C hardly ever comes between a line and its share of the summary.
        if self._pictures is not None:
            self._pictures.write(draw_tracks(frame.image, found), frame.seconds)
        self.lines([found.to_dict()])


@contextlib.contextmanager
def _writers(how: Prediction, rate: float) -> Iterator[_Writers]:
    with contextlib.ExitStack() as stack:
        file: IO[str] | None = None if how.written_form == "table" else sys.stdout
        if how.out is not None:
            temporary = stack.enter_context(replacing_file(how.out))
            file = stack.enter_context(temporary.open("w", encoding="utf-8"))
        pictures = None
        if how.pictures is not None:
            temporary = stack.enter_context(replacing_file(how.pictures))
            pictures = stack.enter_context(VideoWriter(temporary, max(rate, 0.1)))
        yield _Writers(file, pictures)


def _each_frame(
    estimator: FaceEstimator,
    video: Video,
    every: int,
    seconds: float | None,
    summary: TrackSummary,
    write: _Writers,
) -> str:
    """Estimate and write every frame; the reason why it ended early, or nothing."""
    done, now = 0, 0.0
    track = bar if console.is_terminal else quiet
    with track("frames", _expected(video, every, seconds)) as advance:
        told = _with_rate(advance)
        try:
            for frame, found in follow_faces(estimator, video, every, seconds):
                write.frame(frame, found)
                summary.add(found)
                done, now = done + 1, found.seconds
                told()
        except BrokenVideoError as error:
            # Raised again, so that no empty file is left as if it were a result.
            if not done:
                raise
            return str(error)
        except KeyboardInterrupt:
            if not done:
                raise
            return (
                "" if video.live else f"Interrupted after {now:.1f} seconds of {video.name}, which are kept."
            )
    return ""


def _with_rate(advance: Advance) -> Callable[[], None]:
    begun, done = time.monotonic(), 0

    def tell() -> None:
        nonlocal done
        done += 1
        advance(1, f"{done / max(time.monotonic() - begun, 1e-3):.1f} a second")

    return tell


def _expected(video: Video, every: int, seconds: float | None) -> int | None:
    """How many frames will be estimated; not known of a camera, which leaves frames out."""
    if video.live or video.frames is None:
        return None
    frames = video.frames if seconds is None else min(video.frames, seconds * video.rate)
    return math.ceil(frames / every)


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


def _show(tracks: list[Track], where: Console) -> None:
    """The tracks for the person, those seen longest, in order of appearance."""
    if not tracks:
        say("No face was found.")
        return
    shown = sorted(sorted(tracks, key=lambda track: -track.frames)[:_ROWS], key=lambda track: track.track)
    names = ("track", "from", "to", "frames", "age", "90 % within", "gender")
    table = Table(*names, box=None, pad_edge=False, header_style="bold")
    for one in shown:
        age, interval, female = one.face.age_years, one.face.age_interval, one.face.p_female
        table.add_row(
            str(one.track),
            f"{one.first_seconds:.1f} s",
            f"{one.last_seconds:.1f} s",
            str(one.frames),
            "" if age is None else f"{age:.0f}",
            "" if interval is None else f"{interval[0]:.0f} to {interval[1]:.0f}",
            "" if female is None else describe_gender(female),
        )
    where.print(table)
    if len(shown) < len(tracks):
        say(f"and {len(tracks) - len(shown)} more, seen in fewer frames or as few")
