"""Whether stated certainty is right: calibration of probabilities, coverage of intervals, and abstaining."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from agelens.evaluation.resampling import Array, Codes
from agelens.evaluation.shares import Share, share_of

BINS = 10
ABSTAIN_ERROR = 0.01
# Points of the curve of error against the share answered.
_POINTS = 50


@dataclass(frozen=True)
class ReliabilityBin:
    """Faces of about the same stated probability.

    Attributes:
        low, high: ends of the bin, 0 to 1.
        mean_probability: what was stated on average.
        share: how often it was so.
    """

    low: float
    high: float
    mean_probability: float
    share: Share


@dataclass(frozen=True)
class Reliability:
    """Whether stated probabilities are as often right as they say.

    Attributes:
        bins: those that hold a face, ascending.
        ece: expected calibration error, 0 to 1: the mean over faces of how far a bin's share lies from what was stated
            (Naeini, Cooper and Hauskrecht 2015). Of few faces it is above 0 by chance alone.
        brier: mean squared error of the probability (Brier 1950), 0 to 1.
        log_loss: mean negative logarithm of the probability of what was so.
    """

    bins: tuple[ReliabilityBin, ...]
    ece: float
    brier: float
    log_loss: float

    def to_json(self) -> dict[str, Any]:
        """JSON with all of it."""
        return asdict(self)


def reliability(probabilities: Array, outcomes: Array, clusters: Codes | None = None) -> Reliability:
    """Return the reliability diagram of a yes-or-no probability, in bins of equal width.

    Args:
        probabilities: stated, 0 to 1, (faces,).
        outcomes: 1 where it was so, else 0, (faces,).
        clusters: the duplicate group of each face; None where each is its own.

    Raises:
        ValueError: there is no face.
    """
    probabilities, outcomes = np.asarray(probabilities, np.float64), np.asarray(outcomes, np.float64)
    if not len(probabilities):
        raise ValueError("The reliability of no faces cannot be told.")
    place = np.minimum((probabilities * BINS).astype(int), BINS - 1)
    found, error = [], 0.0
    for number in range(BINS):
        chosen = place == number
        share = share_of(outcomes[chosen], None if clusters is None else clusters[chosen])
        if share is None:
            continue
        stated = float(probabilities[chosen].mean())
        found.append(ReliabilityBin(number / BINS, (number + 1) / BINS, stated, share))
        error += share.faces / len(probabilities) * abs(stated - share.value)
    of_outcome = np.where(outcomes == 1, probabilities, 1 - probabilities)
    return Reliability(
        tuple(found),
        error,
        float(((probabilities - outcomes) ** 2).mean()),
        float(-np.log(np.maximum(of_outcome, np.finfo(np.float64).tiny)).mean()),
    )


@dataclass(frozen=True)
class Coverage:
    """How well intervals hold what they promise.

    Attributes:
        promised: share of true ages that they are made to hold, 0 to 1.
        held: the share that they hold.
        width: mean, years.
    """

    promised: float
    held: Share
    width: float

    def to_json(self) -> dict[str, Any]:
        """JSON with all of it."""
        return asdict(self)


def coverage(
    ages: Array, low: Array, high: Array, promised: float, clusters: Codes | None = None
) -> Coverage | None:
    """Return how many ages intervals hold, both ends included, and their mean width; None where there is no face.

    Args:
        ages: labelled, years, (faces,).
        low, high: ends of the intervals, years, (faces,).
        promised: share that they are made to hold.
        clusters: the duplicate group of each face; None where each is its own.
    """
    held = share_of(((ages >= low) & (ages <= high)).astype(float), clusters)
    return None if held is None else Coverage(promised, held, float((high - low).mean()))


@dataclass(frozen=True)
class Abstention:
    """Answering only where the network is sure enough.

    Attributes:
        allowed_error: largest share of wrong answers among those given.
        threshold: the least stated probability that is answered, 0.5 to 1; None where no threshold does.
        answered: the share of faces that are answered; None where no threshold does.
        error: the share of wrong answers among them; None where no threshold does.
        curve: share answered and error among them, from the surest face on.
    """

    allowed_error: float
    threshold: float | None
    answered: Share | None
    error: Share | None
    curve: tuple[tuple[float, float], ...]

    def to_json(self) -> dict[str, Any]:
        """JSON with all of it."""
        return asdict(self)


def abstain(
    certainty: Array,
    right: Array,
    allowed_error: float = ABSTAIN_ERROR,
    clusters: Codes | None = None,
) -> Abstention:
    """Return how many faces can be answered if among the answers at most so many may be wrong.

    The threshold is chosen on the same faces on which its error is told, so on new faces the error may be larger: its
    interval says by how much.

    Args:
        certainty: probability stated for the answer, (faces,).
        right: 1 where the answer is right, else 0, (faces,).
        allowed_error: largest share of wrong answers among those given, 0 to 1.
        clusters: the duplicate group of each face; None where each is its own.
    """
    order = np.argsort(-certainty, kind="stable")
    stated, wrong = certainty[order], 1 - right[order]
    count = np.arange(1, len(order) + 1)
    errors = np.cumsum(wrong) / count
    # Faces of one certainty are answered together or not at all.
    last = np.append(stated[1:] != stated[:-1], True)
    allowed = np.flatnonzero(last & (errors <= allowed_error))
    shown = np.unique(np.linspace(0, len(order) - 1, min(_POINTS, len(order))).astype(int))
    curve = tuple((float(count[place] / len(order)), float(errors[place])) for place in shown)
    if not len(allowed):
        return Abstention(allowed_error, None, None, None, curve)
    threshold = float(stated[allowed[-1]])
    answered = certainty >= threshold
    of_answered = None if clusters is None else clusters[answered]
    return Abstention(
        allowed_error,
        threshold,
        share_of(answered.astype(float), clusters),
        share_of(1 - right[answered], of_answered),
        curve,
    )


def bins_by_quantile(values: Array, bins: int) -> list[tuple[float, float, Array]]:
    """Return bins of about equally many faces: lowest and highest value and which faces, (faces,); equal values stay.

    Args:
        values: (faces,).
        bins: how many at most.
    """
    edges: Sequence[float] = np.unique(np.quantile(values, np.linspace(0, 1, bins + 1))).tolist()
    if len(edges) == 1:
        return [(edges[0], edges[0], np.full(len(values), True))]
    place = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    return [
        (float(values[chosen].min()), float(values[chosen].max()), chosen)
        for number in range(len(edges) - 1)
        if (chosen := place == number).any()
    ]
