"""The audit: which images of a dataset cannot be used, which show the same picture, whose labels contradict.

Two image files are duplicates in one of three ways:

    identical   the files have the same bytes
    near        different bytes, the same picture: recompressed, rescaled, retouched, aligned otherwise
    mirrored    different bytes, the same picture flipped left to right

A manifest may also list one file twice with different labels; such rows make a pair called "same file".
How near and mirrored ones are found is told in `agelens.data.near_duplicates`.
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from itertools import combinations, product
from pathlib import Path
from statistics import fmean
from typing import Any, Literal

import pandas as pd

from agelens.data.labels import age_bounds
from agelens.data.near_duplicates import (
    NearDuplicate,
    PerceptualHash,
    duplicate_groups,
    find_near_duplicates,
    perceptual_hash,
    refuse_flood,
)
from agelens.data.table import Faces, Rejected
from agelens.errors import ImageError
from agelens.utils.images import read_rgb
from agelens.utils.progress import Track, quiet

Label = Literal["age", "gender"]

MIN_SIDE = 16
# Large photographs are decoded at a fraction of their size: four times the side that the hash looks at.
_DECODED_SIDE = 256


@dataclass(frozen=True)
class Pair:
    """Two image files that show the same picture, and the labels of both.

    Attributes:
        a: name of the first file, as in `file_names`; a <= b.
        b: name of the second file.
        kind: "identical", "near" or "mirrored", or "same file".
        distance: hash bits that differ, 0 to 40 of 256; 0 for identical files and for the same file.
        a_age: years, of a group of ages its middle, None where it is not labelled; likewise b_age.
        a_gender: 0 male, 1 female, None where it is not labelled; likewise b_gender.
        years_apart: between the two ages; 0 where groups of ages overlap, None where one of them is not labelled.
    """

    a: str
    b: str
    kind: str
    distance: int
    a_age: int | None
    b_age: int | None
    a_gender: int | None
    b_gender: int | None
    years_apart: int | None

    @property
    def is_labelled(self) -> bool:
        """Whether both files have an age and a gender."""
        return None not in (self.years_apart, self.a_gender, self.b_gender)

    def disagrees(self, label: Label) -> bool:
        """Whether the two files carry different labels."""
        if label == "age":
            return bool(self.years_apart)
        return None not in (self.a_gender, self.b_gender) and self.a_gender != self.b_gender


@dataclass(frozen=True)
class Audit:
    """What the audit of a dataset found.

    Attributes:
        source: the folder or the manifest that was read.
        images: files found, the malformed ones included.
        malformed: files that the face table left out, and why.
        unreadable: files that cannot be read or decoded to the end, or have a side under MIN_SIDE, and why.
        duplicate_groups: names of byte-identical files, two or more a group.
        pairs: every two files that show the same picture, of all kinds, in order of name.
        group_of: for the digest of each readable image its group (see `usable`).
        notes: what reading the source told (`Faces.notes`).
    """

    source: str
    images: int
    malformed: tuple[Rejected, ...]
    unreadable: tuple[Rejected, ...]
    duplicate_groups: tuple[tuple[str, ...], ...]
    pairs: tuple[Pair, ...]
    group_of: dict[str, str] = field(repr=False)
    notes: tuple[str, ...] = ()

    @property
    def near_duplicate_pairs(self) -> tuple[Pair, ...]:
        """Pairs of files with different bytes that show the same picture, flipped or not."""
        return tuple(pair for pair in self.pairs if pair.kind in ("near", "mirrored"))

    def conflicts(self, label: Label) -> tuple[Pair, ...]:
        """Pairs of all kinds whose two labels differ: at least one of the two is wrong."""
        return tuple(pair for pair in self.pairs if pair.disagrees(label))

    def agreement(self) -> dict[str, float] | None:
        """How far the labels of one picture agree that stands in a dataset twice, over the pairs of all kinds.

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
        near = self.near_duplicate_pairs
        conflicts = {label: self.conflicts(label) for label in ("age", "gender")}
        return {
            "images": self.images,
            "malformed": len(self.malformed),
            "unreadable": len(self.unreadable),
            "duplicate_groups": len(self.duplicate_groups),
            "near_duplicate_pairs": len(near),
            "label_conflicts": {label: len(pairs) for label, pairs in conflicts.items()},
            "label_agreement": self.agreement(),
            "usable": self.images - len(self.malformed) - len(self.unreadable),
            "lists": {
                "malformed": [asdict(rejected) for rejected in self.malformed],
                "unreadable": [asdict(rejected) for rejected in self.unreadable],
                "duplicate_groups": [list(group) for group in self.duplicate_groups],
                "near_duplicate_pairs": [
                    {"a": pair.a, "b": pair.b, "distance": pair.distance, "mirrored": pair.kind == "mirrored"}
                    for pair in near
                ],
                "label_conflicts": {
                    label: [asdict(pair) for pair in conflicts[label]] for label in conflicts
                },
                "notes": list(self.notes),
            },
        }


