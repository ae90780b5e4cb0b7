"""Splits that a data set brings itself: they stay as they are, are completed and are checked."""

from collections.abc import Callable, Sequence

import pandas as pd

from agelens.data.table import SPLITS

Draw = Callable[[pd.DataFrame, Sequence[float]], "pd.Series[str]"]


def has_given_splits(table: pd.DataFrame) -> bool:
    """Whether a column ``split`` says of at least one row where it belongs."""
    return "split" in table.columns and bool((table["split"] != "").any())


def complete_splits(table: pd.DataFrame, draw: Draw, split_ratios: Sequence[float]) -> pd.DataFrame:
    """Return the table with a split for each row; those that are given stay.

    A row without one goes where the group of its near duplicates is given to; the others are drawn by the shares. A
    source that gives a training split and no validation split has its share of that taken out of the training rows, by
    whole groups.

    Args:
        table: a face table with the columns ``group`` and ``split``, "" where none is given.
        draw: gives the split of each row of a table, by the shares of train, validation and test.
        split_ratios: these shares.
    """
    given = table["split"]
    # Where a group is given to several splits, the one that leaks least: a face like a test face is not learned from.
    rank = given.map({"": -1, **{name: place for place, name in enumerate(SPLITS)}})
    by_group = rank.groupby(table["group"]).transform("max")
    split = given.where(given != "", by_group.map(dict(enumerate(SPLITS))).fillna(""))
    free = split == ""
    if table.loc[free, "group"].nunique() >= len(SPLITS):
        split[free] = draw(table[free], split_ratios)
    else:
        # Too few to be shared out.
        split[free] = SPLITS[0]
    groups = _groups_to_validate(table, split)
    chosen = table["group"].isin(groups)
    # Too few groups leave a source as it is, where another one has validation faces.
    if len(groups) >= 2 or (len(groups) and not (split == "validation").any()):
        train, validation, _ = split_ratios
        whole = train + validation
        split[chosen] = draw(table[chosen], (train / whole, validation / whole, 0.0))
    return table.assign(split=split.astype(str))


def _groups_to_validate(table: pd.DataFrame, split: "pd.Series[str]") -> pd.Index:
    """The groups of which some become validation: of training faces of sources that were given no validation faces.

    A group moves as a whole, or it would leak where the column did not: one that a source with a validation split
    of its own gives to training, or that stands in another split too, stays.
    """
    given = table["split"]
    source = table["source"] if "source" in table.columns else pd.Series("", index=table.index)
    has_validation = (given == "validation").groupby(source).transform("any")
    fixed = (split != "train") | ((given == "train") & has_validation)
    open_groups = set(table.loc[(given == "train") & ~has_validation, "group"])
    return pd.Index(sorted(open_groups - set(table.loc[fixed, "group"])))


def describe_given_splits(before: pd.DataFrame, after: pd.DataFrame) -> list[str]:
    """Return what a person must know of splits that the data brought: what was added to them, and what leaks.

    Args:
        before: the table with the splits that were given.
        after: the same with all of them.
    """
    given = before["split"]
    told = [f"the column split is taken as it is for {_faces(int((given != '').sum()))}"]
    moved = int(((given == "train") & (after["split"] == "validation")).sum())
    if moved:
        told.append(f"it names no validation split, so {_faces(moved)} of its training split become one")
    torn = after.groupby("group")["split"].nunique()
    leaks = torn[torn > 1].index
    if len(leaks):
        rows = after[after["group"] == leaks[0]].drop_duplicates("split")
        example = " and ".join(
            f"{path} ({split})" for path, split in zip(rows["path"], rows["split"], strict=True)
        )
        groups = "1 group" if len(leaks) == 1 else f"{len(leaks):,} groups"
        told.append(
            f"THE COLUMN split LEAKS: {groups} of identical or near-identical pictures stand in several splits, such "
            f"as {example}; figures are too good, and without the column AgeLens draws splits that do not leak"
        )
    return told


def _faces(count: int) -> str:
    return "1 face" if count == 1 else f"{count:,} faces"
