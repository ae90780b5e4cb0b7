"""From a video or a camera on the command line to JSON lines, a table of tracks and an annotated video."""

import contextlib
import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import cv2
from rich.table import Table

from agelens.errors import AgeLensError
from agelens.estimate.estimator import load
from agelens.estimate.follow import follow_faces
from agelens.estimate.results import Face
from agelens.estimate.tracking import FaceEstimator, Track, TrackSummary, VideoFrame
from agelens.estimate.video import BrokenVideoError, Frame, Video
from agelens.estimate.video_writer import VideoWriter, check_writable
from agelens.files import replacing_file
from agelens.images import Pixels
from agelens.progress import Advance, console, quiet, say
from agelens.progress import Track as Progress

# Tracks that the table shows; the lines hold them all.
_ROWS = 30


def predict_video(
    source: str,
    bundle: Path | None,
    out: Path | None = None,
    annotate: Path | None = None,
    every: int = 1,
    seconds: float | None = None,
    precision: str = "auto",
    progress: Progress = quiet,
) -> int:
    """Estimate the faces of a video or a camera; write one JSON line a frame, then one a track, and say the tracks.

    Ctrl-C ends it, and what is done is kept: the natural end of a camera, and part of the work for a file.

    Args:
        source: a video file, or a camera as `agelens.estimate.video.is_camera` knows it.
        bundle: a bundle, or a run's folder; None is the one that comes with AgeLens.
        out: a file for the lines, which appears when all is done; None is standard output.
        annotate: a video file for the frames with their faces drawn in, without sound.
        every: take each n-th frame only.
        seconds: stop after so many seconds of the video.
        progress: opens a bar that shows the rate.

    Returns:
        0, or 1 where only a part of a file was done because it is damaged or because of Ctrl-C.

    Raises:
        AgeLensError: there is no such video, camera or bundle, or a file cannot be written by its name.
    """
    _check_targets(source, out, annotate)
    summary = TrackSummary()
    with Video(source) as video:
        estimator = load(bundle, precision)
        with _writers(out, annotate, video.rate / every) as write:
            problem = _each_frame(estimator, video, every, seconds, progress, summary, write)
            write.lines(json.dumps(track.to_dict(), ensure_ascii=False) for track in summary.tracks)
    _show(summary.tracks)
    if problem:
        print(f"agelens: {problem}", file=sys.stderr)
    return 1 if problem else 0


def _check_targets(source: str, out: Path | None, annotate: Path | None) -> None:
    """Refuse what would fail, or overwrite the video, after an hour of work."""
    if out is not None and out.is_dir():
        raise AgeLensError(f"{out} is a folder; give a file with --out.")
    if annotate is not None:
        check_writable(annotate)
    for target in (out, annotate):
        if target is not None and target.exists() and Path(source).exists() and target.samefile(source):
            raise AgeLensError(f"{target} is the video itself; give another file to write.")


class _Writers:
    """Where lines and pictures go; each may be nowhere."""

    def __init__(self, file: IO[str], pictures: VideoWriter | None) -> None:
        self._file = file
        self._pictures = pictures

    def lines(self, lines: Iterator[str]) -> None:
        for line in lines:
            self._file.write(line + "\n")

    def frame(self, frame: Frame, found: VideoFrame) -> None:
        self.lines(iter([json.dumps(found.to_dict(), ensure_ascii=False)]))
        # Whoever reads a camera's lines through a pipe waits for them.
        self._file.flush()
        if self._pictures is not None:
            self._pictures.write(draw_tracks(frame.image, found), frame.seconds)


@contextlib.contextmanager
def _writers(out: Path | None, annotate: Path | None, rate: float) -> Iterator[_Writers]:
    with contextlib.ExitStack() as stack:
        file: IO[str] = sys.stdout
        if out is not None:
            temporary = stack.enter_context(replacing_file(out))
            file = stack.enter_context(temporary.open("w", encoding="utf-8"))
        pictures = None
        if annotate is not None:
            pictures = stack.enter_context(
                VideoWriter(stack.enter_context(replacing_file(annotate)), max(rate, 0.1))
            )
        yield _Writers(file, pictures)


def _each_frame(
    estimator: FaceEstimator,
    video: Video,
    every: int,
    seconds: float | None,
    progress: Progress,
    summary: TrackSummary,
    write: _Writers,
) -> str:
    """Estimate and write every frame; the reason why it ended early, or nothing."""
    done, now = 0, 0.0
    with progress("frames", _expected(video, every, seconds)) as advance:
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
        advance(1, f"{done / max(time.monotonic() - begun, 1e-3):.1f} frames/s")

    return tell


def _expected(video: Video, every: int, seconds: float | None) -> int | None:
    """How many frames will be estimated; not known of a camera, which leaves frames out."""
    if video.live or video.frames is None:
        return None
    frames = video.frames if seconds is None else min(video.frames, seconds * video.rate)
    return math.ceil(frames / every)


def draw_tracks(image: Pixels, found: VideoFrame) -> Pixels:
    """A copy of a frame with the boxes of its faces, each with track, age and gender."""
    drawn = image.copy()
    # Readable on a phone's screen, whatever the size of the video.
    scale = max(image.shape[:2]) / 1280
    thickness = max(round(2 * scale), 1)
    for one in found.faces:
        if one.face.box is None:
            continue
        left, top, right, bottom = (round(value) for value in one.face.box)
        cv2.rectangle(drawn, (left, top), (right, bottom), (80, 220, 80), thickness)
        place = (left, max(top - round(6 * scale), round(18 * scale)))
        text = f"{one.track}: {_age_text(one.face)} {_gender_text(one.face)}"
        for colour, width in (((0, 0, 0), 3 * thickness), ((255, 255, 255), thickness)):
            cv2.putText(drawn, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.7 * scale, colour, width, cv2.LINE_AA)
    return drawn


def _age_text(face: Face) -> str:
    if face.age_years is None:
        return ""
    interval = (
        "" if face.age_interval is None else f" ({face.age_interval[0]:.0f}-{face.age_interval[1]:.0f})"
    )
    return f"{face.age_years:.0f}{interval}"


def _gender_text(face: Face) -> str:
    if face.p_female is None:
        return ""
    female = face.p_female >= 0.5
    return f"{'female' if female else 'male'} {face.p_female if female else 1 - face.p_female:.0%}"


def _show(tracks: list[Track]) -> None:
    """The tracks for the person, those seen longest, in order of appearance."""
    if not tracks:
        say("No face was found.")
        return
    shown = sorted(sorted(tracks, key=lambda track: -track.frames)[:_ROWS], key=lambda track: track.track)
    table = Table("track", "from s", "to s", "frames", "age (90 %)", "gender")
    for one in shown:
        times = f"{one.first_seconds:.1f}", f"{one.last_seconds:.1f}"
        table.add_row(str(one.track), *times, str(one.frames), _age_text(one.face), _gender_text(one.face))
    console.print(table)
    if len(shown) < len(tracks):
        say(f"and {len(tracks) - len(shown)} more, seen in fewer frames or as few")
