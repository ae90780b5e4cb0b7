"""Aligning a data set: the labelled face of each photograph, cut out as the crops are that networks learn from.

Beside the crops lies ``aligned.jsonl``: first what decides them, then one line a face as it is done, with the digest of
its crop, so that a program that was killed goes on where it was. A face whose line or crop is half written or damaged
is done again.
"""

import hashlib
import json
import re
import time
from collections.abc import Callable, Hashable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from PIL import Image

from agelens.data.rows import Rejected
from agelens.data.sources.boxes import read_numbers
from agelens.data.table import ORIGINAL_COLUMNS
from agelens.detection.alignment import UTKFACE, Geometry
from agelens.detection.base import Detector
from agelens.detection.labelled_face import align_labelled_face
from agelens.errors import AgeLensError, ImageError
from agelens.utils.files import digest_file, digest_json, replacing_file
from agelens.utils.images import DECODER_VERSION, read_rgb
from agelens.utils.locks import waited_lock
from agelens.utils.progress import Track, quiet

# Count it up when the same photographs would be cut otherwise.
VERSION = 1
JOURNAL = "aligned.jsonl"
# Faces that are looked for at one time, and how many wait for that.
_WORKERS, _AHEAD = 2, 64
_QUALITY = 95
# What faces are called in the journal.
_KEY = re.compile(r"[\w-]+")


class _Done(NamedTuple):
    """What the journal notes of a face: why there is no crop, or "" and the crop's digest."""

    reason: str
    digest: str


@dataclass(frozen=True)
class AlignedFaces:
    """What aligning a face table gives.

    Attributes:
        table: the rows whose face was found, with the crops as ``path`` and ``digest``, and those of the photographs
            as ``original`` and ``original_digest``.
        left_out: the photographs of the other rows, by path, each with the reason.
        unreadable: how many of these could not be read.
        looked_at: how many photographs were searched now; the others were done before.
        seconds: that this took.
    """

    table: pd.DataFrame
    left_out: list[Rejected]
    unreadable: int
    looked_at: int
    seconds: float

    @property
    def images_per_second(self) -> float | None:
        """The rate of what was searched now; None where all was done before."""
        return self.looked_at / self.seconds if self.looked_at and self.seconds > 0 else None


def align_table(
    table: pd.DataFrame,
    folder: Path,
    detector: Detector,
    geometry: Geometry = UTKFACE,
    image_size: int | None = None,
    track: Track = quiet,
) -> AlignedFaces:
    """Cut out and align the labelled face of each row of a face table.

    Of a row with ``landmarks`` these are taken, of one with a ``box`` the face in it, and of the others the largest.

    Args:
        table: a face table of photographs.
        folder: takes the crops, JPEG files that are called by the digest of their photograph.
        geometry: where landmarks lie in crops.
        image_size: pixels of the crops; that of the geometry if not given.

    Raises:
        AgeLensError: the folder holds crops that were cut otherwise, or not one face is found.
    """
    folder.mkdir(parents=True, exist_ok=True)
    size = image_size or geometry.image_size
    made_of = digest_json(
        {
            "geometry": geometry.to_card(),
            "size": size,
            "detector": [type(detector).__name__, digest_file(detector.file)],
            "version": [VERSION, DECODER_VERSION],
        }
    )
    faces = [_Face.of(row) for row in table.to_dict("records")]
    cut = partial(_cut, folder=folder, detector=detector, geometry=geometry, size=size)
    # Two programs that wrote one journal would mix their lines: the second one goes on from what the first has done.
    with waited_lock(folder / ".lock"):
        done = _take_up(folder / JOURNAL, made_of)
        looked_at, seconds = _cut_open(cut, faces, done, folder / JOURNAL, track)
    return _result(table, faces, done, folder, looked_at, seconds)


def _cut_open(
    cut: Callable[["_Face"], _Done],
    faces: list["_Face"],
    done: dict[str, _Done],
    journal_file: Path,
    track: Track,
) -> tuple[int, float]:
    """Cut the faces that are not done, and note each; returns how many photographs that were, and the seconds."""
    open_faces = list({face.key: face for face in faces if face.key not in done}.values())
    began = time.perf_counter()
    with track("aligning", len(faces)) as advance, journal_file.open("a", encoding="utf-8") as journal:
        advance(len(faces) - len(open_faces))
        for face, noted in _in_order(cut, open_faces):
            done[face.key] = noted
            journal.write(json.dumps([face.key, *noted]) + "\n")
            journal.flush()
            advance(1)
    return len(open_faces), time.perf_counter() - began


