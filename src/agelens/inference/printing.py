"""The table of photographs and their faces that a person sees, and the lines that close a command."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from agelens.inference.annotate import describe_gender
from agelens.inference.results import limit_column
from agelens.utils.progress import say

# So many photographs are named one by one where the same thing went wrong with their pictures.
_NAMED = 5


class FaceTable:
    """Rows of faces, shown at the end.

    Args:
        age_limits: years; each gets a column with the probability to be that old.
    """

    def __init__(self, age_limits: Sequence[int] = ()) -> None:
        self._limits = tuple(age_limits)
        self._table = Table(
            "file",
            "face",
            "age",
            "90 % interval",
            *(f"{limit} or older" for limit in self._limits),
            "gender",
            "",
            box=None,
            pad_edge=False,
            header_style="bold",
        )

    def add(self, value: dict[str, Any]) -> None:
        """Take the faces of a photograph, from `Photo.to_dict`."""
        if not value["faces"]:
            self._table.add_row(Text(value["file"]), *[""] * (4 + len(self._limits)), "no face found")
        for number, face in enumerate(value["faces"], 1):
            interval = (face["age_low"], face["age_high"]) if "age_low" in face else None
            at_least = (face.get(limit_column(limit)) for limit in self._limits)
            self._table.add_row(
                Text(value["file"] if number == 1 else ""),
                str(number),
                f"{face['age_years']:.0f}" if "age_years" in face else "",
                f"{interval[0]:.0f} to {interval[1]:.0f}" if interval else "",
                *("" if share is None else f"{100 * share:.1f} %" for share in at_least),
                describe_gender(face["p_female"]) if "p_female" in face else "",
                "perhaps no face" if face.get("low_confidence") else "",
            )

    def show(self, file: IO[str]) -> None:
        """Print the rows so far."""
        if self._table.row_count:
            Console(file=file).print(self._table)


@dataclass
class Tally:
    """What became of the photographs of a command.

    Attributes:
        left_out: sentences about names that hold no photograph.
        unreadable: for each file that cannot be read, a sentence.
        undrawn: of each photograph whose picture cannot be written: its name and the reason.
        drawn: how many pictures were written.
        shown, blurred: how many faces were found in these, and how many of them were made unrecognisable.
    """

    left_out: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    undrawn: list[tuple[str, str]] = field(default_factory=list)
    drawn: int = 0
    shown: int = 0
    blurred: int = 0

    @property
    def failed(self) -> int:
        """How many files and names something went wrong with."""
        return len(self.left_out) + len(self.unreadable) + len(self.undrawn)

    def tell(self) -> None:
        """Name what went wrong, at the end, where it can be seen."""
        for sentence in [*self.unreadable, *_grouped(self.undrawn), *self.left_out]:
            say(f"agelens: {sentence}")


def _grouped(undrawn: list[tuple[str, str]]) -> Iterable[str]:
    """A full disk is told once, not for each of ten thousand pictures."""
    reasons: dict[str, list[str]] = {}
    for name, reason in undrawn:
        reasons.setdefault(reason, []).append(name)
    for reason, names in reasons.items():
        for name in names[:_NAMED]:
            yield f"The annotated picture of {name} cannot be written: {reason}."
        if len(names) > _NAMED:
            yield f"The annotated pictures of {len(names) - _NAMED:,} more cannot be written: {reason}."


def counted(number: int, one: str, many: str = "") -> str:
    """A number and its thing: ``1 face``, ``2 faces``."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def closing_line(place: Path, faces: list[int], unreadable: int, left_out: int, crops: bool) -> str:
    """How many faces of how many photographs are in a file.

    Args:
        faces: of each photograph that was estimated, how many were found.
    """
    thing = "image" if crops else "photograph"
    with_faces = sum(1 for number in faces if number)
    parts = [f"{counted(sum(faces), 'face')} in {counted(with_faces, thing)}"]
    if without := len(faces) - with_faces:
        parts.append(f"{counted(without, thing)} without a face")
    if unreadable:
        parts.append(f"{counted(unreadable, 'file')} that could not be read")
    if left_out:
        parts.append(f"{counted(left_out, 'name')} without a photograph")
    return f"{place}: {', '.join(parts)}."
