"""Which faces of a table a figure can be told of: some tables know an age as a group only, or lack a label."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def knows_age(rows: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which rows have an exact age, and not a group ``age_min`` to ``age_max`` or none, (rows,)."""
    known = rows["age"].notna()
    if "age_min" in rows.columns:
        known &= rows["age_min"] == rows["age_max"]
    return known.to_numpy()


def knows_gender(rows: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which rows have a gender label, (rows,)."""
    return rows["gender"].notna().to_numpy()


def knows_side(rows: pd.DataFrame, limit: int) -> NDArray[np.bool_]:
    """Return which rows are known to lie under an age limit or not, (rows,); a group of ages may lie on both sides.

    Args:
        rows: of a face table.
        limit: years.
    """
    known = rows["age"].notna()
    if "age_min" in rows.columns:
        known &= (rows["age_max"] < limit) | (rows["age_min"] >= limit)
    return known.to_numpy()
