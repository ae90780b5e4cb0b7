"""Intervals of shares: how far a share of faces may be from the share of all such faces."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from agelens.evaluation.resampling import CONFIDENCE, Codes

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Share:
    """A share of faces with its 95 % interval.

    Attributes:
        value: 0 to 1.
        faces: how many faces it is a share of.
        hits: how many of them count.
        low, high: ends of the interval, 0 to 1.
    """

    value: float
    faces: int
    hits: int
    low: float
    high: float

    @property
    def ci95(self) -> list[float]:
        """[low, high], as the JSON files hold it."""
        return [self.low, self.high]


def wilson(share: float, size: float) -> tuple[float, float]:
    """Return the score interval of a share (Wilson 1927), which stays open at 0 and at 1: 16 of 16 is 0.81 to 1.

    Args:
        share: 0 to 1.
        size: how many independent faces it comes from; need not be whole.

    Returns:
        low and high, 0 to 1.

    Raises:
        ValueError: there is no face.
    """
    if size <= 0:
        raise ValueError("A share of no faces has no interval.")
    z = float(stats.norm.ppf(0.5 + CONFIDENCE / 2))
    middle = share + z**2 / (2 * size)
    reach = z * math.sqrt(share * (1 - share) / size + z**2 / (4 * size**2))
    scale = 1 + z**2 / size
    # Rounding must not leave the share itself outside.
    low, high = max(0.0, (middle - reach) / scale), min(1.0, (middle + reach) / scale)
    return min(low, share), max(high, share)


def effective_size(hits: Array, clusters: Codes | None) -> float:
    """Return how many independent faces tell as much of a share as these, of which some show the same picture.

    The number of faces is divided by the design effect (Kish 1965), as Korn and Graubard (1998) do for intervals of
    shares from clustered samples. Where all faces are alike it cannot be told, and each duplicate group counts once.

    Args:
        hits: 0 or 1 a face, (faces,).
        clusters: the duplicate group of each face, (faces,), whole numbers; None where each is its own.
    """
    count = len(hits)
    if clusters is None:
        return float(count)
    codes = np.unique(clusters, return_inverse=True)[1]
    groups = int(codes.max()) + 1
    if groups == count:
        return float(count)
    share = float(hits.mean())
    if share in (0.0, 1.0) or groups < 2:
        return float(groups)
    residuals = np.bincount(codes, weights=hits - share)
    clustered = float((residuals**2).sum()) / count**2 * groups / (groups - 1)
    alone = share * (1 - share) / (count - 1)
    return count / max(1.0, clustered / alone)


def share_of(hits: Array, clusters: Codes | None = None) -> Share | None:
    """Return the share of faces that count, with its interval; None where there is no face.

    Args:
        hits: 0 or 1 a face, (faces,).
        clusters: as for `effective_size`.
    """
    hits = np.asarray(hits, np.float64)
    if not len(hits):
        return None
    value = float(hits.mean())
    return Share(value, len(hits), int(hits.sum()), *wilson(value, effective_size(hits, clusters)))
