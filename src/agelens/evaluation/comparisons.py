"""Tests of differences that hold: paired or between groups, clustered by duplicates, corrected for their number."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from agelens.evaluation.resampling import Array, Codes

# A difference is told as one where chance alone would give it less often than this, after correction.
SIGNIFICANCE = 0.05


@dataclass(frozen=True)
class Difference:
    """A difference of two means and how likely chance alone would give one as large.

    Attributes:
        value: the first mean less the second.
        standard_error: of it.
        degrees: of freedom of Student's distribution.
    """

    value: float
    standard_error: float
    degrees: float

    @property
    def p(self) -> float:
        """The probability of a difference as large, either way, if there is none; 1 where too few faces tell."""
        if not self.degrees > 0:
            return 1.0
        if self.standard_error == 0:
            # Sums of equal values differ by rounding.
            return 0.0 if abs(self.value) > 1e-9 else 1.0
        return min(1.0, 2 * float(stats.t.sf(abs(self.value) / self.standard_error, self.degrees)))


def welch(first: Array, second: Array, first_clusters: Codes, second_clusters: Codes) -> Difference:
    """Return the difference of the means of two groups of faces (Welch 1947), variances by duplicate group.

    Where no face has a duplicate this is `scipy.stats.ttest_ind` with ``equal_var=False``.

    Args:
        first, second: one value a face.
        first_clusters, second_clusters: the duplicate group of each of these faces.
    """
    (one, one_groups), (other, other_groups) = (
        _squared_error(values, clusters)
        for values, clusters in ((first, first_clusters), (second, second_clusters))
    )
    total = one + other
    if min(one_groups, other_groups) < 2:
        degrees = 0.0
    elif total == 0:
        degrees = float(one_groups + other_groups - 2)
    else:
        degrees = total**2 / (one**2 / (one_groups - 1) + other**2 / (other_groups - 1))
    return Difference(float(first.mean() - second.mean()), float(np.sqrt(total)), degrees)


def paired(differences: Array, clusters: Codes) -> Difference:
    """Return the mean of differences within faces; without duplicates the paired test `scipy.stats.ttest_rel`.

    Args:
        differences: of each face, (faces,).
        clusters: the duplicate group of each face.
    """
    squared, groups = _squared_error(differences, clusters)
    return Difference(float(differences.mean()), float(np.sqrt(squared)), float(groups - 1))


def _squared_error(values: Array, clusters: Codes) -> tuple[float, int]:
    """The squared standard error of a mean from whole duplicate groups, and how many of these there are."""
    codes = np.unique(clusters, return_inverse=True)[1]
    groups = int(codes.max()) + 1
    if groups < 2 or np.ptp(values) == 0:
        return 0.0, groups
    residuals = np.bincount(codes, weights=values - values.mean())
    return float((residuals**2).sum()) / len(values) ** 2 * groups / (groups - 1), groups


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for how many there are (Holm 1979).

    Whatever hangs together with what: if none of the differences is real, the chance that any of them is told as one
    is at most SIGNIFICANCE.
    """
    values = np.asarray(p_values, np.float64)
    order = np.argsort(values, kind="stable")
    steps = values[order] * (len(values) - np.arange(len(values)))
    corrected = np.empty_like(values)
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(steps))
    return [float(value) for value in corrected]
