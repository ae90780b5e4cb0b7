"""Rows of the face table as sources give them, and what the name of a file of UTKFace says."""

from dataclasses import dataclass, field
from pathlib import Path

from agelens.errors import AgeLensError

# Python refuses to read numbers of thousands of digits.
MOST_DIGITS = 9


@dataclass(frozen=True)
class Rejected:
    """A file that was left out, and why."""

    file: str
    reason: str


@dataclass
class Rows:
    """What reading a source gives before any image is looked at.

    Attributes:
        rows: the columns of the face table but for the digest.
        rejected: files whose name or row is malformed, and what a folder holds besides images.
        notes: sentences for the person: what was skipped, and how something was understood.
        hints: further ones, that tell why files may not be found.
        format: what the source was read as, such as "UTKFace names".
    """

    rows: list[dict[str, object]] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)
    format: str = ""


def is_line(name: str) -> bool:
    """Whether a name is text in one line; on Linux it may be any bytes."""
    return not any(letter < " " or "\ud800" <= letter <= "\udfff" for letter in name)


def as_line(name: str) -> str:
    """A name as text in one line, with escapes where it is none."""
    return name if is_line(name) else ascii(name)[1:-1]


def refuse_no_text(*paths: Path) -> None:
    """Refuse, with an AgeLensError, names that pages and tables could not tell."""
    for path in paths:
        if not is_line(str(path)):
            raise AgeLensError(f"{str(path)!a} has letters that are no text; give it another name.")