def audit(faces: Faces, track: Track = quiet) -> Audit:
    """Decode every image of a dataset, find the ones that show the same picture, and compare their labels.

    Args:
        faces: what `read_faces` gave.
        track: shows the images decoded so far; see `agelens.utils.progress`.

    Raises:
        AgeLensError: more than `near_duplicates.MAX_PAIRS` pairs look alike.
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
    rows = [rows_of[digest] for digest in readable]
    lost = file_names((one.file for one in faces.unreadable), faces.source)
    unreadable = [Rejected(name, one.reason) for name, one in zip(lost, faces.unreadable, strict=True)] + [
        Rejected(name, reason)
        for name, digest in zip(names, table["digest"], strict=True)
        if isinstance(reason := hashes[digest], str)
    ]
    groups = (tuple(sorted({names[row] for row in same})) for same in rows_of.values())
    return Audit(
        source=faces.source,
        images=len(table) + len(faces.rejected) + len(faces.unreadable),
        malformed=tuple(sorted(faces.rejected, key=lambda rejected: rejected.file)),
        unreadable=tuple(sorted(unreadable, key=lambda rejected: rejected.file)),
        duplicate_groups=tuple(sorted(group for group in groups if len(group) > 1)),
        pairs=_labelled(table, names, rows, near),
        group_of=_groups(list(readable), near),
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


def _labelled(
    table: pd.DataFrame, names: list[str], rows: list[list[int]], near: list[NearDuplicate]
) -> tuple[Pair, ...]:
    """Pairs of files from pairs of images: each image stands for all its identical files."""
    refuse_flood(
        sum(len(same) * (len(same) - 1) // 2 for same in rows)
        + sum(len(rows[pair.first]) * len(rows[pair.second]) for pair in near)
    )
    ages, genders = (
        [None if value != value else int(value) for value in table[label]] for label in ("age", "gender")
    )
    lows, highs = (bounds.tolist() for bounds in age_bounds(table))

    def label(one: int, other: int, kind: str, distance: int) -> Pair:
        a, b = sorted((one, other), key=lambda row: names[row])
        apart = max(0.0, lows[a] - highs[b], lows[b] - highs[a])
        years = None if None in (ages[a], ages[b]) else int(apart)
        return Pair(names[a], names[b], kind, distance, ages[a], ages[b], genders[a], genders[b], years)

    pairs = [
        label(*both, "same file" if names[both[0]] == names[both[1]] else "identical", 0)
        for same in rows
        for both in combinations(same, 2)
    ]
    for pair in near:
        kind = "mirrored" if pair.mirrored else "near"
        both_rows = product(rows[pair.first], rows[pair.second])
        pairs += [label(*both, kind, pair.distance) for both in both_rows]
    return tuple(sorted(pairs, key=lambda pair: (pair.a, pair.b)))
