"""Age limits: who passes that should not, and who is refused that need not be, at challenge ages.

A limit is the age that a rule names, such as 18; a challenge age is the estimate from which somebody passes, and lies
at the limit or above it ("Challenge 25"). A false positive is an under-age person who passes, a false negative a person
of age who is refused. A face that was not found passes nothing: where there is no estimate, nobody passes.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from agelens.errors import AgeLensError
from agelens.evaluation.resampling import Array, Codes
from agelens.evaluation.shares import Share, share_of
from agelens.utils.ages import OLDEST

DEFAULT_LIMITS = (13, 16, 18, 21)
MAX_FALSE_POSITIVES = 0.01
# Challenge ages that the curves show run from the limit to so many years above it.
CHALLENGE_YEARS = 20
# Small children make false positives look rare; who nearly reaches the limit is told of apart.
NEAR_YEARS = 5


@dataclass(frozen=True)
class LimitRates:
    """What deciding by one rule costs at an age limit.

    Attributes:
        false_positives: of the under-age, the share that passes; None without an under-age face.
        false_negatives: of those of age, the share that is refused; None without such a face.
    """

    false_positives: Share | None
    false_negatives: Share | None

    def to_json(self) -> dict[str, Any]:
        """JSON with both shares, their intervals and faces."""
        return {name: share and asdict(share) for name, share in vars(self).items()}


@dataclass(frozen=True)
class LimitCurve:
    """The rates at an age limit over challenge ages.

    Attributes:
        limit: years.
        challenge_ages: years, ascending from the limit.
        rates: at each of them.
    """

    limit: int
    challenge_ages: tuple[int, ...]
    rates: tuple[LimitRates, ...]

    def to_json(self) -> dict[str, Any]:
        """JSON with a list of numbers for each line of the curve; empty lists where no face belongs to it."""
        told: dict[str, Any] = {"limit": self.limit, "challenge_ages": list(self.challenge_ages)}
        for name in ("false_positives", "false_negatives"):
            shares = [share for rate in self.rates if (share := getattr(rate, name)) is not None]
            told[name] = [round(share.value, 5) for share in shares]
            told[f"{name}_ci95"] = [[round(share.low, 5), round(share.high, 5)] for share in shares]
            told[f"{name}_faces"] = shares[0].faces if shares else 0
        return told


def read_age_limits(text: str) -> tuple[int, ...]:
    """Return age limits as a person writes them, "13,16,18,21", ascending and each once.

    Raises:
        AgeLensError: they are not whole numbers of years that a person can reach.
    """
    words = [word.strip() for word in text.split(",")]
    if not all(word.isdecimal() and len(word) <= 3 and 1 <= int(word) <= OLDEST for word in words):
        raise AgeLensError(
            f"--age-limits takes whole years from 1 to {OLDEST}, separated by commas, such as 13,16,18,21, "
            f"not {text!r}."
        )
    return tuple(sorted({int(word) for word in words}))


def limit_rates(ages: Array, passes: Array, limit: int, clusters: Codes | None = None) -> LimitRates:
    """Return false positives and false negatives at an age limit.

    Args:
        ages: labelled, years, (faces,).
        passes: whether each is let pass, (faces,); False where no face was found.
        limit: years; who is that old is of age.
        clusters: the duplicate group of each face; None where each is its own.
    """
    passes, under = np.asarray(passes, bool), np.asarray(ages) < limit

    def share(chosen: Array, hits: Array) -> Share | None:
        return share_of(hits[chosen].astype(float), None if clusters is None else clusters[chosen])

    return LimitRates(share(under, passes), share(~under, ~passes))


def limit_curve(
    ages: Array, estimates: Array, limit: int, challenge_ages: Sequence[int], clusters: Codes | None = None
) -> LimitCurve:
    """Return the rates of deciding by the estimate at several challenge ages.

    Args:
        ages: labelled, years, (faces,).
        estimates: years, (faces,); NaN where no face was found.
        limit: years.
        challenge_ages: estimates from which a face passes, years.
        clusters: the duplicate group of each face; None where each is its own.
    """
    # NaN is at least nothing, so that a face that was not found never passes.
    rates = [limit_rates(ages, estimates >= challenge, limit, clusters) for challenge in challenge_ages]
    return LimitCurve(limit, tuple(challenge_ages), tuple(rates))


@dataclass(frozen=True)
class SmallestChallenge:
    """The smallest challenge age that keeps false positives rare enough, and what it costs.

    Attributes:
        challenge_age: years; None where no under-age face was measured.
        rates: there.
        further_refused: how much larger the share of refused people of age is than at the limit itself.
    """

    challenge_age: int | None
    rates: LimitRates | None
    further_refused: float | None

    def to_json(self) -> dict[str, Any]:
        """JSON with all of it."""
        return {
            "challenge_age": self.challenge_age,
            **(self.rates.to_json() if self.rates else {}),
            "further_refused": self.further_refused,
        }


def smallest_challenge(
    ages: Array,
    estimates: Array,
    limit: int,
    max_false_positives: float = MAX_FALSE_POSITIVES,
    clusters: Codes | None = None,
) -> SmallestChallenge:
    """Return the smallest challenge age, in whole years from the limit, at which false positives are rare enough.

    Args:
        ages, estimates, limit, clusters: as for `limit_curve`.
        max_false_positives: largest share of under-age faces that may pass, 0 to 1.
    """
    under = np.asarray(estimates)[np.asarray(ages) < limit]
    if not len(under):
        return SmallestChallenge(None, None, None)
    for challenge in range(limit, OLDEST + 2):
        if (under >= challenge).mean() <= max_false_positives:
            break
    at_limit = limit_rates(ages, estimates >= limit, limit, clusters).false_negatives
    rates = limit_rates(ages, estimates >= challenge, limit, clusters)
    refused = rates.false_negatives
    further = refused.value - at_limit.value if refused and at_limit else None
    return SmallestChallenge(challenge, rates, further)
