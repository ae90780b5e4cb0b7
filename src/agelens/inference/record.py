"""What a file of estimates was made of, so that nothing else is replaced and the same command goes on.

Beside a finished file lies ``.NAME.agelens.json``: the network and the options, the digest of the file, and of each
photograph its size and time of change. A file without it, or one that was changed since, is somebody's own.
"""

import contextlib
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from agelens.errors import AgeLensError
from agelens.inference.addresses import address_of, name_of
from agelens.inference.printing import counted
from agelens.utils.files import digest_file, json_text, write_text

# What the options that decide estimates are called to the person.
_WORDS = {
    "age_limits": "other age limits",
    "networks": "another network",
    "crops": "another choice of --crops",
    "detector": "another detector",
    "version": "another version of AgeLens",
    "precision": "another --precision",
    "device": "another --device",
    "form": "another form",
    "fields": "another choice of --fields",
    "min_face": "another --min-face",
    "min_score": "another --min-score",
    "blur": "another choice of --blur",
    "max_pixels": "another --max-pixels",
    "video": "another video",
    "every": "another --frame-stride",
    "seconds": "another --duration",
}
LONGEST_NAME = 255
# Stands for the time of change that nobody asks a server for.
_BEHIND_ADDRESS = -1


@dataclass(frozen=True)
class Mark:
    """What a photograph was like when it was estimated.

    Attributes:
        size: bytes. changed: time of change, nanoseconds; both 0 where it could not be looked at.
        faces: how many were found.
        picture: where its annotated picture was drawn; empty if it was not.
    """

    size: int
    changed: int
    faces: int = 0
    picture: str = ""

    @classmethod
    def of(cls, file: Path) -> Self:
        """The mark of a file as it is now; what is behind an address is taken for unchanged."""
        try:
            facts = file.stat()
        except OSError:
            return cls(0, _BEHIND_ADDRESS if address_of(str(file)) else 0)
        return cls(facts.st_size, facts.st_mtime_ns)

    def same_file(self, other: "Mark") -> bool:
        """Whether nothing tells that the file was changed between the two; unknown ones are never the same."""
        return self.changed != 0 and (self.size, self.changed) == (other.size, other.changed)

    def to_list(self) -> list[Any]:
        return [self.size, self.changed, self.faces, self.picture]


@dataclass(frozen=True)
class Past:
    """What was estimated into a file before, by a command that ended or by one that was interrupted.

    Attributes:
        fingerprint: JSON that decides the estimates: network, detector, options.
        folder: the working folder from which relative names count.
        marks: of each photograph, by its name as it was given.
    """

    fingerprint: dict[str, Any]
    folder: str
    marks: dict[str, Mark] = field(default_factory=dict)

    def refuse_others(
        self, target: Path, fingerprint: dict[str, Any], files: Iterable[Path], verb: str
    ) -> None:
        """Refuse to lose what was estimated otherwise, or of photographs that are not meant now.

        Args:
            verb: how it came to be: "made" or "begun".

        Raises:
            AgeLensError: says what is different, and the way out.
        """
        way_out = "give another --out, or replace it with --overwrite."
        if verb == "begun":
            way_out = "finish it so, give another --out, or begin anew with --overwrite."
        if self.fingerprint != fingerprint:
            raise AgeLensError(
                f"{target} was {verb} {_differences(self.fingerprint, fingerprint)}; {way_out}"
            )
        meant = {name_of(file) for file in files}
        lost = [name for name, mark in self.marks.items() if name not in meant or self._moved(name, mark)]
        if lost:
            more = f" and {counted(len(lost) - 1, 'other')}" if len(lost) > 1 else ""
            raise AgeLensError(
                f"{target} was {verb} with photographs that are not named now ({lost[0]}{more}); {way_out}"
            )

    def _moved(self, name: str, mark: Mark) -> bool:
        """Whether a relative name means another photograph in this working folder."""
        if address_of(name):
            return False
        elsewhere = not Path(name).is_absolute() and self.folder != str(Path.cwd())
        return elsewhere and not mark.same_file(Mark.of(Path(name)))

    def to_json(self) -> dict[str, Any]:
        """JSON without the marks."""
        return {"fingerprint": self.fingerprint, "folder": self.folder}


def _differences(before: dict[str, Any], now: dict[str, Any]) -> str:
    """What decides the estimates and is not as it was, in words."""
    if ("video" in before) != ("video" in now):
        return "from a video" if "video" in before else "from photographs"
    keys = sorted(key for key in {*before, *now} if before.get(key) != now.get(key))
    if "crops" in keys:
        # With it goes the detector, which crops do not need.
        keys = [key for key in keys if key != "detector"]
    return f"with {' and '.join(_WORDS.get(key, key) for key in keys)}"


def beside(target: Path, ending: str) -> Path:
    """The hidden file beside a file, whose own name may be as long as names can be."""
    name = f".{target.name}{ending}"
    if len(name.encode(errors="surrogateescape")) > LONGEST_NAME:
        digest = hashlib.sha256(target.name.encode(errors="surrogateescape")).hexdigest()
        name = f".{target.name[:20]}.{digest[:16]}{ending}"
    return target.with_name(name)


def place_of(target: Path) -> Path:
    """Where the record of a file lies."""
    return beside(target, ".agelens.json")


def read_record(target: Path) -> dict[str, Any] | None:
    """The record of a file that stands as AgeLens wrote it.

    Returns:
        None where there is no such file, or one that holds nothing.

    Raises:
        AgeLensError: the file was not written by AgeLens, or was changed since.
    """
    if not target.is_file() or not target.stat().st_size:
        return None
    record = None
    with contextlib.suppress(OSError, ValueError):
        record = json.loads(place_of(target).read_text(encoding="utf-8"))
    if not isinstance(record, dict) or digest_file(target) not in record.get("digests", ()):
        raise AgeLensError(
            f"{target} was not written by AgeLens, or was changed since, so it is not replaced; give another --out, or "
            "replace it with --overwrite."
        )
    return record


def write_record(target: Path, content: Path, record: dict[str, Any]) -> None:
    """Write what a file is made of, before its content takes its place.

    Args:
        content: the temporary file with the new content; the record also fits what stands until the change.
    """
    digests = [digest_file(content)]
    if target.is_file():
        digests.append(digest_file(target))
    write_text(place_of(target), json_text({"digests": digests, **record}) + "\n")
