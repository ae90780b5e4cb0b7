"""The split: which faces a network learns from, which choose among networks, which measure the chosen one.

scikit-learn's StratifiedGroupKFold keeps groups whole too, but it makes equal folds only (80/10/10 is a
tenfold split of which eight are joined) and its draw changes with the order of the rows and with NumPy's
generator. On UTKFace (19,013 faces, 18,272 groups, 18 strata) it takes 4.3 s and meets the shares of each
stratum to within 1 face; this module takes 0.15 s and meets them to within 4.2 faces, for groups whose labels
conflict lie across strata and are counted where their first file belongs.
"""

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from agelens.data.labels import age_band
from agelens.data.table import PARTS
from agelens.errors import AgeLensError

Fractions = tuple[float, float, float]
DEFAULT_FRACTIONS: Fractions = (0.8, 0.1, 0.1)


class _Group(NamedTuple):
    """Faces that stay together.

    Attributes:
        name: value of the column ``group``.
        faces: how many rows.
        rank: pseudo-random digits from the seed and the smallest digest.
        stratum: band and gender of the row with the smallest digest.
    """

    name: str
    faces: int
    rank: str
    stratum: tuple[str, int]


def split(table: pd.DataFrame, seed: int = 42, fractions: Fractions = DEFAULT_FRACTIONS) -> pd.DataFrame:
    """Give each face its part, so that no picture is in two parts and the parts have the same mix of labels.

    Within each stratum (band of ten years and gender) the groups come in an order that the seed and the
    digests decide, and each goes to the part that lacks most faces. What a part got too little or too much by
    rounding is carried into the next stratum, so that small strata do not all end in the training part.

    Args:
        table: a face table with the column ``group`` (`Audit.usable`); rows of one group stay together.
        seed: another seed draws another split.
        fractions: shares of train, validation and test, each above 0, together 1.

    Returns:
        The same rows in the same order with the column ``part``, one of PARTS. The same seed, digests, labels
        and groups give the same parts, wherever the files lie and however the rows are ordered.

    Raises:
        AgeLensError: the fractions are not shares of a whole, or there are fewer groups than parts.
    """
    check_fractions(fractions)
    if "group" not in table.columns:
        raise AgeLensError(
            "The face table has no column group; audit the images first, or duplicates would leak."
        )
    groups = _groups(table, seed)
    if len(groups) < len(PARTS):
        raise AgeLensError(
            f"{len(table)} faces that show {len(groups)} different pictures are too few to give each of "
            f"{', '.join(PARTS)} at least one; add images."
        )
    part_of = _assign(groups, fractions)
    _fill_empty_parts(groups, part_of)
    return table.assign(part=table["group"].map(part_of).astype(str))


def split_if_enough(
    table: pd.DataFrame, seed: int, fractions: Fractions, say: Callable[[str], None]
) -> pd.DataFrame:
    """The same, or, where there are fewer groups than parts, the table without parts: it can be measured on."""
    if "group" in table.columns and table["group"].nunique() < len(PARTS):
        say(
            f"{_pictures(table)} too few for a part each of {', '.join(PARTS)}: no network can be trained on them, but "
            "one that is there already can be measured (agelens evaluate --bundle)."
        )
        return table
    return split(table, seed, fractions)


def check_parts(table: pd.DataFrame, folder: Path) -> None:
    """Refuse, with an AgeLensError, the table of a run that was too small to be split."""
    if "part" not in table.columns:
        raise AgeLensError(
            f"{_pictures(table)} too few to give each of {', '.join(PARTS)} at least one, so that nothing can be "
            f"compared or trained in {folder}; add images."
        )


def _pictures(table: pd.DataFrame) -> str:
    pictures = table["group"].nunique()
    faces = "1 face shows" if len(table) == 1 else f"{len(table)} faces show"
    return f"{faces} 1 picture," if pictures == 1 else f"{faces} {pictures} different pictures,"


def shared_groups(table: pd.DataFrame) -> int:
    """How many groups of a split table stand in more than one part; anything but 0 is a leak."""
    return int((table.groupby("group")["part"].nunique() > 1).sum())


