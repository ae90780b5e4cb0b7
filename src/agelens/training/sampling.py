"""How often each face is drawn: neither do the many decide alone, nor do the old and the children stay rare."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agelens.data.labels import age_band


def sampling_weights(
    rows: pd.DataFrame, source_balance: float, age_balance: float
) -> NDArray[np.float64] | None:
    """Return how likely each face is to be drawn, or None where all are equally likely.

    A source of n faces is drawn in proportion to n to the power of 1 - `source_balance`; within it, a band of ten years
    that has m faces in proportion to m to the power of 1 - `age_balance`. 0 leaves the faces as they are, 1 makes
    sources, or bands, equal.

    Args:
        rows: of a face table; of a group of ages the middle decides its band.
        source_balance: 0 to 1. age_balance: 0 to 1.

    Returns:
        float64 (rows,), above 0, together 1.
    """
    source = rows["source"] if "source" in rows.columns else pd.Series("", index=rows.index)
    band = age_band(rows["age"]).fillna("")
    in_source = source.groupby(source).transform("size").to_numpy(np.float64)
    in_band = source.groupby([source, band]).transform("size").to_numpy(np.float64)
    within = pd.Series(in_band**-age_balance, index=rows.index)
    share = (within / within.groupby(source).transform("sum")).to_numpy(np.float64)
    weights = in_source ** (1 - source_balance) * share
    weights /= weights.sum()
    return None if np.allclose(weights, weights[0], rtol=1e-9) else weights


def draw_rows(weights: NDArray[np.float64], chance: np.random.Generator) -> NDArray[np.int64]:
    """Return as many rows as there are, drawn by their weights, in an order by chance.

    A row whose expected number is 2.3 is drawn twice or three times (systematic sampling), so that an epoch is as
    balanced as whole numbers allow.
    """
    order = chance.permutation(len(weights))
    ends = np.cumsum(weights[order])
    places = (np.arange(len(weights)) + chance.random()) / len(weights) * ends[-1]
    return chance.permutation(order[np.searchsorted(ends, places, side="right").clip(max=len(weights) - 1)])
