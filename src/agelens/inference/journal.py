"""Estimates of many files, kept as they come, so that an interrupted command goes on where it was.

Beside the file that is asked for lies ``.NAME.partial.jsonl`` while the work goes on: first what the estimates are made
of, then one JSON line a file. When all are done it is turned into the file and removed. A line that a killed program
left half written is dropped. A lock beside it keeps a second program from writing the same lines.
"""

import contextlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, Self

from filelock import FileLock, Timeout

from agelens.errors import AgeLensError
from agelens.inference.addresses import name_of
from agelens.inference.record import Mark, Past, beside
from agelens.inference.results import ImagePrediction
from agelens.utils.files import naming_errors


class Journal:
    """What is done of a list of files, on disk beside the file that it is for; a context manager.

    Args:
        target: the file that is asked for.
        fingerprint: JSON that decides the estimates: network, detector, options.

    Attributes:
        past: what an interrupted command left; None if there is nothing.

    Raises:
        AgeLensError: another program is at work on it.
    """

    def __init__(self, target: Path, fingerprint: dict[str, Any]) -> None:
        self.path = beside(target, ".partial.jsonl")
        self.past: Past | None = None
        self._made_of = fingerprint
        self._marks: dict[str, Mark] = {}
        self._expected: dict[str, Mark] = {}
        self._file: IO[bytes] | None = None
        self._lock = contextlib.ExitStack()
        self._lock.enter_context(only_writer(target))
        self._held = True
        with contextlib.ExitStack() as undo:
            undo.callback(self._unlock)
            self._whole = self._read()
            undo.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self) -> int:
        """Take up what is there; returns how many bytes of it are whole lines."""
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
                if number == 0:
                    if "fingerprint" not in entry:
                        return 0
                    self.past = Past(entry["fingerprint"], entry.get("folder", ""), self._marks)
                elif "mark" not in entry:
                    break
                else:
                    self._marks[entry["photo"]["file"]] = Mark(*entry["mark"])
                whole += len(line)
        if not self._marks:
            self.forget()
        return whole if self._marks else 0

    def forget(self) -> None:
        """Leave what an interrupted command left out of account; `begin` throws it away."""
        self.past, self._whole, self._marks = None, 0, {}

    def begin(self, seed: Iterable[tuple[dict[str, Any], Mark]] = ()) -> None:
        """Open it for what comes; what an interrupted command left stays.

        Args:
            seed: photographs with their marks that are done already, where nothing was left.
        """
        with contextlib.ExitStack() as undo:
            undo.callback(self._unlock)
            with naming_errors(self.path):
                self._file = undo.enter_context(self.path.open("r+b" if self._whole else "wb"))
            self._file.truncate(self._whole)
            self._file.seek(self._whole)
            if not self._whole:
                self._write(Past(self._made_of, str(Path.cwd())).to_json())
                for photo, mark in seed:
                    self._keep(photo, mark)
            undo.pop_all()

    @property
    def marks(self) -> dict[str, Mark]:
        """Of the photographs that are done, by name."""
        return self._marks

    def is_done(self, file: Path, picture: Path | None = None) -> bool:
        """Whether a file was estimated and has not changed since; one that could not be read is tried again.

        Args:
            picture: where its annotated picture is to be; it must have been drawn, and still be there.
        """
        return is_done(self._marks.get(name_of(file)), file, picture)

    def expect(self, files: list[Path]) -> None:
        """Note what files are like before they are read: one that changes meanwhile is estimated again next time."""
        self._expected = {name_of(file): Mark.of(file) for file in files}

    def add(self, photo: ImagePrediction, picture: Path | None = None) -> None:
        """Keep the estimates of a file that is expected; one that could not be read is not kept, nor what it was.

        Args:
            picture: where its annotated picture was drawn.
        """
        if photo.error:
            self._marks.pop(photo.file, None)
        else:
            mark = self._expected[photo.file]
            drawn = "" if picture is None else str(picture.absolute())
            self._keep(
                photo.to_dict(self._made_of.get("age_limits", ())),
                Mark(mark.size, mark.changed, len(photo.faces), drawn),
            )

    def _keep(self, photo: dict[str, Any], mark: Mark) -> None:
        self._marks[photo["file"]] = mark
        self._write({"photo": photo, "mark": mark.to_list()})

    def _write(self, entry: dict[str, Any]) -> None:
        assert self._file is not None
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
            for name in map(name_of, files):
                if name in places and name in self._marks:
                    file.seek(places[name])
                    yield json.loads(file.readline())["photo"]

    def close(self) -> None:
        """Let go of the file; what is done stays on disk."""
        self._end(stays=bool(self._marks))

    def remove(self) -> None:
        """Everything is in its place: the journal is of no more use."""
        self._end(stays=False)

    def _end(self, stays: bool) -> None:
        if not self._held:
            return
        try:
            if self._file is not None:
                with naming_errors(self.path), self._file:
                    os.fsync(self._file.fileno())
                if not stays:
                    self.path.unlink()
        finally:
            self._unlock()

    def _unlock(self) -> None:
        self._held = False
        self._lock.close()


@contextlib.contextmanager
def only_writer(target: Path) -> Iterator[None]:
    """Be the only program that writes a file, whose folder is made. Raises AgeLensError where another is at it."""
    lock = FileLock(beside(target, ".partial.lock"))
    try:
        with naming_errors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=0)
    except Timeout:
        raise AgeLensError(
            f"Another agelens is at work on {target}; wait for it, or give another --out."
        ) from None
    try:
        yield
    finally:
        # Removed while it is held: afterwards it may be another program's. Windows removes it by itself.
        with contextlib.suppress(PermissionError):
            Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()


def is_done(mark: Mark | None, file: Path, picture: Path | None) -> bool:
    """Whether a mark says that a file is done: it has not changed since, and its picture is where it is wanted."""
    if mark is None or not mark.same_file(Mark.of(file)):
        return False
    return picture is None or (mark.picture == str(picture.absolute()) and picture.is_file())
