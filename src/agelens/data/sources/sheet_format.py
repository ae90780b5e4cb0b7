"""Label files of published data sets: a header that tells them, and how their rows become those of a manifest."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from agelens.data.sources.csv_columns import plain_name
from agelens.data.sources.csv_text import Sheet

Translate = Callable[[Mapping[str, str], Path], dict[str, str]]


@dataclass(frozen=True)
class SheetFormat:
    """A published label file.

    Attributes:
        name: for ``--format``.
        title: for a person.
        header: columns that all of its files have, in small letters.
        translate: gives the columns of a manifest (path, age, gender, ...) from a row by the names of its columns, in
            small letters, and the path of the label file; values that say "unknown" become "".
        consumed: columns that are not kept beside those.
    """

    name: str
    title: str
    header: frozenset[str]
    translate: Translate
    consumed: frozenset[str]

    def fits(self, header: list[str]) -> bool:
        """Whether a file with this header is one of them."""
        return self.header <= {plain_name(name) for name in header}

    def to_manifest(self, sheet: Sheet, file: Path) -> Sheet:
        """The lines of a label file as those of a manifest."""
        names = [plain_name(name) for name in sheet.header]
        kept = [place for place, name in enumerate(names) if name not in self.consumed]
        columns: list[str] = []
        lines = []
        width = len(names)
        for number, fields in sheet.lines:
            whole = (fields + [""] * width)[:width]
            row = self.translate(dict(zip(names, whole, strict=True)), file)
            columns = columns or list(row)
            surplus = fields[width:]
            lines.append((number, [*row.values(), *(whole[place] for place in kept), *surplus]))
        columns = columns or list(self.translate(dict.fromkeys(names, ""), file))
        return Sheet([*columns, *(sheet.header[place] for place in kept)], lines, sheet.notes)


def known(text: str, *unknown: str) -> str:
    """The text, or "" where it says that nothing is known."""
    return "" if text.casefold() in unknown else text
