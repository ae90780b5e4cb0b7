"""Numbers about a face table, which `agelens.reporting.findings` puts in words."""

import itertools
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks
from scipy.stats import skew

from agelens.data.labels import AGE_BANDS, GENDERS, age_band
from agelens.reporting.dataset_charts import age_counts, gender_counts, race_labels

SMOOTHING_YEARS = 2.5
# A mode is one if it rises above the valley beside it by this share of the highest, and this far out of noise.
LEAST_PROMINENCE, LEAST_NOISES = 0.04, 3.0
# The peak of a mode is the fullest single age this near to the top of the smoothed curve.
PEAK_REACH_YEARS = 4
# A single age stands out if it holds this many times the mean of its four neighbours, and enough images.
SPIKE_RATIO, SPIKE_SHARE, SPIKE_LEAST_IMAGES = 2.0, 0.01, 20
THIN_BAND_SHARE, THIN_AGE_IMAGES = 0.03, 10
WHIPPLE_AGES, WHIPPLE_LEAST_IMAGES = (23, 62), 100


def measure(table: pd.DataFrame) -> dict[str, Any]:
    """The numbers of a face table with at least one row, as JSON values.

    Returns:
        ``images``; ``gender`` and ``races`` (images and share of each label); ``age`` (least, greatest, mean,
        median, q1, q3 in years, skewness or None); ``median_age_by_gender``; ``modes`` (see `find_modes`);
        ``outlier_bins`` (see `find_outlier_bins`); ``bands`` of ten years (images, share, female_share or None);
        ``under_represented_bands``; ``under_represented_ages``; ``aged_80_or_more``; ``whipple`` (see `whipple_index`).
    """
    counts, ages = age_counts(table), table["age"]
    total = len(table)
    by_gender = ages.groupby(table["gender"]).median()
    races = race_labels(table)
    races = races[races != ""]
    return {
        "images": total,
        "gender": {name: _part(count, total) for name, count in gender_counts(table).items()},
        "age": _age_numbers(ages),
        "median_age_by_gender": {GENDERS[int(str(code))]: float(age) for code, age in by_gender.items()},
        "modes": find_modes(counts),
        "outlier_bins": find_outlier_bins(counts),
        "bands": _band_numbers(table),
        "under_represented_bands": _under_represented_bands(table),
        "under_represented_ages": _under_represented_ages(counts),
        "aged_80_or_more": _part(int(counts[80:].sum()), total),
        "whipple": whipple_index(counts),
        "races": {str(name): _part(int(count), total) for name, count in races.value_counts().items()},
    }


def find_modes(counts: NDArray[np.int64]) -> list[dict[str, Any]]:
    """The modes of an age distribution, youngest first.

    Args:
        counts: images of each age, int64 (oldest age + 1,).

    Returns:
        For each mode its ages ``from`` and ``to``, its fullest single age ``peak`` with ``peak_images``, and
        its ``share`` of all images; the modes together hold every image.
    """
    # Zeros on both sides let a mode at the youngest or oldest age have two flanks.
    padded = np.pad(counts.astype(float), 20)
    smooth = gaussian_filter1d(padded, SMOOTHING_YEARS, mode="constant")
    tops, found = find_peaks(smooth, prominence=LEAST_PROMINENCE * smooth.max())
    # The standard deviation of a Poisson count after Gaussian smoothing: lower modes may be mere chance.
    noise = np.sqrt(smooth[tops] / (2 * np.sqrt(np.pi) * SMOOTHING_YEARS))
    real = found["prominences"] >= LEAST_NOISES * noise
    tops = tops[real] if real.any() else np.array([smooth.argmax()])
    tops = np.clip(tops - 20, 0, len(counts) - 1)
    smooth = smooth[20 : 20 + len(counts)]
    valleys = [int(a + smooth[a:b].argmin()) for a, b in itertools.pairwise(tops)]
    modes = []
    for top, start, stop in zip(tops, [0, *valleys], [*valleys, len(counts)], strict=True):
        low, high = max(start, top - PEAK_REACH_YEARS), min(stop, top + PEAK_REACH_YEARS + 1)
        peak = int(low + counts[low:high].argmax())
        filled = start + np.flatnonzero(counts[start:stop])
        share = float(counts[start:stop].sum() / counts.sum())
        mode = {"from": int(filled[0]), "to": int(filled[-1]), "peak": peak, "peak_images": int(counts[peak])}
        modes.append({**mode, "share": share})
    return modes


def find_outlier_bins(counts: NDArray[np.int64]) -> list[dict[str, Any]]:
    """Single ages with far more images than the two ages on either side, fullest first."""
    outlier_bins = []
    first, total = int(np.flatnonzero(counts)[0]), int(counts.sum())
    for age in np.flatnonzero(counts >= max(SPIKE_LEAST_IMAGES, SPIKE_SHARE * total)):
        around = np.concatenate([counts[max(first, age - 2) : age], counts[age + 1 : age + 3]])
        if around.sum() and counts[age] >= SPIKE_RATIO * around.mean():
            times = float(counts[age] / around.mean())
            outlier_bins.append({"age": int(age), "images": int(counts[age]), "times_neighbours": times})
    return sorted(outlier_bins, key=lambda outlier_bin: -outlier_bin["images"])


def whipple_index(counts: NDArray[np.int64]) -> float | None:
    """How ages clump at multiples of five: 1.0 not at all, 5.0 wholly; None if too few images are aged 23 to 62.

    Whipple's index (United Nations, Demographic Yearbook) without its factor of 100.
    """
    low, high = WHIPPLE_AGES
    span = np.pad(counts, (0, high))[low : high + 1]
    if span.sum() < WHIPPLE_LEAST_IMAGES:
        return None
    return float(5 * span[-low % 5 :: 5].sum() / span.sum())


def _part(count: int, total: int) -> dict[str, Any]:
    return {"images": count, "share": count / total}


def _age_numbers(ages: "pd.Series[int]") -> dict[str, Any]:
    q1, median, q3 = (float(value) for value in ages.quantile([0.25, 0.5, 0.75]))
    return {
        "least": int(ages.min()),
        "greatest": int(ages.max()),
        "mean": float(ages.mean()),
        "median": median,
        "q1": q1,
        "q3": q3,
        # Of equal values there is no skewness: it would be nought divided by nought.
        "skewness": float(skew(ages)) if ages.nunique() > 1 else None,
    }


def _band_numbers(table: pd.DataFrame) -> dict[str, Any]:
    bands = age_band(table["age"])
    numbers = {}
    for band in AGE_BANDS:
        rows = table[bands == band]
        female = float(rows["gender"].mean()) if len(rows) else None
        numbers[band] = {**_part(len(rows), len(table)), "female_share": female}
    return numbers


def _under_represented_bands(table: pd.DataFrame) -> list[str]:
    shares = age_band(table["age"]).value_counts(normalize=True)
    return [band for band in AGE_BANDS if shares.get(band, 0.0) < THIN_BAND_SHARE]


def _under_represented_ages(counts: NDArray[np.int64]) -> dict[str, int]:
    span = counts[np.flatnonzero(counts)[0] :]
    return {"ages": int((span < THIN_AGE_IMAGES).sum()), "of": len(span), "fewer_than": THIN_AGE_IMAGES}
