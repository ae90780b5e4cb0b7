"""Estimates of many files, kept as they come, so that an interrupted command goes on where it was.

Beside the file that is asked for lies ``.NAME.partial.jsonl`` while the work goes on: first what the estimates are made
of, then one JSON line a file. When all are done it is turned into the file and removed. A line that a killed program
left half written is dropped. A lock beside it keeps a second program from writing the same lines.
"""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from filelock import FileLock, Timeout

from agelens.errors import AgeLensError
from agelens.estimate.results import Photo
from agelens.files import naming_errors


def fingerprint(file: Path) -> list[int]:
    """Size in bytes and time of change, by which a file is told to be the same; empty where it cannot be read."""
    try:
        facts = file.stat()
    except OSError:
        return []
    return [facts.st_size, facts.st_mtime_ns]


class Journal:
    """What is done of a list of files, on disk beside the file that it is for.

    Args:
        target: the file that is asked for.
        made_of: JSON that decides the estimates: network, detector, options. A journal of other ones is not gone on
            with, but begun anew.

    Raises:
        AgeLensError: another program is at work on it.
    """

    def __init__(self, target: Path, made_of: dict[str, Any]) -> None:
        self.path = target.with_name(f".{target.name}.partial.jsonl")
        self._made_of = made_of
        self._done: dict[str, list[int]] = {}
        self._expected: dict[str, list[int]] = {}
        self.began_anew = False
        self._lock = FileLock(target.with_name(f".{target.name}.partial.lock"))
        try:
            with naming_errors(self.path):
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._lock.acquire(timeout=0)
        except Timeout:
            raise AgeLensError(
                f"Another agelens is at work on {target}; wait for it, or give another --out."
            ) from None
        with contextlib.ExitStack() as undo:
            undo.callback(self._unlock)
            whole = self._read()
            with naming_errors(self.path):
                self._file: IO[bytes] = undo.enter_context(self.path.open("r+b" if whole else "wb"))
            self._file.truncate(whole)
            self._file.seek(whole)
            if not whole:
                self._write({"made_of": made_of})
            undo.pop_all()

    def _read(self) -> int:
        """Take up what is there of the same making; returns how many bytes of it are whole lines."""
        if not self.path.is_file():
            return 0
        whole = 0
        with self.path.open("rb") as file:
            for number, line in enumerate(file):
                try:
                    entry = json.loads(line) if line.endswith(b"\n") else None
                except ValueError:
                    entry = None
                if not isinstance(entry, dict):
                    break
                if number == 0 and entry.get("made_of") != self._made_of:
                    self.began_anew = True
                    return 0
                if "photo" in entry:
                    self._done[entry["photo"]["file"]] = entry["fingerprint"]
                whole += len(line)
        return whole

    def is_done(self, file: Path) -> bool:
        """Whether the file was estimated and has not changed since; one that could not be read is tried again."""
        return self._done.get(str(file)) == fingerprint(file)

    def expect(self, files: list[Path]) -> None:
        """Note what files are like before they are read: one that changes meanwhile is estimated again next time."""
        self._expected = {str(file): fingerprint(file) for file in files}

    def add(self, photo: Photo) -> None:
        """Keep the estimates of a file that is expected; one that could not be read is not kept, nor what it was."""
        if photo.problem:
            self._done.pop(photo.file, None)
        else:
            self._done[photo.file] = self._expected[photo.file]
            self._write({"photo": photo.to_dict(), "fingerprint": self._done[photo.file]})

    def _write(self, entry: dict[str, Any]) -> None:
        with naming_errors(self.path):
            # With JSON's escapes: names of files need not be text.
            self._file.write(json.dumps(entry).encode() + b"\n")
            self._file.flush()

    def photos(self, files: list[Path]) -> Iterator[dict[str, Any]]:
        """The latest estimates of those of these files that are done, as `Photo.to_dict`, in their order."""
        places: dict[str, int] = {}
        with self.path.open("rb") as file:
            place = 0
            for line in file:
                entry = json.loads(line)
                if "photo" in entry:
                    places[entry["photo"]["file"]] = place
                place += len(line)
            for name in map(str, files):
                if name in places and name in self._done:
                    file.seek(places[name])
                    yield json.loads(file.readline())["photo"]

    def close(self) -> None:
        """Let go of the file; it stays on disk."""
        self._end(stays=True)

    def remove(self) -> None:
        """Everything is in its place: the journal is of no more use."""
        self._end(stays=False)

    def _end(self, stays: bool) -> None:
        if not self._lock.is_locked:
            return
        try:
            with naming_errors(self.path), self._file:
                os.fsync(self._file.fileno())
            if not stays:
                self.path.unlink()
        finally:
            self._unlock()

    def _unlock(self) -> None:
        # Removed while it is held: afterwards it may be another program's. Windows removes it by itself.
        with contextlib.suppress(PermissionError):
            Path(self._lock.lock_file).unlink(missing_ok=True)
        self._lock.release()
