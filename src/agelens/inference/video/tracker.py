"""Faces followed from frame to frame; the estimate of a track is the average of its frames, so it does not flicker.

Faces are associated by ByteTrack (Zhang et al., ECCV 2022) in edgefirst-tracker: Apache-2.0, a wheel of 0.4 MB that
needs NumPy only, last released in October 2026. Of the others norfair asks for NumPy 1, trackers for the OpenCV with
windows, which breaks the one without, supervision has given its tracker away, and motpy rests since 2021.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from edgefirst.tracker import ByteTrack
from numpy.typing import NDArray

from agelens.inference.results import Face, ImagePrediction
from agelens.utils.images import Pixels

# A face that was not seen for so long is a new one when it returns.
LIFESPAN_SECONDS = 1.0
# Overlap of a face with where its track is expected, as intersection over union.
_LEAST_OVERLAP = 0.25


class FacePredictor(Protocol):
    """What following faces needs of `agelens.inference.predictor.Predictor`."""

    def stream(self, images: Iterable[Pixels], *, rotations: bool) -> Iterator[ImagePrediction]: ...

    def update_age(self, face: Face) -> Face: ...


@dataclass(frozen=True)
class TrackedFace:
    """A face of a frame, and the track that it belongs to.

    Attributes:
        track: number of the track, from 1, in order of appearance.
        face: the average estimate of the track up to this frame, with box, landmarks and score of this frame.
        seen: in how many frames the track was seen up to this one.
    """

    track: int
    face: Face
    seen: int


@dataclass(frozen=True)
class VideoFrame:
    """The faces of one frame.

    Attributes:
        number: of the frame in the video, from 0.
        seconds: since the first frame.
        faces: from the largest to the smallest; empty where there is none.
    """

    number: int
    seconds: float
    faces: tuple[TrackedFace, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON; the distributions of ages are left to `Track`, for in each frame they would be most of the file."""
        faces = []
        for one in self.faces:
            values = replace(one.face, age_distribution=None).to_dict()
            faces.append({"track": one.track, "seen": one.seen, **values})
        return {"frame": self.number, "seconds": round(self.seconds, 3), "faces": faces}


@dataclass(frozen=True)
class Track:
    """What a whole track says of its face.

    Attributes:
        track: its number.
        first_seconds, last_seconds: when the face was seen first and last.
        frames: in how many frames it was seen.
        face: the average over all of them, with box, landmarks and score of the last.
    """

    track: int
    first_seconds: float
    last_seconds: float
    frames: int
    face: Face

    def to_dict(self) -> dict[str, Any]:
        """JSON with the distribution of ages, without box and landmarks."""
        return {
            "track": self.track,
            "first_seconds": round(self.first_seconds, 3),
            "last_seconds": round(self.last_seconds, 3),
            "frames": self.frames,
            **replace(self.face, box=None, landmarks=None, score=None).to_dict(),
        }


def summarize_tracks(frames: Iterable[VideoFrame]) -> list[Track]:
    """The tracks of a video, in order of appearance; keeps only one estimate a track."""
    summary = TrackSummary()
    for frame in frames:
        summary.add(frame)
    return summary.tracks


class TrackSummary:
    """`summarize_tracks` for frames that come one by one."""

    def __init__(self) -> None:
        self._tracks: dict[int, Track] = {}

    def add(self, frame: VideoFrame) -> None:
        """Take the next frame into account."""
        for one in frame.faces:
            first = self._tracks[one.track].first_seconds if one.track in self._tracks else frame.seconds
            self._tracks[one.track] = Track(one.track, first, frame.seconds, one.seen, one.face)

    @property
    def tracks(self) -> list[Track]:
        """The tracks so far."""
        return list(self._tracks.values())


class FaceTracker:
    """Numbers the faces of a video by track and averages their estimates; frames are given in order.

    Args:
        predictor: whose `update_age` turns an average distribution into an age and its interval.
        lifespan_seconds: how long a track waits for its face to return.
    """

    def __init__(self, predictor: FacePredictor, lifespan_seconds: float = LIFESPAN_SECONDS) -> None:
        self._predictor = predictor
        # Every face is either sure, and may begin a track, or not sure, and only continues one. The last number
        # makes it a plain Kalman filter: the package's own 0.25 lags behind a face that moves.
        self._tracker = ByteTrack(
            high_conf=0.5, iou=_LEAST_OVERLAP, update=1.0, lifespan_ns=round(lifespan_seconds * 1e9)
        )
        self._count = 0
        self._means: dict[str, _Mean] = {}

    def update(self, faces: Sequence[Face], seconds: float) -> tuple[TrackedFace, ...]:
        """The faces of the next frame with their tracks.

        Args:
            faces: with boxes. One that the detector is not sure of is left out unless it continues a track.
            seconds: time of the frame, at least 0 and not before the last.
        """
        boxes = np.array([face.box for face in faces], np.float32).reshape(-1, 4)
        scores = np.array([0.25 if face.low_confidence else 0.75 for face in faces], np.float32)
        # The package takes labels as unsigned numbers of the size of an address and nothing else.
        labels = np.zeros(len(faces), np.uintp)
        found = self._tracker.update(boxes, scores, labels, round(seconds * 1e9))
        tracked = []
        for face, info in zip(faces, found, strict=True):
            if info is None:
                continue
            if info.uuid not in self._means:
                self._count += 1
                self._means[info.uuid] = _Mean(self._count)
            mean = self._means[info.uuid]
            mean.add(face)
            tracked.append(TrackedFace(mean.track, self._predictor.update_age(mean.face(face)), mean.count))
        self._forget()
        return tuple(tracked)

    def _forget(self) -> None:
        """Drop the averages of tracks that are over, so that a long video takes no more memory than a short one."""
        alive = {one.info.uuid for one in self._tracker.get_active_tracks()}
        if len(alive) < len(self._means):
            self._means = {uuid: mean for uuid, mean in self._means.items() if uuid in alive}


class _Mean:
    """Averages of a track so far, without keeping its faces."""

    def __init__(self, track: int) -> None:
        self.track = track
        self.count = 0
        self._sums: dict[str, NDArray[np.float64]] = {}

    def add(self, face: Face) -> None:
        self.count += 1
        for name in ("age_years", "p_female", "age_distribution"):
            value = getattr(face, name)
            if value is not None:
                self._sums[name] = self._sums.get(name, np.float64(0)) + np.asarray(value, np.float64)

    def face(self, last: Face) -> Face:
        """The average as a face, in the place of the last one."""
        means = {name: (total / self.count).tolist() for name, total in self._sums.items()}
        if "age_distribution" in means:
            means["age_distribution"] = tuple(means["age_distribution"])
        return replace(last, **means)
