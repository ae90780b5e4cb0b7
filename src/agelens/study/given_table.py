"""A study that begins with a face table that somebody has split already."""

import pandas as pd

from agelens.data.splits import check_parts, shared_groups
from agelens.data.table import COLUMNS, SPLITS, digest_table, write_table
from agelens.errors import AgeLensError
from agelens.study.folder import DEFAULT_SEED, StudyFolder, are_synthetic
from agelens.utils.environment import machine, versions

SOURCE = "a face table"


def take_table(folder: StudyFolder, table: pd.DataFrame, seed: int | None = None) -> None:
    """Begin a study with a split face table as it is; a folder that was begun with the same table goes on.

    Args:
        table: a face table with the column ``split``.
        seed: of the study; None is the folder's own, or 42 for a new one.

    Raises:
        AgeLensError: the table lacks columns, tears a group of near duplicates apart, or the folder holds the study of
            another source.
    """
    missing = [column for column in COLUMNS if column not in table.columns]
    if missing:
        raise AgeLensError(
            f"The face table has no column {', '.join(missing)}; agelens.read_faces makes whole ones."
        )
    if unknown := sorted(set(table["split"].astype(str)) - set(SPLITS)):
        raise AgeLensError(f"There is no split {unknown[0]!r}; a face is in one of {', '.join(SPLITS)}.")
    check_parts(table, folder.folder)
    if "group" in table.columns and (torn := shared_groups(table)):
        raise AgeLensError(
            f"{torn} groups of near duplicates stand in more than one split, so every figure would look better than "
            "it is; split the table with agelens.split."
        )
    shares = table["split"].value_counts(normalize=True)
    origin = {
        "source": SOURCE,
        "seed": folder.config.get("seed", DEFAULT_SEED) if seed is None else seed,
        "limit": None,
        "split_ratios": [round(float(shares.get(split, 0.0)), 9) for split in SPLITS],
    }
    folder.refuse_others(origin)
    folder.take()
    folder.refuse_others(origin)
    folder.config.update(
        {**origin, "synthetic": are_synthetic(table), "versions": versions(), "machine": machine()}
    )
    settings = {**origin, "table": digest_table(table)}
    folder.step(
        "audit", settings, ["table.csv"], lambda: write_table(table, folder.folder / "table.csv"), packages=()
    )
