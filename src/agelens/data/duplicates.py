"""Files that show the same picture, with the labels that they carry: groups, and the pairs that join each group."""

from dataclasses import dataclass
from typing import Literal

import pandas as pd

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
        a_age: years; likewise b_age.
        a_gender: 0 male, 1 female; likewise b_gender.
    """

    a: str
    b: str
    kind: str
    distance: int
    a_age: int
    b_age: int
    a_gender: int
    b_gender: int

    def disagrees(self, label: Label) -> bool:
        """Whether the two files carry different labels."""
        if label == "age":
            return self.a_age != self.b_age
        return self.a_gender != self.b_gender


@dataclass(frozen=True)
class DuplicateGroup:
    """All files that show the same picture, two or more.

    Attributes:
        files: names of the files, in order; a file that a manifest lists twice stands here twice.
        ages: the ages, years, that they are labelled with, each once, in order. genders: likewise, 0 male, 1 female.
        identical: whether all files have the same bytes.
    """

    files: tuple[str, ...]
    ages: tuple[int, ...]
    genders: tuple[int, ...]
    identical: bool

    def disagrees(self, label: Label) -> bool:
        """Whether the files carry different labels: at least one of them is wrong."""
        return len(self.ages if label == "age" else self.genders) > 1


def describe_groups(
    table: pd.DataFrame, names: list[str], group_of: dict[str, str]
) -> tuple[DuplicateGroup, ...]:
    """Return the groups of two files and more, in order of their files.

    Args:
        table: a face table. names: how its files are called, row by row.
        group_of: for each digest its group (`Audit.group_of`).
    """
    rows = table[["digest", "age", "gender"]].assign(name=names, group=table["digest"].map(group_of))
    shared = rows[rows["group"].notna() & rows["group"].duplicated(keep=False)]
    return tuple(
        sorted(
            (
                DuplicateGroup(
                    tuple(sorted(group["name"])),
                    tuple(sorted(set(group["age"].dropna().tolist()))),
                    tuple(sorted(set(group["gender"].dropna().tolist()))),
                    group["digest"].nunique() == 1,
                )
                for _, group in shared.groupby("group")
            ),
            key=lambda group: group.files,
        )
    )


def joining_pairs(
    table: pd.DataFrame, names: list[str], rows: list[list[int]], near: list[NearDuplicate]
) -> tuple[Pair, ...]:
    """Return the pairs of files that join each group, in order of name.

    The first of identical files is paired with each of the others, and stands for them beside files with other bytes.

    Args:
        table: a face table. names: how its files are called, row by row.
        rows: for each image the rows of its identical files.
        near: pairs of these images that look alike, by their place in ``rows``.
    """
    ages, genders = table["age"].tolist(), table["gender"].tolist()

    def label(one: int, other: int, kind: str, distance: int) -> Pair:
        a, b = sorted((one, other), key=order)
        return Pair(names[a], names[b], kind, distance, ages[a], ages[b], genders[a], genders[b])

    def order(row: int) -> tuple[str, int, int]:
        return names[row], ages[row], genders[row]

    rows = [sorted(same, key=order) for same in rows]
    pairs = [
        label(same[0], other, "same file" if names[same[0]] == names[other] else "identical", 0)
        for same in rows
        for other in same[1:]
    ]
    for pair in near:
        kind = "mirrored" if pair.mirrored else "near"
        pairs.append(label(rows[pair.first][0], rows[pair.second][0], kind, pair.distance))
    return tuple(sorted(pairs, key=lambda pair: (pair.a, pair.b)))
