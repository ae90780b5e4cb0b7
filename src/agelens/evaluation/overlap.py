"""Images that made a network, among those that it is to be measured on: refused, left out, or told."""

from typing import Literal

import pandas as pd

from agelens.bundles.bundle import Bundle
from agelens.errors import AgeLensError

# What becomes of images that made a network: the measurement is refused, or they are left out, or measured too.
Overlap = Literal["refuse", "skip", "allow"]


def without_overlap(rows: pd.DataFrame, table: pd.DataFrame, bundles: list[Bundle]) -> pd.DataFrame:
    """Those of the rows that made no network and, as far as an audit told, look like none in the table that did."""
    made = pd.Series(False, index=table.index)
    for bundle in bundles:
        made |= _training_split(table, bundle).notna()
    if "group" in table.columns:
        made |= table["group"].isin(table.loc[made, "group"].dropna())
    left = rows[~made.loc[rows.index]]
    if left.empty:
        raise AgeLensError(
            f"All {len(rows)} images made a network, or look like some that did; none is left to measure on. Use other "
            "images, or --overlap allow, and the result will say so."
        )
    return left


def check_seen(rows: pd.DataFrame, bundles: list[Bundle], overlap: Overlap) -> dict[str, dict[str, int]]:
    """How many of the rows made each task's network, by its own part; refused, with an AgeLensError, for "refuse"."""
    made = {task: _overlapping(rows, bundle) for bundle in bundles for task in bundle.tasks}
    if any(made.values()) and overlap == "refuse":
        raise AgeLensError(_refusal(made, len(rows)))
    return made


def _overlapping(rows: pd.DataFrame, bundle: Bundle) -> dict[str, int]:
    """How many of the rows made the network, by its own part."""
    splits = _training_split(rows, bundle).dropna()
    return {str(split): int(count) for split, count in splits.value_counts().items()}


def _training_split(rows: pd.DataFrame, bundle: Bundle) -> pd.Series:
    """The bundle's own split of each image, or of the photograph that it was cut from; missing where it saw neither."""
    splits = rows["digest"].map(bundle.training_images)
    if "original_digest" in rows.columns:
        splits = splits.fillna(rows["original_digest"].map(bundle.training_images))
    return splits


def _refusal(overlap: dict[str, dict[str, int]], total: int) -> str:
    words = "; ".join(
        f"{sum(counts.values())} of {total} were used to train, choose or calibrate the {task} network ("
        + ", ".join(f"{split} {count}" for split, count in sorted(counts.items()))
        + ")"
        for task, counts in overlap.items()
        if counts
    )
    return (
        f"A network is not measured on images that made it: {words}. Use other images, or leave these out "
        "with --overlap skip, or measure them too with --overlap allow, and the result will say so."
    )
