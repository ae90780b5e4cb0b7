"""Two networks on the same faces: differences within faces, from which alone it can be said which is better."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from agelens.evaluation.comparisons import SIGNIFICANCE, holm, paired
from agelens.evaluation.resampling import Array, Codes, intervals, mean


@dataclass(frozen=True)
class PairedDifference:
    """How a second network does beside a first on the same faces.

    Attributes:
        faces: how many.
        first, second: the mean of each.
        difference: the second less the first.
        ci95: of the difference, [low, high], by paired bootstrap; None of too few faces, or where they never differ.
        p: of no difference, by the paired t-test over duplicate groups; after a correction where one was made.
        better: "first", "second", or "" where chance alone may have made the difference.
    """

    faces: int
    first: float
    second: float
    difference: float
    ci95: list[float] | None
    p: float
    better: str = ""

    def to_json(self) -> dict[str, Any]:
        """JSON with all of it."""
        return asdict(self)


def paired_difference(first: Array, second: Array, clusters: Codes, seed: int) -> PairedDifference:
    """Return the difference of two networks on the same faces; who is better is left to `decide`.

    Args:
        first, second: one value a face, in the same order.
        clusters: the duplicate group of each face; the bootstrap draws whole groups.
        seed: of the bootstrap.
    """
    apart = second - first
    tested = paired(apart, clusters)
    return PairedDifference(
        len(first),
        float(first.mean()),
        float(second.mean()),
        float(apart.mean()),
        intervals({"difference": (mean, (apart,))}, clusters, seed)["difference"],
        tested.p,
    )


def decide(found: Sequence[PairedDifference], fewer_is_better: Sequence[bool]) -> list[PairedDifference]:
    """Return the same differences with p corrected for how many there are (Holm 1979), and who is better.

    Args:
        fewer_is_better: of each, whether a smaller value is the better one.
    """
    decided = []
    for one, fewer, p in zip(found, fewer_is_better, holm([one.p for one in found]), strict=True):
        second_better = (one.difference < 0) == fewer
        better = "" if p >= SIGNIFICANCE else "second" if second_better else "first"
        decided.append(PairedDifference(**{**asdict(one), "p": p, "better": better}))
    return decided


def best_against_others(
    scores: Mapping[str, Sequence[float]], clusters: Codes, fewer_is_better: bool, seed: int
) -> dict[str, Any]:
    """Return the best of several networks and how each other one does beside it on the same faces, as JSON.

    Args:
        scores: one value a face by network, all of the same faces in the same order.
        clusters: the duplicate group of each face.
        fewer_is_better: whether a smaller value is the better one.
        seed: of the bootstrap.

    Returns:
        ``best``, a name, and ``against``, a `PairedDifference` by name, the best network being its first.
    """
    columns = {name: np.asarray(values, np.float64) for name, values in scores.items()}
    best = (min if fewer_is_better else max)(columns, key=lambda name: columns[name].mean())
    others = [name for name in columns if name != best]
    found = [paired_difference(columns[best], columns[name], clusters, seed) for name in others]
    told = decide(found, [fewer_is_better] * len(found))
    return {
        "best": best,
        "against": {name: one.to_json() for name, one in zip(others, told, strict=True)},
    }
