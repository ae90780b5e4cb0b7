"""From a video or a camera on the command line to JSON, CSV, a table of tracks and an annotated video."""

import contextlib
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from agelens.errors import AgeLensError
from agelens.inference.addresses import hide_password
from agelens.inference.annotate import describe_gender
from agelens.inference.journal import only_writer
from agelens.inference.prediction_config import PredictionConfig, check_out, fingerprint
from agelens.inference.printing import counted
from agelens.inference.record import Mark, Past, read_record, write_record
from agelens.inference.selection import SelectivePredictor
from agelens.inference.video.output import Sinks, frames_drawn, opened
from agelens.inference.video.pipeline import track_faces
from agelens.inference.video.reader import BrokenVideoError, Video
from agelens.inference.video.tracker import FacePredictor, Track, TrackSummary
from agelens.inference.video.writer import check_writable
from agelens.utils.files import replacing_file
from agelens.utils.progress import Advance, bar, console, quiet, say, waiting
from agelens.utils.signals import held_interrupts

# Tracks that the table shows; the lines hold them all.
_ROWS = 30


def predict_video(
    source: str, config: PredictionConfig, frame_stride: int = 1, duration: float | None = None
) -> int:
    """Estimate the faces of a video or a camera and say what each track of them came to.

    The frames and then the tracks go to a file, or as JSON lines to standard output unless that is a terminal. Ctrl-C
    ends it, and what is done is kept: the natural end of a camera, and a part of the work for a file.

    Args:
        source: a video file, an address, or a camera as `agelens.inference.video.sources.is_camera` knows it.
        config: as for photographs, but ``pictures`` is a video file, which takes the frames with their faces drawn in,
            and there are no crops.
        frame_stride: take each n-th frame only.
        duration: stop after so many seconds of the video.

    Returns:
        0, or 1 where only a part of a file was done because it is damaged or because of Ctrl-C.

    Raises:
        AgeLensError: there is no such video, camera, bundle or detector, the options do not fit a video, or something
            else stands where the results should go.
    """
    _check(source, config)
    record = None if config.out is None or config.overwrite else read_record(config.out)
    drawn = (
        0
        if config.pictures is None
        else frames_drawn(config.pictures, source, config.overwrite, config.pictures_option)
    )
    with contextlib.ExitStack() as stack:
        if config.out is not None:
            stack.enter_context(only_writer(config.out))
        video = stack.enter_context(Video(source))
        with waiting("loading the networks"):
            predictor = config.load()
        chosen: Any = SelectivePredictor(predictor, config.selection) if config.blur is None else predictor
        origin = {
            **fingerprint(predictor, config),
            **_origin(source, video, frame_stride, duration),
            "form": config.written_form,
        }
        if record is not None and config.out is not None:
            if _is_finished(config.out, record, origin, video.live) and (config.pictures is None or drawn):
                return _tell_finished(record)
            drawn = max(drawn, record.get("frames", 0))
        work = _Work(video, config, frame_stride, duration, source)
        return work.do(chosen, origin, drawn)


def _check(source: str, config: PredictionConfig) -> None:
    """Refuse what would fail, or overwrite the video, after an hour of work."""
    if config.crops:
        raise AgeLensError(f"In a video faces are searched; leave {config.crops_option} out.")
    if config.selection.fields is not None:
        raise AgeLensError("--fields belongs to photographs; leave it out.")
    if config.blur is not None and config.selection.to_json():
        raise AgeLensError("--blur hides every face of a video; leave --min-face and --min-score out.")
    check_out(config.out)
    if (
        config.out is not None
        and config.pictures is not None
        and config.out.absolute() == config.pictures.absolute()
    ):
        raise AgeLensError(f"--out and {config.pictures_option} both name {config.out}; give two files.")
    if config.pictures is not None:
        check_writable(config.pictures)
    _ = config.written_form
    for target in (config.out, config.pictures):
        if target is not None and target.exists() and Path(source).exists() and target.samefile(source):
            raise AgeLensError(f"{target} is the video itself; give another file to write.")


def _origin(source: str, video: Video, frame_stride: int, duration: float | None) -> dict[str, Any]:
    """What of the video decides the results; JSON."""
    file = Path(source)
    place = str(file.resolve()) if file.exists() else hide_password(source)
    mark = Mark.of(file) if file.exists() and not video.live else Mark(0, 0)
    return {"video": [place, mark.size, mark.changed], "every": frame_stride, "seconds": duration}


def _is_finished(out: Path, record: dict[str, Any], origin: dict[str, Any], live: bool) -> bool:
    """Whether a file holds all of this video; AgeLensError where it holds something else."""
    Past(record.get("fingerprint", {}), "").refuse_others(out, origin, (), "made")
    if live:
        raise AgeLensError(
            f"{out} holds what was seen before; give another --out, or replace it with --overwrite."
        )
    return bool(record.get("whole"))


