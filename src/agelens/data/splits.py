"""The split: which faces a network learns from, which choose its epoch, which calibrate it, which measure it.

scikit-learn's StratifiedGroupKFold keeps groups whole too, but it makes equal folds only (80/10/10 is a
tenfold split of which eight are joined) and its draw changes with the order of the rows and with NumPy's
generator. On UTKFace (19,013 faces, 18,272 groups, 18 strata) it takes 4.3 s and meets the shares of each
stratum to within 1 face; this module takes 0.15 s and meets them to within 4.2 faces, for groups whose labels
conflict lie across strata and are counted where their first file belongs.
"""

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from agelens.data.given_splits import complete_splits, describe_given_splits, has_given_splits
from agelens.data.labels import age_band, age_bounds
from agelens.data.split_ratios import DEFAULT_SPLIT_RATIOS, SplitRatios, check_split_ratios
from agelens.data.table import ORIGINAL_COLUMNS, SPLITS
from agelens.errors import AgeLensError

# The half of the validation split that a training sets apart, to fit intervals and temperature on.
CALIBRATION = "calibration"
# Of fewer validation faces no half would do for both uses.
_LEAST_TO_HALVE = 400

# Pictures of the smallest split that a source must have to be split by itself.
_LEAST_IN_SPLIT = 3


class _Group(NamedTuple):
    """Faces that stay together.

    Attributes:
        name: value of the column ``group``.
        faces: how many rows.
        rank: pseudo-random digits from the seed and the smallest digest.
        source: of the row with the smallest digest.
        stratum: band and gender of that row; "" and -1 where they are not known.
    """

    name: str
    faces: int
    rank: str
    source: str
    stratum: tuple[str, int]


def split(
    table: pd.DataFrame, seed: int = 42, split_ratios: SplitRatios = DEFAULT_SPLIT_RATIOS
) -> pd.DataFrame:
    """Give each face its split, so that no picture is in two splits and the splits have the same mix of labels.

    Each source is split by itself, so that its faces stay where they are when another source is added; only sources of
    a few pictures are split together. Within each stratum (band of ten years and gender) the groups come in an order
    that the seed and the digests decide, and each goes to the split that lacks most faces. What a split got too little
    or too much by rounding is carried into the next stratum of the source, so that small strata do not all end in the
    training split.

    Args:
        table: a face table with the column ``group`` (`Audit.usable`); rows of one group stay together. Splits that
            its column ``split`` gives stay as they are (`agelens.data.given_splits`).
        seed: another seed draws another split.
        split_ratios: shares of train, validation and test, each above 0, together 1.

    Returns:
        The same rows in the same order with the column ``split``, one of SPLITS. The same seed, digests (of crops
        those of their photographs), labels and groups give the same splits, wherever the files lie and however the
        rows are ordered.

    Raises:
        AgeLensError: the split ratios are not shares of a whole, or there are fewer groups than splits.
    """
    check_split_ratios(split_ratios)
    if "group" not in table.columns:
        raise AgeLensError(
            "The face table has no column group; audit the images first, or duplicates would leak."
        )
    if has_given_splits(table):
        return complete_splits(table, lambda rows, ratios: _draw(rows, seed, ratios), split_ratios)
    return table.assign(split=_draw(table, seed, split_ratios))


def _draw(table: pd.DataFrame, seed: int, split_ratios: Sequence[float]) -> "pd.Series[str]":
    """The split of each row, drawn as `split` says; shares of 0 are given none."""
    wanted = {name: ratio for name, ratio in zip(SPLITS, split_ratios, strict=True) if ratio > 0}
    groups = _groups(table, seed)
    if len(groups) < len(wanted):
        raise AgeLensError(
            f"{len(table)} faces that show {len(groups)} different pictures are too few for the splits "
            f"{', '.join(SPLITS)}; add images."
        )
    split_of = _assign(groups, wanted)
    _fill_empty_splits(groups, split_of, tuple(wanted))
    return table["group"].map(split_of).astype(str)


