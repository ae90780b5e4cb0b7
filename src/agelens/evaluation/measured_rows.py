"""Which rows of a face table are measured, and which of its columns make groups."""

from collections.abc import Sequence

import pandas as pd

from agelens.data.table import source_names
from agelens.errors import AgeLensError
from agelens.evaluation.groups import PAIR

# Columns that figures are told by have at most so many values: every pair of groups is told too.
MOST_VALUES = 50
# Kinds of groups that are no columns.
_RESERVED = frozenset({"age_band", "predicted_band", "age_range", "age_group"})


def choose_rows(table: pd.DataFrame, split: str) -> pd.DataFrame:
    """The rows of one split, or all of a table that is not split or for the split "all"."""
    if split == "all" or "split" not in table.columns:
        return table
    rows = table[table["split"] == split]
    if rows.empty:
        raise AgeLensError(f"The table has no rows in the split {split!r}.")
    return rows


def of_sources(rows: pd.DataFrame, sources: Sequence[str]) -> pd.DataFrame:
    """The rows of some sources, all of them where none is named; refuses names that no source has."""
    known = source_names(rows)
    if missing := [name for name in sources if name not in known]:
        raise AgeLensError(
            f"--sources {','.join(missing)}: the table has no such source, but {', '.join(known)}."
        )
    return rows[rows["source"].isin(sources)] if sources else rows


def check_columns(table: pd.DataFrame, group_by: Sequence[str]) -> None:
    """Refuse, with an AgeLensError, columns that the table lacks or that make no groups."""
    if missing := [name for name in group_by if name not in table.columns]:
        raise AgeLensError(
            f"--group-by {','.join(missing)}: the face table has no such column, but {', '.join(table.columns)}."
        )
    for name in group_by:
        if name in _RESERVED or any(sign in name for sign in (PAIR, "/", "\\")):
            raise AgeLensError(
                f"--group-by {name}: the name stands for something else in the figures, or holds a sign that it may "
                "not; rename the column."
            )
        if (values := table[name].nunique()) > MOST_VALUES:
            raise AgeLensError(
                f"--group-by {name}: the column has {values:,} different values, and at most {MOST_VALUES} make groups."
            )