def _tell_finished(record: dict[str, Any]) -> int:
    say(f"{record['told']} It was finished before.")
    if error := record.get("error"):
        say(f"agelens: {error}")
    return 1 if error else 0


class _Work:
    """One pass over a video, and what it writes."""

    def __init__(
        self, video: Video, config: PredictionConfig, frame_stride: int, duration: float | None, source: str
    ) -> None:
        self._video, self._how, self._every, self._seconds = video, config, frame_stride, duration
        self._source = source
        self._summary = TrackSummary()
        self._done, self._now = 0, 0.0
        self._interrupted = False

    def do(self, predictor: FacePredictor, origin: dict[str, Any], drawn: int) -> int:
        """Estimate and write all.

        Args:
            origin: what decides the results. drawn: how many frames there are already of what would be replaced.
        """
        config, rate = self._how, self._video.rate / self._every
        with contextlib.ExitStack() as stack:
            out = None if config.out is None else stack.enter_context(replacing_file(config.out))
            inner = stack.enter_context(contextlib.ExitStack())
            sinks = inner.enter_context(
                opened(out, config.written_form, config.pictures, rate, self._source, config.blur)
            )
            error = self._each_frame(predictor, sinks)
            with held_interrupts():
                if error and self._done < drawn:
                    raise AgeLensError(f"{error} What stood there before holds more, so it stays as it was.")
                sinks.tracks(self._summary.tracks)
                inner.close()
                lines = self._closing_lines(sinks.failed)
                if config.out is not None and out is not None:
                    facts = {
                        "whole": not self._interrupted,
                        "frames": self._done,
                        "told": lines[0],
                        "error": error,
                    }
                    write_record(config.out, out, {"fingerprint": origin, **facts})
        # Standard output belongs to the lines where they go there.
        _show(self._summary.tracks, Console() if config.written_form == "table" else console)
        for line in lines:
            say(line)
        if error:
            say(f"agelens: {error}")
        return 1 if error or sinks.failed else 0

    def _each_frame(self, predictor: FacePredictor, sinks: Sinks) -> str:
        """Estimate and write every frame; the reason why it ended early, or nothing."""
        track = bar if console.is_terminal else quiet
        with track("frames", _expected(self._video, self._every, self._seconds)) as advance:
            told = _with_rate(advance)
            try:
                for frame, found in track_faces(predictor, self._video, self._every, self._seconds):
                    sinks.frame(frame, found)
                    self._summary.add(found)
                    self._done, self._now = self._done + 1, found.seconds
                    told()
            except BrokenVideoError as error:
                # Raised again, so that no empty file is left as if it were a result.
                if not self._done:
                    raise
                return str(error)
            except BrokenPipeError:
                if not sinks.let_go_of_results():
                    raise
                self._interrupted = not self._video.live
            except KeyboardInterrupt:
                if not self._done:
                    raise
                self._interrupted = not self._video.live
        return self._about_interruption() if self._interrupted else ""

    def _about_interruption(self) -> str:
        kept = self._how.out or self._how.pictures
        frames = counted(self._done, "frame")
        where = "are kept" if kept else "are summed up above"
        if self._how.written_form != "table" and not self._how.out:
            where = "stand above"
        verb = where if self._done != 1 else where.replace("are", "is").replace("stand", "stands")
        return f"Interrupted after {self._now:.1f} seconds of {self._video.name}; {frames} {verb}."

    def _closing_lines(self, failed: bool) -> list[str]:
        config, frames = self._how, counted(self._done, "frame")
        lines = []
        if config.out is not None:
            tracks = counted(len(self._summary.tracks), "track")
            lines.append(f"{config.out}: {frames} of {self._video.name} with {tracks} of faces.")
        if config.pictures is not None and not failed:
            lines.append(
                f"{config.pictures}: {frames} with the faces {'drawn in' if config.blur is None else 'blurred'}."
            )
        return lines


def _with_rate(advance: Advance) -> Callable[[], None]:
    begun, done = time.monotonic(), 0

    def tell() -> None:
        nonlocal done
        done += 1
        advance(1, f"{done / max(time.monotonic() - begun, 1e-3):.1f} a second")

    return tell


def _expected(video: Video, frame_stride: int, duration: float | None) -> int | None:
    """How many frames will be estimated; not known of a camera, which leaves frames out."""
    if video.live or video.frames is None:
        return None
    frames = video.frames if duration is None else min(video.frames, duration * video.rate)
    return math.ceil(frames / frame_stride)


def _show(tracks: list[Track], where: Console) -> None:
    """The tracks for the person, those seen longest, in order of appearance."""
    if not tracks:
        say("No face was found.")
        return
    shown = sorted(sorted(tracks, key=lambda track: -track.frames)[:_ROWS], key=lambda track: track.track)
    names = ("track", "from", "to", "frames", "age", "90 % interval", "gender")
    table = Table(*names, box=None, pad_edge=False, header_style="bold")
    for one in shown:
        age, interval, female = one.face.age_years, one.face.prediction_interval, one.face.p_female
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
