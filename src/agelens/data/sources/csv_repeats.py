"""Files that stand in a manifest more than once, and how often rows are left out for which reason."""

import os
import re
from pathlib import Path

from agelens.data.rows import Rejected

REPEATED = "line {0} has the same file, age and gender"
_MOST_REASONS, _LONGEST = 5, 80
# What differs between rows that are left out for one reason.
_VALUES = re.compile(r"""'.*?'|".*?"|-?\d+|\{0\}""")
Labels = tuple[object, ...]


class Repeats:
    """Tells files that stand in a manifest more than once; where faces have boxes, the same face of a file."""

    def __init__(self) -> None:
        self._folders: dict[Path, str] = {}
        self._lines: dict[tuple[str, str], dict[Labels, int]] = {}
        self._names: dict[tuple[str, str], str] = {}
        self._repeated = 0

    def find(self, file: Path, box: str, labels: Labels, name: str, line: int) -> str:
        """What is wrong with a row if an earlier one says the same of the same face.

        Args:
            box: where the face is, as text; "" for the whole file.
            labels: age and gender.
            name: of the file, as the manifest has it.
        """
        if file.parent not in self._folders:
            self._folders[file.parent] = os.path.realpath(file.parent)
        key = (str(Path(self._folders[file.parent]) / file.name), box)
        seen = self._lines.setdefault(key, {})
        self._names.setdefault(key, name)
        if labels in seen:
            self._repeated += 1
            return REPEATED.format(seen[labels])
        seen[labels] = line
        return ""

    def notes(self) -> list[str]:
        """How many rows were repeated, and how many files have several labels."""
        told = []
        if self._repeated:
            verbs = "repeats an earlier one and is" if self._repeated == 1 else "repeat earlier ones and are"
            told.append(f"{count_rows(self._repeated)} {verbs} left out")
        torn = [key for key, labels in self._lines.items() if len(labels) > 1]
        if torn:
            lines = " and ".join(str(line) for line in self._lines[torn[0]].values())
            files = "1 file has" if len(torn) == 1 else f"{len(torn):,} files have"
            told.append(
                f"{files} several ages or genders, such as {_ending(self._names[torn[0]])} in lines {lines}; all rows "
                "are kept, and the audit counts them as label conflicts"
            )
        return told


def describe_left_out(rejected: list[Rejected]) -> list[str]:
    """How many rows are left out for which reason, each with its first row; repeated ones are told apart."""
    by_reason: dict[str, list[Rejected]] = {}
    for one in rejected:
        by_reason.setdefault(_VALUES.sub("", one.reason), []).append(one)
    by_reason.pop(_VALUES.sub("", REPEATED), None)
    told = []
    for same in sorted(by_reason.values(), key=len, reverse=True)[:_MOST_REASONS]:
        first, more = same[0], ", and so on" if len(same) > 1 else ""
        told.append(f"{count_rows(len(same))} left out: {_ending(first.file)}: {first.reason}{more}")
    return told


def count_rows(count: int) -> str:
    """A number of rows in words."""
    return "1 row" if count == 1 else f"{count:,} rows"


def _ending(name: str) -> str:
    """The end of a long name, which tells more than its beginning."""
    return name if len(name) <= _LONGEST else f"...{name[-_LONGEST:]}"
