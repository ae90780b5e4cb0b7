"""Labels as losses of fine-tuning take them: exact ages, groups of ages, and faces that lack one of the two labels."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agelens.data.labels import AGE_RANGE, age_bounds

# Stands for a gender that is not labelled.
UNLABELLED = -1.0


def training_labels(rows: pd.DataFrame, task: str) -> NDArray[np.float32]:
    """Return the labels of a task.

    Args:
        rows: of a face table.
        task: "age" or "gender".

    Returns:
        float32. Of age (rows,), years, where all are known exactly; else (rows, 2), first and last year of what is
        known, and 0 to 116 where nothing is: such a group holds the whole distribution, and teaches nothing. Of gender
        (rows,), 0, 1, or UNLABELLED.
    """
    if task == "gender":
        return rows["gender"].fillna(UNLABELLED).to_numpy(np.float32)
    low, high = age_bounds(rows)
    if bool((low == high).all()):
        return low.astype(np.float32)
    bounds = np.column_stack([np.nan_to_num(low, nan=AGE_RANGE[0]), np.nan_to_num(high, nan=AGE_RANGE[1])])
    return bounds.astype(np.float32)


def lacks_genders(rows: pd.DataFrame) -> bool:
    """Whether some rows have no gender, so that the loss must leave them out."""
    return bool(rows["gender"].isna().any())