def split_if_enough(
    table: pd.DataFrame, seed: int, split_ratios: SplitRatios, say: Callable[[str], None]
) -> pd.DataFrame:
    """The same, or, where there are fewer groups than splits, the table without splits: it can be measured on."""
    given = has_given_splits(table)
    if "group" in table.columns and table["group"].nunique() < len(SPLITS) and not given:
        say(
            f"{_pictures(table)} too few for the splits {', '.join(SPLITS)}: no network can be trained on them, but "
            "one that is there already can be measured (agelens evaluate --bundle)."
        )
        return table
    done = split(table, seed, split_ratios)
    for note in describe_given_splits(table, done) if given else ():
        say(note)
    return done


def describe_splits(table: pd.DataFrame) -> str:
    """Return in words how many faces each split of a table has, and their shares."""
    counts = table["split"].value_counts()
    told = (f"{name} {counts.get(name, 0):,} ({counts.get(name, 0) / len(table):.0%})" for name in SPLITS)
    return f"split: {', '.join(told)}".replace("%", " %")


def check_parts(table: pd.DataFrame, folder: Path) -> None:
    """Refuse, with an AgeLensError, the table of a study that was too small to be split."""
    if "split" not in table.columns:
        raise AgeLensError(
            f"{_pictures(table)} too few for the splits {', '.join(SPLITS)}, so nothing can be compared or trained in "
            f"{folder}; add images."
        )


def _pictures(table: pd.DataFrame) -> str:
    pictures = table["group"].nunique()
    faces = "1 face shows" if len(table) == 1 else f"{len(table)} faces show"
    return f"{faces} 1 picture," if pictures == 1 else f"{faces} {pictures} different pictures,"


def shared_groups(table: pd.DataFrame) -> int:
    """Return how many groups of a split table stand in more than one split; anything but 0 is a leak."""
    return int((table.groupby("group")["split"].nunique() > 1).sum())


def _groups(table: pd.DataFrame, seed: int) -> list[_Group]:
    """The groups of a table; nothing here depends on the order of its rows."""
    # Identical files may carry different labels: labels break the tie between equal digests.
    rows = table.assign(
        known_by=_lasting_digests(table),
        band=age_band(table["age"]).fillna(""),
        sex=table["gender"].fillna(-1).astype(int),
        origin=table["source"] if "source" in table.columns else "",
    ).sort_values(["known_by", "age", "gender"])
    heads = rows.drop_duplicates("group")
    sizes = rows["group"].value_counts()
    return [
        _Group(name, int(sizes[name]), _rank(seed, digest), origin, (band, gender))
        for name, digest, origin, band, gender in zip(
            *(heads[column] for column in ("group", "known_by", "origin", "band", "sex")), strict=True
        )
    ]


def _lasting_digests(table: pd.DataFrame) -> "pd.Series[str]":
    """The digest of each image, or of the photograph that it was cut from: crops differ from processor to processor."""
    original = ORIGINAL_COLUMNS[1]
    if original not in table.columns:
        return table["digest"]
    return table[original].where(table[original].fillna("") != "", table["digest"])


def _rank(seed: int, digest: str) -> str:
    return hashlib.sha256(f"{seed}:{digest}".encode()).hexdigest()


def _assign(groups: list[_Group], split_ratios: dict[str, float]) -> dict[str, str]:
    sizes = Counter(group.source for group in groups)
    # What is too small to have all splits itself is split together with others of its kind.
    least = math.ceil(_LEAST_IN_SPLIT / min(split_ratios.values()))
    sources: dict[str, dict[tuple[str, str, int], list[_Group]]] = defaultdict(lambda: defaultdict(list))
    for group in groups:
        pool = group.source if sizes[group.source] >= least else ""
        sources[pool][(group.source, *group.stratum)].append(group)
    split_of: dict[str, str] = {}
    for strata in sources.values():
        split_of |= _assign_strata([members for _, members in sorted(strata.items())], split_ratios)
    return split_of


