"""A file of estimates: what of it is done, what stands there already, and writing it whole at the end."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agelens.errors import NOTHING_ESTIMATED, AgeLensError
from agelens.inference.addresses import name_of
from agelens.inference.journal import Journal, is_done
from agelens.inference.output_formats import Form, read_back, writing_file
from agelens.inference.printing import closing_line
from agelens.inference.record import Mark, Past, write_record
from agelens.inference.results import ImagePrediction
from agelens.utils.files import replacing_file
from agelens.utils.progress import say


class Output:
    """The file that is asked for with ``--out``.

    Args:
        path: the file. form: how it is written.
        fingerprint: JSON that decides the estimates.
        record: of the file that stands there, from `read_record`; None where none does, or where it does not matter.
        overwrite: whether what stands there, or was begun, is given up where it is of something else.
    """

    def __init__(
        self,
        path: Path,
        form: Form,
        fingerprint: dict[str, Any],
        record: dict[str, Any] | None,
        overwrite: bool,
    ) -> None:
        self._path, self._form, self._overwrite = path, form, overwrite
        self._made_of = {**fingerprint, "form": form}
        self._record = record
        self._files: list[Path] = []
        self._stands = False
        # Those that are tried again next time, and stand in the file meanwhile where its form can say why.
        self._unreadable: dict[str, dict[str, Any]] = {}

    @contextlib.contextmanager
    def opened(self, files: list[Path], pictures: dict[Path, Path]) -> Iterator[list[Path]]:
        """Take up what is done, and give the photographs that are not.

        Args:
            pictures: where the annotated pictures of files are to be, which belong to what is done.

        Raises:
            AgeLensError: what stands there, or was begun, is of other photographs, of another network or other
                options; or another program is at work on it.
        """
        self._files = files
        standing = None if self._record is None else _past(self._record)
        if standing is not None:
            standing.refuse_others(self._path, self._made_of, files, "made")
        with Journal(self._path, self._made_of) as self._journal:
            self._refuse_begun()
            begun = self._journal.past is not None
            past = self._journal.marks if begun else standing.marks if standing else {}
            waiting = [
                file for file in files if not is_done(past.get(name_of(file)), file, pictures.get(file))
            ]
            done = len(files) - len(waiting)
            self._stands = not waiting and not begun and bool(past)
            if done and waiting:
                say(f"{done:,} of {len(files):,} are done already; going on.")
            if self._stands:
                self._marks = past
            else:
                self._journal.begin(() if begun else self._seed(past))
                self._journal.expect(waiting)
                self._marks = self._journal.marks
            yield waiting

    def _refuse_begun(self) -> None:
        if self._journal.past is None:
            return
        try:
            self._journal.past.refuse_others(self._path, self._made_of, self._files, "begun")
        except AgeLensError:
            if not self._overwrite:
                raise
            self._journal.forget()

    def _seed(self, marks: dict[str, Mark]) -> Iterator[tuple[dict[str, Any], Mark]]:
        """The photographs of the file that stands there, so that it can be added to."""
        if not marks:
            return
        # Names that are no text are escaped in CSV.
        names = {name.encode(errors="backslashreplace").decode(): name for name in marks}
        seen = set()
        for photo in read_back(self._path, self._form):
            if photo.get("error"):
                continue
            name = names.get(photo["file"], photo["file"])
            seen.add(name)
            yield {**photo, "file": name}, marks[name]
        for name in marks.keys() - seen:
            yield {"file": name, "faces": []}, marks[name]

    def add(self, photo: ImagePrediction, picture: Path | None) -> None:
        """Keep what is estimated of a photograph, and where its picture was drawn."""
        self._journal.add(photo, picture)
        if photo.error:
            self._unreadable[photo.file] = photo.to_dict()

    def _photos(self) -> Iterator[dict[str, Any]]:
        """The photographs in order; with those that could not be read where the form has a place for the reason."""
        done = self._journal.photos(self._files)
        if self._form != "parquet":
            yield from done
            return
        for name in map(name_of, self._files):
            if name in self._unreadable:
                yield self._unreadable[name]
            elif name in self._marks:
                yield next(done)

    def interrupted(self) -> str:
        """What there is to say after Ctrl-C."""
        kept = len(self._journal.marks)
        if not kept:
            return NOTHING_ESTIMATED
        return f"Interrupted; {kept:,} of {len(self._files):,} are kept, and the same command goes on from there."

    def finish(self) -> None:
        """Write the file, whole or not at all; without one good photograph there is none."""
        if self._stands:
            return
        if self._marks:
            with replacing_file(self._path) as temporary:
                limits = self._made_of.get("age_limits", ())
                with writing_file(temporary, self._form, limits) as write:
                    for photo in self._photos():
                        write(photo)
                marks = {name: mark.to_list() for name, mark in self._marks.items()}
                past = Past(self._made_of, str(Path.cwd())).to_json()
                write_record(self._path, temporary, {**past, "photos": marks})
        self._journal.remove()

    def closing_line(self, unreadable: int, left_out: int, crops: bool) -> str:
        """How many faces of how many photographs the file holds."""
        faces = [mark.faces for mark in self._marks.values()]
        line = closing_line(self._path, faces, unreadable, left_out, crops)
        return f"{line[:-1]}; it was finished before." if self._stands else line


def _past(record: dict[str, Any]) -> Past:
    marks = {name: Mark(*values) for name, values in record.get("photos", {}).items()}
    return Past(record.get("fingerprint", {}), record.get("folder", ""), marks)
