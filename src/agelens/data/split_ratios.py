"""Shares of train, validation and test: how they are written, read and checked."""

import math
from collections.abc import Iterable
from numbers import Real

from agelens.data.table import SPLITS
from agelens.errors import AgeLensError

SplitRatios = tuple[float, float, float]
DEFAULT_SPLIT_RATIOS: SplitRatios = (0.8, 0.1, 0.1)


def read_split_ratios(text: str) -> SplitRatios:
    """Read shares of train, validation and test as a person writes them: "86/4/10" or "0.86/0.04/0.1".

    Raises:
        AgeLensError: they are not three numbers above 0.
    """
    try:
        ratios = [float(share) for share in text.split("/")]
    except ValueError:
        ratios = []
    if len(ratios) != len(SPLITS) or not all(math.isfinite(share) and share > 0 for share in ratios):
        raise AgeLensError(
            f"'{text}' is no split ratio; write three numbers above 0 for {', '.join(SPLITS)}, as 80/10/10."
        )
    # The same shares are the same numbers, in whatever unit they were written.
    train, validation, test = (round(share / sum(ratios), 9) for share in ratios)
    return train, validation, test


def write_split_ratios(split_ratios: SplitRatios) -> str:
    """Shares of train, validation and test in percent, as `read_split_ratios` takes them: "86/4/10"."""
    return "/".join(f"{100 * ratio:.6g}" for ratio in split_ratios)


def check_split_ratios(split_ratios: object) -> SplitRatios:
    """Return split ratios as three numbers; an AgeLensError refuses what is not three shares of a whole."""
    given = (
        list(split_ratios) if isinstance(split_ratios, Iterable) and not isinstance(split_ratios, str) else []
    )
    numbers = [float(one) for one in given if isinstance(one, Real) and not isinstance(one, bool)]
    right = len(numbers) == len(given) == len(SPLITS) and all(one > 0 for one in numbers)
    if not right or not math.isclose(sum(numbers), 1.0, abs_tol=1e-6):
        told = ", ".join(map(str, given)) or repr(split_ratios)
        raise AgeLensError(
            f"The shares of {', '.join(SPLITS)} must be three numbers above 0 that add up to 1, not {told}."
        )
    train, validation, test = numbers
    return train, validation, test