def _assign_strata(strata: list[list[_Group]], split_ratios: dict[str, float]) -> dict[str, str]:
    split_of: dict[str, str] = {}
    lacking = dict.fromkeys(split_ratios, 0.0)
    for members in strata:
        faces = sum(group.faces for group in members)
        for split, ratio in split_ratios.items():
            lacking[split] += ratio * faces
        # A group that the smallest split cannot hold comes first, while the largest still has room.
        room = min(split_ratios.values()) * faces
        for group in sorted(members, key=lambda group: (group.faces <= max(1.0, room), group.rank)):
            # SPLITS in order decide between equals, whatever the last bit of a sum of split ratios says.
            split = max(split_ratios, key=lambda split: round(lacking[split], 6))
            split_of[group.name] = split
            lacking[split] -= group.faces
    return split_of


def _fill_empty_splits(groups: list[_Group], split_of: dict[str, str], splits: tuple[str, ...]) -> None:
    """With a handful of faces rounding may leave a split empty: it takes a group from the fullest split."""
    for empty in [split for split in splits if split not in split_of.values()]:
        fullest, _ = Counter(split_of.values()).most_common(1)[0]
        donors = (group for group in groups if split_of[group.name] == fullest)
        split_of[min(donors, key=lambda group: (group.faces, group.rank)).name] = empty


def hold_out_calibration(table: pd.DataFrame) -> pd.DataFrame:
    """Set half of the validation split apart as the split "calibration", for one training.

    Conformal intervals hold what they promise on faces that had no part in making the network, and its epoch is chosen
    on validation faces (Romano, Patterson and Candès 2019 fit them on a set of its own). The halves have the same mix
    of sources and labels, and no group of near duplicates stands in both; digests decide, so that every training of a
    table halves alike.

    Args:
        table: a face table that is split.

    Returns:
        The same rows; those of a validation split of fewer than 400 faces stay as they are, and serve both uses.
    """
    held_out = table[table["split"] == "validation"]
    # A table that somebody split without an audit names no groups; identical files are one all the same.
    group = "group" if "group" in table.columns else "digest"
    if len(held_out) < _LEAST_TO_HALVE or held_out[group].nunique() < 2:
        return table
    half_of = _assign(
        _groups(held_out.assign(group=held_out[group]), 0), {"validation": 0.5, CALIBRATION: 0.5}
    )
    halves = table["split"].where(table["split"] != "validation", table[group].map(half_of))
    return table.assign(split=halves.astype(str))


def learning_splits(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The rows that a network learns from, that choose among its epochs and that calibrate it.

    Returns:
        by "train", "validation" and "calibration"; where nothing was set apart to calibrate on, the validation rows do.

    Raises:
        AgeLensError: there are none to learn from or to choose by.
    """
    splits = {
        name: table[table["split"] == name].reset_index(drop=True)
        for name in ("train", "validation", CALIBRATION)
    }
    if splits["train"].empty or splits["validation"].empty:
        raise AgeLensError("The table has no training or no validation split; split it first.")
    if splits[CALIBRATION].empty:
        splits[CALIBRATION] = splits["validation"]
    return splits


def count_splits(table: pd.DataFrame) -> dict[str, int]:
    """How many faces of a table made a network: in "train", "validation" and, if there are any, "calibration"."""
    counts = {name: int((table["split"] == name).sum()) for name in ("train", "validation", CALIBRATION)}
    return {name: count for name, count in counts.items() if count or name != CALIBRATION}


def without_conflicts(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows whose group of identical or near-identical pictures agrees on age and gender.

    Groups of ages agree where they overlap, and a label that is missing agrees with any.
    """
    low, high = age_bounds(rows)
    bounds = rows[["group", "gender"]].assign(low=low, high=high).groupby("group")
    torn = bounds["low"].transform("max") > bounds["high"].transform("min")
    return rows[~torn & (bounds["gender"].transform("nunique") <= 1)]
