"""The audit: which images of a dataset cannot be used, which show the same picture, whose labels contradict.

Two image files are duplicates in one of three ways:

    identical   the files have the same bytes
    near        different bytes, the same picture: recompressed, rescaled, retouched, aligned otherwise
    mirrored    different bytes, the same picture flipped left to right

A manifest may also list one file twice with different labels; such rows make a pair called "same file".
How near and mirrored ones are found is told in `agelens.data.near_duplicates`. All files that show the same picture,
directly or through others, are one group, and the pairs that are shown are those that join it: one fewer than it has
files, so that 700 copies of one file are one group and 699 pairs.
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

import pandas as pd

from agelens.data.duplicates import DuplicateGroup, Label, Pair, label_groups
from agelens.data.near_duplicates import (
    NearDuplicate,
    PerceptualHash,
    duplicate_groups,
    find_near_duplicates,
    perceptual_hash,
)
from agelens.data.table import Faces, Rejected
from agelens.errors import ImageError
from agelens.utils.images import read_rgb
from agelens.utils.progress import Track, quiet

MIN_SIDE = 16
# Large photographs are decoded at a fraction of their size: four times the side that the hash looks at.
_DECODED_SIDE = 256


@dataclass(frozen=True)
class Audit:
    """What the audit of a dataset found.

    Attributes:
        source: the folder or the manifest that was read.
        images: files found, the malformed ones included.
        malformed: files that the face table left out, and why.
        unreadable: files that cannot be read or decoded to the end, or have a side under MIN_SIDE, and why.
        duplicate_groups: names of byte-identical files, two or more a group.
        groups: all files that show the same picture, of all kinds, in order of name.
        group_of: for the digest of each readable image its group (see `usable`).
        notes: what reading the source told (`Faces.notes`).
    """

    source: str
    images: int
    malformed: tuple[Rejected, ...]
    unreadable: tuple[Rejected, ...]
    duplicate_groups: tuple[tuple[str, ...], ...]
    groups: tuple[DuplicateGroup, ...]
    group_of: dict[str, str] = field(repr=False)
    notes: tuple[str, ...] = ()

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """The pairs of files that join all groups, one fewer than each has files, in order of name."""
        joining = [pair for group in self.groups for pair in group.pairs]
        return tuple(sorted(joining, key=lambda pair: (pair.a, pair.b)))

    @property
    def near_duplicate_groups(self) -> tuple[DuplicateGroup, ...]:
        """The groups of files that show the same picture, flipped or not, with different bytes."""
        return tuple(group for group in self.groups if not group.is_identical)

    def conflicts(self, label: Label) -> tuple[Pair, ...]:
        """The joining pairs whose two labels differ; a group whose labels differ has at least one."""
        return tuple(pair for pair in self.pairs if pair.disagrees(label))

    def agreement(self) -> dict[str, float] | None:
        """How far the labels of one picture agree that stands in a dataset twice, over the joining pairs.

        Whoever sees such a picture can say one age only, so the difference tells how good an estimate can look when
        it is measured with such labels. Pictures that stand in a dataset once may be labelled better or worse.

        Returns:
            ``pairs``, ``age_difference`` (mean absolute difference, years), ``same_age`` and ``same_gender`` (shares of
            the pairs, 0 to 1); None where no picture stands in the dataset twice.
        """
        whole = [pair for pair in self.pairs if pair.is_labelled]
        if not whole:
            return None
        return {
            "pairs": len(whole),
            "age_difference": fmean(pair.years_apart or 0 for pair in whole),
            "same_age": fmean(not pair.disagrees("age") for pair in whole),
            "same_gender": fmean(not pair.disagrees("gender") for pair in whole),
        }

    def usable(self, table: pd.DataFrame) -> pd.DataFrame:
        """The rows of a face table whose images can be decoded, with the column ``group``.

        Images that show the same picture, directly or through others, have the same group, and a split must
        not tear it. A group is called by the first 16 digits of its smallest digest: the same on any machine.

        Returns:
            A new DataFrame in the table's order, rows numbered from 0; ``group`` is a str column.
        """
        rows = table[table["digest"].isin(self.group_of.keys())].reset_index(drop=True)
        return rows.assign(group=rows["digest"].map(self.group_of).astype(str))

    def to_json(self) -> dict[str, Any]:
        """Counts and lists for ``audit.json``; files are called as in `file_names`, in order of name."""
        near = [pair for pair in self.pairs if pair.kind in ("near", "mirrored")]
        labels: tuple[Label, ...] = ("age", "gender")
        return {
            "images": self.images,
            "malformed": len(self.malformed),
            "unreadable": len(self.unreadable),
            "duplicate_groups": len(self.duplicate_groups),
            "near_duplicate_groups": len(self.near_duplicate_groups),
            "label_conflicts": {
                label: sum(group.disagrees(label) for group in self.groups) for label in labels
            },
            "label_agreement": self.agreement(),
            "usable": self.images - len(self.malformed) - len(self.unreadable),
            "lists": {
                "malformed": [asdict(rejected) for rejected in self.malformed],
                "unreadable": [asdict(rejected) for rejected in self.unreadable],
                "duplicate_groups": [list(group) for group in self.duplicate_groups],
                "near_duplicate_groups": [list(group.files) for group in self.near_duplicate_groups],
                "near_duplicate_pairs": [
                    {"a": pair.a, "b": pair.b, "distance": pair.distance, "mirrored": pair.kind == "mirrored"}
                    for pair in near
                ],
                "label_conflicts": {
                    label: [asdict(pair) for pair in self.conflicts(label)] for label in labels
                },
                "notes": list(self.notes),
            },
        }


def audit(faces: Faces, track: Track = quiet) -> Audit:
    """Decode every image of a dataset, find the ones that show the same picture, and compare their labels.

    Args:
        faces: what `read_faces` gave.
        track: shows the images decoded so far; see `agelens.utils.progress`.
    """
    table = faces.table
    names = file_names(named_paths(table), faces.source)
    # Identical files are decoded once. In the order of digests nothing depends on where or how the files lie.
    once = table.drop_duplicates("digest").sort_values("digest")
    hashes = dict(zip(once["digest"], _hash_all(once["path"].tolist(), track), strict=True))
    readable = {digest: hashed for digest, hashed in hashes.items() if isinstance(hashed, PerceptualHash)}
    near = find_near_duplicates(list(readable.values()))
    rows_of: dict[str, list[int]] = {digest: [] for digest in hashes}
    for row, digest in enumerate(table["digest"]):
        rows_of[digest].append(row)
    lost = file_names((one.file for one in faces.unreadable), faces.source)
    unreadable = [Rejected(name, one.reason) for name, one in zip(lost, faces.unreadable, strict=True)] + [
        Rejected(name, reason)
        for name, digest in zip(names, table["digest"], strict=True)
        if isinstance(reason := hashes[digest], str)
    ]
    identical = (tuple(sorted({names[row] for row in same})) for same in rows_of.values())
    group_of = _groups(list(readable), near)
    return Audit(
        source=faces.source,
        images=len(table) + len(faces.rejected) + len(faces.unreadable),
        malformed=tuple(sorted(faces.rejected, key=lambda rejected: rejected.file)),
        unreadable=tuple(sorted(unreadable, key=lambda rejected: rejected.file)),
        duplicate_groups=tuple(sorted(same for same in identical if len(same) > 1)),
        groups=label_groups(table, names, list(readable), near, group_of),
        group_of=group_of,
        notes=tuple(faces.notes),
    )


def named_paths(table: pd.DataFrame) -> list[str]:
    """The paths by which a person knows the images of a face table: of aligned crops those of their photographs."""
    if "original" not in table.columns:
        return list(table["path"])
    return [original or path for original, path in zip(table["original"], table["path"], strict=True)]


def file_names(paths: Iterable[str], source: str) -> list[str]:
    """How reports call image files: relative to the source folder or to the manifest's, else the whole path.

    Args:
        paths: the ``path`` column of a face table.
        source: `Faces.source`.
    """
    root = Path(source).absolute()
    if not root.is_dir():
        root = root.parent
    return [_relative(Path(path), root) for path in paths]


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()


def _hash_all(paths: list[str], track: Track) -> list[PerceptualHash | str]:
    hashes: list[PerceptualHash | str] = []
    with track("audit", len(paths)) as advance, ThreadPoolExecutor() as threads:
        for hashed in threads.map(_hash_file, paths):
            hashes.append(hashed)
            advance(1)
    return hashes


def _hash_file(path: str) -> PerceptualHash | str:
    """The hashes of an image, or why it cannot be used."""
    try:
        pixels = read_rgb(Path(path), min_side=_DECODED_SIDE)
    except ImageError as error:
        return str(error)
    height, width = pixels.shape[:2]
    if min(height, width) < MIN_SIDE:
        return f"is {width} x {height} pixels, too small to show a face"
    return perceptual_hash(pixels)


def _groups(digests: list[str], near: list[NearDuplicate]) -> dict[str, str]:
    """For each digest the name of its group; they come sorted, so the first of a chain is the smallest."""
    firsts = duplicate_groups(len(digests), near).tolist()
    return {digest: digests[first][:16] for digest, first in zip(digests, firsts, strict=True)}
