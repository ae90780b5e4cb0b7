"""One figure told apart by group: overall, by group, worst and best, differences and ratios, each with an interval.

The shape follows fairlearn's MetricFrame (``overall``, ``by_group``, ``difference``, ``ratio``); what it adds is
intervals from whole duplicate groups and marks on groups that are too small.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agelens.evaluation.comparisons import welch
from agelens.evaluation.groups import FEW_FACES
from agelens.evaluation.metrics import interval, share_interval
from agelens.evaluation.resampling import Array, Codes, draw_weights, percentiles

Members = Mapping[str, NDArray[np.bool_]]


@dataclass(frozen=True)
class GroupFigure:
    """The mean of one group.

    Attributes:
        faces: how many.
        value: their mean; ci95 its 95 % bootstrap interval, None of too few duplicate groups.
        few: whether it has fewer than FEW_FACES duplicate groups, so that little can be said of it.
        difference: the group's value less the best group's; difference_ci95 its interval.
        ratio: the group's value divided by the best group's, None where that is 0; ratio_ci95 its interval.
    """

    faces: int
    value: float
    ci95: list[float] | None
    few: bool
    difference: float | None = None
    difference_ci95: list[float] | None = None
    ratio: float | None = None
    ratio_ci95: list[float] | None = None


@dataclass(frozen=True)
class KindFigures:
    """The groups of one kind, such as the age bands.

    Attributes:
        by_group: by name.
        best, worst: names of groups that are not few; "" where fewer than two are that large.
        p: of no difference between these two (Welch's t), times the number of pairs that they were picked from.
    """

    by_group: dict[str, GroupFigure]
    best: str
    worst: str
    p: float = 1.0

    @property
    def difference(self) -> float | None:
        """The largest difference between groups that are large enough, at least 0: fairlearn's between groups."""
        return abs(self.by_group[self.worst].difference or 0.0) if self.worst else None

    @property
    def ratio(self) -> float | None:
        """The smaller of worst and best divided by the larger, 0 to 1: fairlearn's between groups."""
        if not self.worst:
            return None
        values = sorted((self.by_group[self.worst].value, self.by_group[self.best].value))
        return values[0] / values[1] if values[1] else None


@dataclass(frozen=True)
class Disaggregated:
    """One figure, overall and by group.

    Attributes:
        overall: of all faces.
        kinds: by kind of group, in the order given.
        fewer_is_better: whether a smaller value is the better one.
    """

    overall: GroupFigure
    kinds: dict[str, KindFigures]
    fewer_is_better: bool

    def to_json(self) -> dict[str, Any]:
        """JSON with all of it."""
        told = asdict(self)
        for kind, figures in self.kinds.items():
            told["kinds"][kind] |= {"difference": figures.difference, "ratio": figures.ratio}
        return told


def disaggregate(
    values: Array, groups: Mapping[str, Members], clusters: Codes, fewer_is_better: bool, seed: int
) -> Disaggregated:
    """Return the mean of a value over all faces and over those of each group.

    Best and worst are those of these faces. Their p-value counts that they were picked as extremes (Bonferroni), the
    interval of their difference does not, so it begins a little too high where there are many groups.

    Args:
        values: one a face, (faces,).
        groups: by kind and name which faces belong, (faces,).
        clusters: the duplicate group of each face.
        fewer_is_better: whether a smaller value is the better one.
        seed: of the bootstrap, whose draws are the same for all groups.
    """
    members = [chosen for named in groups.values() for chosen in named.values()]
    resampled = iter(_resampled_means(values, members, clusters, seed).T if members else ())
    kinds = {}
    for kind, named in groups.items():
        figures = {name: _figure(values, chosen, clusters, seed) for name, chosen in named.items()}
        drawn: dict[str, Array] = {name: next(resampled) for name in named}
        sizes = {name: len(np.unique(clusters[chosen])) for name, chosen in named.items()}
        compared = _compare(figures, drawn, sizes, fewer_is_better)
        kinds[kind] = replace(compared, p=_picked_p(values, named, clusters, compared))
    overall = _figure(values, np.full(len(values), True), clusters, seed)
    return Disaggregated(overall, kinds, fewer_is_better)


def _resampled_means(
    values: Array, members: list[NDArray[np.bool_]], clusters: Codes, seed: int
) -> NDArray[np.float64]:
    """The mean of each group in each resample, (resamples, groups); NaN where nothing of a group was drawn."""
    sizes = np.stack(members, axis=1).astype(np.float64)
    sums = sizes * values[:, None]
    blocks = []
    for weights in draw_weights(clusters, seed):
        with np.errstate(invalid="ignore", divide="ignore"):
            blocks.append((weights @ sums) / (weights @ sizes))
    return np.concatenate(blocks)


def _figure(values: Array, chosen: NDArray[np.bool_], clusters: Codes, seed: int) -> GroupFigure:
    """A group by itself; shares get Wilson's interval."""
    own, codes = values[chosen], clusters[chosen]
    ends = share_interval(own, codes) if set(np.unique(values)) <= {0.0, 1.0} else interval(own, seed, codes)
    # Copies of one picture are one piece of evidence, here too.
    return GroupFigure(len(own), float(own.mean()), ends, len(np.unique(codes)) < FEW_FACES)


def _compare(
    figures: dict[str, GroupFigure], drawn: dict[str, Array], sizes: dict[str, int], fewer_is_better: bool
) -> KindFigures:
    """The groups of a kind beside the best of them; sizes are their numbers of duplicate groups."""
    large = sorted(
        (name for name, figure in figures.items() if not figure.few),
        key=lambda name: figures[name].value,
        reverse=not fewer_is_better,
    )
    if len(large) < 2:
        return KindFigures(figures, "", "")
    best, worst = large[0], large[-1]
    told = {
        name: _beside(figure, figures[best], drawn[name], drawn[best], min(sizes[name], sizes[best]))
        if name != best
        else replace(figure, difference=0.0, ratio=1.0)
        for name, figure in figures.items()
    }
    return KindFigures(told, best, worst)


def _picked_p(values: Array, members: Members, clusters: Codes, compared: KindFigures) -> float:
    if not compared.worst:
        return 1.0
    worst, best = members[compared.worst], members[compared.best]
    large = sum(not figure.few for figure in compared.by_group.values())
    found = welch(values[worst], values[best], clusters[worst], clusters[best])
    return min(1.0, found.p * math.comb(large, 2))


def _beside(
    figure: GroupFigure, best: GroupFigure, drawn: Array, drawn_best: Array, fewest: int
) -> GroupFigure:
    """A group with its difference and ratio to the best one, both from the same draws."""
    with np.errstate(invalid="ignore", divide="ignore"):
        ratios = drawn / drawn_best
    return replace(
        figure,
        difference=figure.value - best.value,
        difference_ci95=percentiles(drawn - drawn_best, fewest),
        ratio=figure.value / best.value if best.value else None,
        ratio_ci95=percentiles(ratios, fewest) if best.value else None,
    )
