"""The groups that figures are told by."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agelens.data.labels import AGE_BANDS, GENDERS, age_band, age_bounds

GROUP_TITLES = {"age_band": "Age band (years)", "gender": "Gender label", "race": "Race label"}
SOURCE_TITLE = "Source"
# Ages for which the field publishes figures, first and last year.
AGE_RANGES = {"21 to 60": (21, 60), "16 and over": (16, 200)}
# Figures of fewer faces are marked: they may be far off.
FEW_FACES = 30
PAIR = " x "


def group_columns(rows: pd.DataFrame, group_by: Sequence[str] = ()) -> pd.DataFrame:
    """Return the group of each row by kind: age band, gender, race, and source where the table has several.

    Args:
        rows: of a face table.
        group_by: other columns, each of whose values is a group too.

    Returns:
        a column of names for each kind, in the order of GROUP_TITLES, then of group_by; "" where a row has none.
    """
    low, high = (age_band(pd.Series(ends, index=rows.index)) for ends in age_bounds(rows))
    columns = {
        # A group of ages such as 15-20 or 70+ lies in no band.
        "age_band": low.where(low == high),
        "gender": rows["gender"].map(dict(enumerate(GENDERS))),
        "race": rows["race"] if "race" in rows.columns else pd.Series("", index=rows.index),
    }
    if "source" in rows.columns and rows["source"].nunique() > 1:
        columns["source"] = rows["source"]
    columns |= {name: rows[name] for name in group_by if name not in columns}
    # Some rows may lack a label, and names of pairs are split at PAIR again.
    return pd.DataFrame(
        {
            kind: values.astype(object).fillna("").astype(str).str.replace(PAIR, " \u00d7 ")
            for kind, values in columns.items()
        }
    )


def groups_of(
    rows: pd.DataFrame, pairs: bool = False, group_by: Sequence[str] = ()
) -> dict[str, dict[str, NDArray[np.bool_]]]:
    """Return which rows belong to each group, by kind and name, without empty groups and empty kinds.

    Args:
        rows: of a face table.
        pairs: pairs of kinds too, such as "age_band x gender" with the groups "20-29 x female".
        group_by: other columns, each of whose values is a group too.
    """
    columns = group_columns(rows, group_by)
    found = {str(kind): _members(columns[kind], str(kind)) for kind in columns}
    if pairs:
        # With a kind of one group a pair would only repeat the other kind.
        for one, other in combinations([kind for kind, members in found.items() if len(members) > 1], 2):
            found[f"{one}{PAIR}{other}"] = {
                f"{name}{PAIR}{second}": both
                for name, members in found[one].items()
                for second, others in found[other].items()
                if (both := members & others).any()
            }
    return {kind: members for kind, members in found.items() if members}


def age_ranges(rows: pd.DataFrame) -> dict[str, NDArray[np.bool_]]:
    """Return which rows belong to each of AGE_RANGES; a group of ages such as 20-29 only where all of it does."""
    low, high = age_bounds(rows)
    return {name: (low >= least) & (high <= most) for name, (least, most) in AGE_RANGES.items()}


def kind_title(kind: str) -> str:
    """Return a kind of groups, or a pair of kinds, in words."""
    titles = {**GROUP_TITLES, "source": SOURCE_TITLE, "age_range": "Ages"}
    return " and ".join(titles.get(part, part) for part in kind.split(PAIR))


def _members(column: "pd.Series[str]", kind: str) -> dict[str, NDArray[np.bool_]]:
    order = {"age_band": AGE_BANDS, "gender": GENDERS}.get(kind) or sorted(set(column) - {""})
    return {name: chosen for name in order if (chosen := (column == name).to_numpy()).any()}
