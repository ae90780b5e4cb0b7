"""Bootstrap intervals from whole duplicate groups: two copies of one picture are one piece of evidence, not two."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

# One number or truth value a face.
Array: TypeAlias = NDArray[Any]
Codes: TypeAlias = NDArray[np.int64]
RESAMPLES = 2000
# How often intervals hold the truth.
CONFIDENCE = 0.95
# What is drawn from three faces lies between the worst and the best of them, and the truth too often does not.
LEAST_FACES = 4
# Resamples are drawn in blocks of about so many numbers, so that memory stays flat for large tables.
_BLOCK = 4_000_000


# A figure of weighted faces. Takes weights, (resamples, faces), which say how often each face was drawn, and columns of
# one value a face; gives one figure a resample, NaN where there is none.
Statistic: TypeAlias = Callable[..., Array]


def clusters_of(rows: pd.DataFrame) -> Codes:
    """Return the duplicate group of each row as whole numbers, (rows,).

    It is the column ``group`` that an audit writes, else ``digest`` (identical files); a table with neither has each
    row for itself.
    """
    for column in ("group", "digest"):
        if column in rows.columns:
            return np.asarray(pd.factorize(rows[column])[0], np.int64)
    return np.arange(len(rows), dtype=np.int64)


def draw_weights(clusters: Codes, seed: int) -> Iterator[Array]:
    """Yield RESAMPLES rows of bootstrap weights in blocks, (rows, faces): how often each face's duplicates were drawn.

    Each resample draws as many groups as there are, with replacement, and takes the faces of a group together.

    Args:
        clusters: the duplicate group of each face, (faces,).
        seed: the same seed and groups give the same weights.
    """
    codes = np.unique(clusters, return_inverse=True)[1]
    groups = int(codes.max()) + 1
    chance = np.random.default_rng(seed)
    step = max(1, _BLOCK // len(codes))
    for start in range(0, RESAMPLES, step):
        rows = min(step, RESAMPLES - start)
        drawn = chance.integers(0, groups, (rows, groups)) + np.arange(rows)[:, None] * groups
        counts = np.bincount(drawn.ravel(), minlength=rows * groups).reshape(rows, groups)
        yield counts[:, codes].astype(np.float64)


def bootstrap(
    figures: Mapping[str, tuple[Statistic, Sequence[Array]]],
    clusters: Codes,
    seed: int,
) -> dict[str, Array]:
    """Return the figures of each resample, (RESAMPLES,), all from the same draws.

    Args:
        figures: by name a statistic and its columns, one value a face.
        clusters: the duplicate group of each face, (faces,).
    """
    parts: dict[str, list[Array]] = {name: [] for name in figures}
    for weights in draw_weights(clusters, seed):
        for name, (statistic, columns) in figures.items():
            parts[name].append(statistic(weights, *columns))
    return {name: np.concatenate(blocks) for name, blocks in parts.items()}


def percentiles(resampled: Array, groups: int) -> list[float] | None:
    """Return [low, high] from the figures of resamples; None where too few of these have one.

    Of few groups the percentiles lie further out, as those of Student's distribution do (the expanded percentile
    interval; Hesterberg 2015, "What teachers should know about the bootstrap", section 5.3): of ten it then holds the
    truth in 93 and not in 90 of 100 cases, and of a thousand it is the same.

    Args:
        resampled: (resamples,); NaN where a resample has no figure.
        groups: how many duplicate groups were drawn from.
    """
    if groups < LEAST_FACES:
        return None
    known = resampled[np.isfinite(resampled)]
    if len(known) < 0.95 * len(resampled):
        return None
    outside = stats.norm.cdf(math.sqrt(groups / (groups - 1)) * stats.t.ppf((1 - CONFIDENCE) / 2, groups - 1))
    low, high = np.quantile(known, [outside, 1 - outside])
    return [float(low), float(high)]


def intervals(
    figures: Mapping[str, tuple[Statistic, Sequence[Array]]], clusters: Codes, seed: int
) -> dict[str, list[float] | None]:
    """Return a 95 % bootstrap interval of each figure, drawn by duplicate group.

    Args:
        figures: by name a statistic and its columns, one value a face.
        clusters: the duplicate group of each face, (faces,).
        seed: of the resampling.

    Returns:
        [low, high] by name; None where there are fewer than LEAST_FACES groups, or all faces are alike.
    """
    groups = len(np.unique(clusters))
    told = {
        name: (statistic, columns)
        for name, (statistic, columns) in figures.items()
        if groups >= LEAST_FACES and not all(np.ptp(column) == 0 for column in columns)
    }
    drawn = bootstrap(told, clusters, seed) if told else {}
    return {name: percentiles(drawn[name], groups) if name in drawn else None for name in figures}


def mean(weights: Array, values: Array) -> Array:
    """The weighted mean of each resample; NaN where nothing was drawn."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((weights @ values) / weights.sum(axis=1))


def root_mean(weights: Array, values: Array) -> Array:
    """The root of the weighted mean."""
    return np.asarray(np.sqrt(mean(weights, values)))


def auc(weights: Array, labels: Array, scores: Array) -> Array:
    """Area under the ROC curve of each resample, ties counted half (Mann and Whitney 1947); NaN for one label only.

    Args:
        weights: (resamples, faces).
        labels: 0 or 1, (faces,).
        scores: any order-preserving score, (faces,).
    """
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.diff(scores[order], prepend=-np.inf))
    positive = np.add.reduceat((weights * labels)[:, order], starts, axis=1)
    negative = np.add.reduceat((weights * (1 - labels))[:, order], starts, axis=1)
    below = np.cumsum(negative, axis=1) - negative / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((positive * below).sum(axis=1) / (positive.sum(axis=1) * negative.sum(axis=1)))
