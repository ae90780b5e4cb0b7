"""Files that show the same picture, with the labels that they carry: groups, and the pairs that join each group."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from agelens.data.labels import age_bounds
from agelens.data.near_duplicates import NearDuplicate

Label = Literal["age", "gender"]


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
class DuplicateGroup:
    """All files that show the same picture, two or more.

    Attributes:
        files: names of the files, in order; a file that a manifest lists twice stands here twice.
        pairs: what joins them, one pair fewer than there are files, in order of name.
    """

    files: tuple[str, ...]
    pairs: tuple[Pair, ...]

    @property
    def is_identical(self) -> bool:
        """Whether all files have the same bytes."""
        return all(pair.kind in ("identical", "same file") for pair in self.pairs)

    def disagrees(self, label: Label) -> bool:
        """Whether files carry different labels: at least one of them is wrong."""
        return any(pair.disagrees(label) for pair in self.pairs)


def label_groups(
    table: pd.DataFrame,
    names: list[str],
    images: list[str],
    near: list[NearDuplicate],
    group_of: dict[str, str],
) -> tuple[DuplicateGroup, ...]:
    """Return the groups of two files and more, in order of their files.

    The first of identical files is paired with each of the others, and stands for them beside files with other bytes.

    Args:
        table: a face table. names: how its files are called, row by row.
        images: digests of the readable images. near: pairs of them that look alike, by their place in it.
        group_of: for each of these digests its group (`Audit.group_of`).
    """
    rows_of: dict[str, list[int]] = {digest: [] for digest in images}
    for row, digest in enumerate(table["digest"]):
        if digest in rows_of:
            rows_of[digest].append(row)
    files: dict[str, list[str]] = {}
    for digest, rows in rows_of.items():
        files.setdefault(group_of[digest], []).extend(names[row] for row in rows)
    pairs: dict[str, list[Pair]] = {}
    for digest, pair in _joining_pairs(table, names, rows_of, near):
        pairs.setdefault(group_of[digest], []).append(pair)
    groups = [
        DuplicateGroup(tuple(sorted(files[group])), tuple(sorted(joining, key=lambda pair: (pair.a, pair.b))))
        for group, joining in pairs.items()
    ]
    return tuple(sorted(groups, key=lambda group: group.files))


def _joining_pairs(
    table: pd.DataFrame, names: list[str], rows_of: dict[str, list[int]], near: list[NearDuplicate]
) -> Iterator[tuple[str, Pair]]:
    """The pairs of files that join each group, with the digest of one of them."""
    ages, genders = (
        [None if value != value else int(value) for value in table[label]] for label in ("age", "gender")
    )
    lows, highs = (bounds.tolist() for bounds in age_bounds(table))

    def order(row: int) -> tuple[str, str, str]:
        # Labels only decide between rows of one file, and may be missing.
        return names[row], str(ages[row]), str(genders[row])

    def label(one: int, other: int, kind: str, distance: int) -> Pair:
        a, b = sorted((one, other), key=order)
        apart = max(0.0, lows[a] - highs[b], lows[b] - highs[a])
        years = None if None in (ages[a], ages[b]) else int(apart)
        return Pair(names[a], names[b], kind, distance, ages[a], ages[b], genders[a], genders[b], years)

    digests, rows = list(rows_of), [sorted(same, key=order) for same in rows_of.values()]
    for digest, (first, *others) in zip(digests, rows, strict=True):
        for other in others:
            yield digest, label(first, other, "same file" if names[first] == names[other] else "identical", 0)
    for pair in near:
        kind = "mirrored" if pair.mirrored else "near"
        yield digests[pair.first], label(rows[pair.first][0], rows[pair.second][0], kind, pair.distance)
