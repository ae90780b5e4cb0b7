"""A folder of aligned faces for others: crops, a manifest that can be read again, and what was left out."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from agelens.data.alignment import JOURNAL, align_table
from agelens.data.labels import GENDERS
from agelens.data.rows import Rejected
from agelens.data.table import write_table
from agelens.detection.alignment import UTKFACE, Geometry
from agelens.detection.base import Detector
from agelens.errors import AgeLensError
from agelens.utils.progress import Track, quiet

MANIFEST, LEFT_OUT, CROPS = "faces.csv", "left_out.csv", "crops"
# As what all malformed rows are counted; the reason of each stands in the list.
_MALFORMED = "the name or row is malformed (left_out.csv tells each)"


@dataclass(frozen=True)
class AlignedFolder:
    """What a folder of aligned faces holds.

    Attributes:
        manifest: its ``faces.csv``, a manifest with the labels of the photographs.
        found: how many faces. left_out: how many photographs gave none, by reason.
        unreadable: how many of those could not be read.
        images_per_second: rate of what was done now; None where all was done before.
    """

    manifest: Path
    found: int
    left_out: dict[str, int]
    unreadable: int
    images_per_second: float | None

    def lines(self) -> list[str]:
        """What a person is told."""
        whole = self.found + sum(self.left_out.values())
        rate = "done before" if self.images_per_second is None else f"{self.images_per_second:.1f} a second"
        told = [
            f"{self.found:,} of {whole:,} faces found and aligned ({100 * self.found / whole:.1f} %), {rate}"
        ]
        told += [f"left out: {count:,} where {reason}" for reason, count in self.left_out.items()]
        return [*told, f"manifest: {self.manifest}"]

    def to_json(self) -> dict[str, Any]:
        """The same as JSON."""
        return {
            "manifest": str(self.manifest),
            "found": self.found,
            "left_out": self.left_out,
            "unreadable": self.unreadable,
            "images_per_second": self.images_per_second,
        }


def align_folder(
    table: pd.DataFrame,
    lost: Sequence[Rejected],
    folder: Path,
    detector: Detector,
    geometry: Geometry = UTKFACE,
    image_size: int | None = None,
    track: Track = quiet,
    malformed: Sequence[Rejected] = (),
    sources: Sequence[Path] = (),
) -> AlignedFolder:
    """Align the labelled faces of a face table and write them for others; started again, it goes on.

    The folder then holds ``crops/``, ``faces.csv`` (a manifest: path, labels, source and the other columns of the
    table, ``original`` being the photograph) and ``left_out.csv`` (path and reason).

    Args:
        table: a face table of photographs.
        lost: files with labels that could not be read; they are told too.
        malformed: rows and names that could not be understood; they are told too.
        sources: what the table was read from, which is never replaced.

    Raises:
        AgeLensError: the folder holds crops that were cut otherwise, or files of others where the manifest belongs, or
            not one face is found.
    """
    _refuse_files_of_others(folder, sources)
    done = align_table(table, folder / CROPS, detector, geometry, image_size, track)
    left_out = [*malformed, *lost, *done.left_out]
    write_table(_manifest(done.table), folder / MANIFEST)
    write_table(
        pd.DataFrame({"path": [one.file for one in left_out], "reason": [one.reason for one in left_out]}),
        folder / LEFT_OUT,
    )
    reasons = Counter(one.reason for one in (*lost, *done.left_out))
    if malformed:
        reasons[_MALFORMED] = len(malformed)
    return AlignedFolder(
        folder / MANIFEST,
        len(done.table),
        dict(reasons.most_common()),
        done.unreadable + len(lost),
        done.images_per_second,
    )


def _refuse_files_of_others(folder: Path, sources: Sequence[Path]) -> None:
    """Refuse to replace a source, or files in a folder that was not aligned before."""
    own = (folder / CROPS / JOURNAL).is_file()
    for target in (folder / MANIFEST, folder / LEFT_OUT):
        if target.exists() and any(source.exists() and target.samefile(source) for source in sources):
            raise AgeLensError(
                f"{target} is a source, which the aligned faces would replace; give another --out."
            )
        if os.path.lexists(target) and not own:
            raise AgeLensError(
                f"{target} was not written by 'agelens align' and would be replaced; give another --out."
            )


def _manifest(table: pd.DataFrame) -> pd.DataFrame:
    """A face table as a manifest that lies beside its crops."""
    names = [f"{CROPS}/{Path(path).name}" for path in table["path"]]
    labels = table["gender"].map(dict(enumerate(GENDERS))).fillna("")
    # An age that is known exactly stays in one column; bounds say the same of all where some are groups.
    return table.assign(path=names, gender=labels).drop(columns=["digest"])
