"""Intervals that keep their word: calibrated on faces that the network has not learned from.

Conformalised quantile regression (Romano, Patterson and Candès 2019): the 5 % and 95 % points of the predicted
distribution are moved outwards, or inwards, by as much as held 90 % of the true ages of faces that had no part in
making the network. It is done for each band of predicted ages by itself, or the many young adults would decide for
children and old people too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agelens.utils.ages import OLDEST

COVERAGE = 0.9
# Coverages that a calibration holds beside it, for who wants narrower or surer intervals.
OTHER_COVERAGES = (0.8, 0.95)
# Edges of the bands of predicted ages; neighbours join until each holds LEAST faces.
EDGES = (0, 3, 10, 18, 25, 30, 40, 50, 60, 70)
LEAST = 100


def median(distribution: NDArray[np.floating]) -> NDArray[np.floating]:
    """Years, (faces,), from the probabilities of whole ages from 0 on, (faces, ages): where half is reached."""
    below = distribution.cumsum(axis=1, dtype=np.float64)
    return np.asarray((below < below[:, -1:] / 2).sum(axis=1), np.float64)


def quantile(distribution: NDArray[np.floating], share: float) -> NDArray[np.float64]:
    """Years, (faces,), below which this share of each distribution lies, (faces, ages).

    The probability of a whole age is spread evenly over the year around it, so that quantiles are not whole numbers.
    """
    below = np.pad(distribution.cumsum(axis=1, dtype=np.float64), ((0, 0), (1, 0)))
    below /= below[:, -1:]
    age = np.clip((below < share).sum(axis=1) - 1, 0, distribution.shape[1] - 1)
    rows = np.arange(len(distribution))
    start, end = below[rows, age], below[rows, age + 1]
    return np.asarray(age - 0.5 + (share - start) / np.maximum(end - start, 1e-12))


def bounds(
    age_years: NDArray[np.floating], distribution: NDArray[np.floating] | None, coverage: float = COVERAGE
) -> NDArray[np.float64]:
    """From and to, (faces, 2), years, before calibration; a single number is its own interval."""
    if distribution is None:
        return np.stack([age_years, age_years], 1).astype(np.float64)
    return np.stack(
        [quantile(distribution, (1 - coverage) / 2), quantile(distribution, (1 + coverage) / 2)], 1
    )


@dataclass(frozen=True)
class Calibration:
    """By how much intervals are widened, for each band of predicted ages.

    Attributes:
        starts: years at which bands begin, ascending, the first 0.
        offsets: years by which both ends move outwards in each band; below 0 is inwards.
        faces: how many faces each band was calibrated on.
        others: coverages of OTHER_COVERAGES with their own offsets, years, in each band; bundles of earlier versions
            and bands of few faces have none.
    """

    starts: tuple[float, ...]
    offsets: tuple[float, ...]
    faces: tuple[int, ...]
    others: tuple[tuple[float, tuple[float, ...]], ...] = ()

    def __post_init__(self) -> None:
        columns = [self.offsets, *(offsets for _, offsets in self.others)]
        lengths = {len(self.starts), len(self.faces), *map(len, columns)}
        ascending = all(one < other for one, other in zip(self.starts, self.starts[1:], strict=False))
        if len(lengths) != 1 or not self.starts or not ascending or not np.isfinite(columns).all():
            raise ValueError("A calibration has as many widths and counts as bands, which ascend.")

    def is_fitted_for(self, coverage: float) -> bool:
        """Whether its offsets were fitted for this coverage; others are made with those of COVERAGE."""
        return coverage == COVERAGE or coverage in dict(self.others)

    @classmethod
    def fit(
        cls,
        age_years: NDArray[np.floating],
        distribution: NDArray[np.floating] | None,
        truth: NDArray[np.floating],
    ) -> "Calibration | None":
        """From faces that the network has not learned from.

        Args:
            age_years: predicted, (faces,). distribution: predicted, (faces, ages), or None.
            truth: labelled ages, (faces,), years.

        Returns:
            None where there are too few faces for even one band.
        """
        # Networks that learned years themselves may say less than 0 of a newborn.
        starts = join_bands(np.clip(age_years, 0, None))
        if len(age_years) < _fewest():
            return None
        band = np.clip(np.searchsorted(starts, age_years, side="right") - 1, 0, None)
        faces = np.bincount(band, minlength=len(starts))
        fitted = {}
        for coverage in (COVERAGE, *OTHER_COVERAGES):
            low, high = bounds(age_years, distribution, coverage).T
            missed = np.maximum(low - truth, truth - high)
            if coverage == COVERAGE or faces.min() >= _fewest(coverage):
                fitted[coverage] = tuple(
                    _smallest_offset(missed[band == number], coverage) for number in range(len(starts))
                )
        others = tuple((coverage, fitted[coverage]) for coverage in OTHER_COVERAGES if coverage in fitted)
        return cls(tuple(float(start) for start in starts), fitted[COVERAGE], tuple(map(int, faces)), others)

    def intervals(
        self,
        age_years: NDArray[np.floating],
        distribution: NDArray[np.floating] | None,
        coverage: float = COVERAGE,
    ) -> NDArray[np.float64]:
        """From and to, (faces, 2), whole years from 0 to OLDEST; both are part of the interval.

        Args:
            coverage: share of true ages that they are to hold; kept surely where `is_fitted_for` says so.
        """
        band = np.clip(np.searchsorted(self.starts, age_years, side="right") - 1, 0, None)
        offsets = np.asarray(dict(self.others).get(coverage, self.offsets))[band]
        ends = bounds(age_years, distribution, coverage) + np.stack([-offsets, offsets], 1)
        # Ages are whole years, so that the whole years within lose nothing.
        low, high = np.ceil(ends[:, 0]), np.floor(ends[:, 1])
        middle = np.round(age_years)
        return np.clip(np.stack([np.minimum(low, middle), np.maximum(high, middle)], 1), 0, OLDEST)

    @classmethod
    def from_card(cls, entry: Mapping[str, Any]) -> "Calibration":
        """From what `to_card` gave. Raises ValueError, KeyError or TypeError where it is something else."""
        bands = entry["bands"]
        return cls(
            tuple(float(band["from_age"]) for band in bands),
            tuple(float(band["offset_years"]) for band in bands),
            tuple(int(band["faces"]) for band in bands),
            tuple(
                (float(coverage), tuple(float(value) for value in offsets))
                for coverage, offsets in entry.get("offset_years_at", {}).items()
            ),
        )

    def to_card(self) -> dict[str, Any]:
        bands = [
            {"from_age": start, "offset_years": offsets, "faces": faces}
            for start, offsets, faces in zip(self.starts, self.offsets, self.faces, strict=True)
        ]
        others = {str(coverage): list(offsets) for coverage, offsets in self.others}
        told = {"coverage": COVERAGE, "bands": bands}
        return {**told, "offset_years_at": others} if others else told


def _smallest_offset(missed: NDArray[np.floating], coverage: float) -> float:
    """By how much intervals move outwards so that they hold this share of faces, of which one is new."""
    errors = np.sort(missed)
    # The finite sample's rank: among so many faces and one more, the new one is in with at least this chance.
    rank = int(np.ceil((len(errors) + 1) * coverage))
    return float(errors[min(rank, len(errors)) - 1])


def _fewest(coverage: float = COVERAGE) -> int:
    """Fewer faces than this have no error that such a share of new ones stays below."""
    return int(np.ceil(round(coverage / (1 - coverage), 9)))


def join_bands(age_years: NDArray[np.floating]) -> NDArray[np.float64]:
    """Where bands begin, so that each holds LEAST faces if there are as many; the last ones join backwards."""
    counts = np.histogram(age_years, [*EDGES, np.inf])[0]
    starts: list[float] = [0.0]
    held = 0
    for edge, count in zip(EDGES, counts, strict=True):
        if held >= LEAST:
            starts.append(float(edge))
            held = 0
        held += int(count)
    if held < LEAST and len(starts) > 1:
        starts.pop()
    return np.asarray(starts)