@dataclass(frozen=True)
class _Face:
    """One row: its photograph, where the face is in it, and what its crop is called."""

    path: str
    key: str
    box: str
    landmarks: str

    @classmethod
    def of(cls, row: Mapping[Hashable, Any]) -> "_Face":
        box, landmarks = str(row.get("box", "")), str(row.get("landmarks", ""))
        place = hashlib.sha256(f"{box}/{landmarks}".encode()).hexdigest()[:8] if box or landmarks else ""
        return cls(row["path"], "-".join(filter(None, (row["digest"][:24], place))), box, landmarks)

    @property
    def crop(self) -> str:
        return f"{self.key}.jpg"


def _take_up(journal: Path, made_of: str) -> dict[str, _Done]:
    """The faces that are done; the journal then ends with a whole line."""
    head = json.dumps({"made_of": made_of})
    text = journal.read_text(encoding="utf-8", errors="replace") if journal.exists() else ""
    # A program that was killed at the first line left nothing that is worth keeping.
    lines = text[: text.rfind("\n") + 1].splitlines() or [head]
    if lines[0] != head:
        raise AgeLensError(
            f"{journal.parent} holds crops that were cut by another detector, geometry or size; give another folder."
        )
    noted_faces = dict(filter(None, map(_read_line, lines[1:])))
    # A full or failing disk may leave a crop that is empty or altered.
    done = {
        key: noted
        for key, noted in noted_faces.items()
        if noted.reason or _is_whole(journal.parent, key, noted)
    }
    with replacing_file(journal) as temporary:
        lines = [json.dumps([key, *noted]) for key, noted in done.items()]
        temporary.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
    return done


def _read_line(line: str) -> tuple[str, _Done] | None:
    """The face that a line of the journal notes; None for a line that is damaged."""
    try:
        key, reason, digest = json.loads(line)
    except (ValueError, TypeError, RecursionError):
        return None
    is_note = line.startswith("[") and all(isinstance(one, str) for one in (key, reason, digest))
    return (key, _Done(reason, digest)) if is_note and _KEY.fullmatch(key) else None


def _is_whole(folder: Path, key: str, noted: _Done) -> bool:
    crop = folder / f"{key}.jpg"
    return crop.is_file() and digest_file(crop) == noted.digest


def _in_order(cut: Callable[[_Face], _Done], faces: list[_Face]) -> Iterator[tuple[_Face, _Done]]:
    """Each face with what is noted of it, a few at a time, in order."""
    with ThreadPoolExecutor(_WORKERS) as workers:
        for start in range(0, len(faces), _AHEAD):
            group = faces[start : start + _AHEAD]
            yield from zip(group, workers.map(cut, group), strict=True)


def _cut(face: _Face, folder: Path, detector: Detector, geometry: Geometry, size: int) -> _Done:
    """Write the crop of a face."""
    try:
        image = read_rgb(Path(face.path))
    except ImageError as error:
        return _Done(f"{_UNREADABLE}{error}", "")
    box, landmarks = (read_numbers(text) if text else None for text in (face.box, face.landmarks))
    crop = align_labelled_face(image, detector, geometry, box, landmarks, size)
    if isinstance(crop, str):
        return _Done(crop, "")
    with replacing_file(folder / face.crop) as temporary:
        Image.fromarray(crop).save(temporary, "JPEG", quality=_QUALITY, subsampling=0)
        digest = digest_file(temporary)
    return _Done("", digest)


_UNREADABLE = "cannot be used: "


def _result(
    table: pd.DataFrame,
    faces: list[_Face],
    done: dict[str, _Done],
    folder: Path,
    looked_at: int,
    seconds: float,
) -> AlignedFaces:
    reasons = [done[face.key].reason for face in faces]
    left_out = [Rejected(face.path, reason) for face, reason in zip(faces, reasons, strict=True) if reason]
    if len(left_out) == len(faces):
        raise AgeLensError(
            f"Not one of the {len(faces):,} photographs gives a crop: {left_out[0].file}: {left_out[0].reason}, for "
            "example."
        )
    whole = [face for face, reason in zip(faces, reasons, strict=True) if not reason]
    crops = [str((folder / face.crop).absolute()) for face in whole]
    digests = [done[face.key].digest for face in whole]
    found = table[[not reason for reason in reasons]].reset_index(drop=True)
    originals = dict(zip(ORIGINAL_COLUMNS, (found["path"], found["digest"]), strict=True))
    kept = found.drop(columns=[name for name in ("box", "landmarks") if name in found.columns])
    kept = kept.assign(**originals, path=crops, digest=pd.Series(digests, index=kept.index, dtype=object))
    unreadable = sum(one.reason.startswith(_UNREADABLE) for one in left_out)
    return AlignedFaces(kept, left_out, unreadable, looked_at, seconds)