def read_fractions(text: str) -> Fractions:
    """Read shares of train, validation and test as a person writes them: "86/4/10" or "0.86/0.04/0.1".

    Raises:
        AgeLensError: they are not three numbers above 0.
    """
    try:
        shares = [float(share) for share in text.split("/")]
    except ValueError:
        shares = []
    if len(shares) != len(PARTS) or not all(math.isfinite(share) and share > 0 for share in shares):
        raise AgeLensError(
            f"'{text}' does not give the shares of {', '.join(PARTS)}; write three numbers above 0, as 80/10/10."
        )
    # The same shares are the same numbers, in whatever unit they were written.
    train, validation, test = (round(share / sum(shares), 9) for share in shares)
    return train, validation, test


def write_fractions(fractions: Fractions) -> str:
    """Shares of train, validation and test in percent, as `read_fractions` takes them: "86/4/10"."""
    return "/".join(f"{100 * fraction:.6g}" for fraction in fractions)


def check_fractions(fractions: Fractions) -> None:
    """Refuse fractions that are not three shares of a whole, with an AgeLensError."""
    whole = math.isclose(sum(fractions), 1.0, abs_tol=1e-6)
    if len(fractions) != len(PARTS) or not whole or not all(fraction > 0 for fraction in fractions):
        given = ", ".join(map(str, fractions))
        raise AgeLensError(
            f"The shares of {', '.join(PARTS)} must be three numbers above 0 that add up to 1, not {given}."
        )


def _groups(table: pd.DataFrame, seed: int) -> list[_Group]:
    """The groups of a table; nothing here depends on the order of its rows."""
    # Identical files may carry different labels: labels break the tie between equal digests.
    rows = table.assign(band=age_band(table["age"])).sort_values(["digest", "age", "gender"])
    heads = rows.drop_duplicates("group")
    sizes = rows["group"].value_counts()
    return [
        _Group(name, int(sizes[name]), _rank(seed, digest), (band, int(gender)))
        for name, digest, band, gender in zip(
            heads["group"], heads["digest"], heads["band"], heads["gender"], strict=True
        )
    ]


def _rank(seed: int, digest: str) -> str:
    return hashlib.sha256(f"{seed}:{digest}".encode()).hexdigest()


def _assign(groups: list[_Group], fractions: Fractions) -> dict[str, str]:
    strata: dict[tuple[str, int], list[_Group]] = defaultdict(list)
    for group in groups:
        strata[group.stratum].append(group)
    part_of: dict[str, str] = {}
    lacking = dict.fromkeys(PARTS, 0.0)
    for _, members in sorted(strata.items()):
        faces = sum(group.faces for group in members)
        for part, fraction in zip(PARTS, fractions, strict=True):
            lacking[part] += fraction * faces
        # A group that the smallest part cannot hold comes first, while the largest still has room.
        room = min(fractions) * faces
        for group in sorted(members, key=lambda group: (group.faces <= max(1.0, room), group.rank)):
            # PARTS in order decide between equals, whatever the last bit of a sum of fractions says.
            part = max(PARTS, key=lambda part: round(lacking[part], 6))
            part_of[group.name] = part
            lacking[part] -= group.faces
    return part_of


def _fill_empty_parts(groups: list[_Group], part_of: dict[str, str]) -> None:
    """With a handful of faces rounding may leave a part empty: it takes a group from the fullest part."""
    for empty in [part for part in PARTS if part not in part_of.values()]:
        fullest, _ = Counter(part_of.values()).most_common(1)[0]
        donors = (group for group in groups if part_of[group.name] == fullest)
        part_of[min(donors, key=lambda group: (group.faces, group.rank)).name] = empty


def learning_parts(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The rows that a network learns from and those that choose among its epochs: "train" and "validation".

    Raises:
        AgeLensError: there are none of one of them.
    """
    parts = {name: table[table["part"] == name].reset_index(drop=True) for name in ("train", "validation")}
    if any(part.empty for part in parts.values()):
        raise AgeLensError("The table has no training or no validation part; split it first.")
    return parts


def without_conflicts(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows whose group of identical or near-identical pictures agrees on age and gender."""
    labels = rows.groupby("group")[["age", "gender"]].transform("nunique")
    return rows[(labels == 1).all(axis=1)]
