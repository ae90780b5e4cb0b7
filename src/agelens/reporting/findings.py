"""Numbers about a face table, and the sentences that tell them; each sentence follows from a number."""

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
BALANCE_LEAST_IMAGES = 30
EVEN_SHARE, EVEN_SKEWNESS, HEAPED = 0.02, 0.1, 1.1


def measure_labels(table: pd.DataFrame) -> dict[str, Any]:
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
    ages = np.arange(WHIPPLE_AGES[0], WHIPPLE_AGES[1] + 1)
    span = np.bincount(np.arange(len(counts)), counts, WHIPPLE_AGES[1] + 1)[ages]
    if span.sum() < WHIPPLE_LEAST_IMAGES:
        return None
    return float(5 * span[ages % 5 == 0].sum() / span.sum())


def describe_labels(numbers: dict[str, Any]) -> list[str]:
    """Sentences for the numbers that `measure_labels` gives, in the order in which a reader wants them."""
    told = [
        _tell_gender(numbers),
        _tell_age(numbers),
        _tell_modes(numbers),
        _tell_outlier_bins(numbers),
        _tell_heaping(numbers),
        _tell_under_represented(numbers),
        _tell_balance(numbers),
        _tell_races(numbers),
    ]
    return [sentence for sentence in told if sentence]


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


def _tell_gender(numbers: dict[str, Any]) -> str:
    total, gender = numbers["images"], numbers["gender"]
    if total == 1:
        return f"The table holds one face, labelled {next(iter(gender))}, aged {numbers['age']['least']}."
    if len(gender) == 1:
        return (
            f"All {total:,} faces are labelled {next(iter(gender))}: no network can learn gender from them."
        )
    male, female = gender["male"], gender["female"]
    gap = abs(male["share"] - female["share"])
    verdict = (
        "the two labels are in balance" if gap < EVEN_SHARE else f"a gap of {100 * gap:.1f} percentage points"
    )
    return (
        f"Of {total:,} faces, {male['images']:,} ({_percent(male['share'])}) are labelled male and "
        f"{female['images']:,} ({_percent(female['share'])}) female: {verdict}."
    )


def _tell_age(numbers: dict[str, Any]) -> str:
    age = numbers["age"]
    if age["skewness"] is None:
        return f"All faces are aged {age['least']}." if numbers["images"] > 1 else ""
    told = (
        f"Ages run from {age['least']} to {age['greatest']} years; half of the faces are between "
        f"{age['q1']:.3g} and {age['q3']:.3g}, the median is {age['median']:g} and the mean {age['mean']:.1f}."
    )
    if abs(age["skewness"]) < EVEN_SKEWNESS:
        return f"{told} The distribution is nearly symmetric (skewness {age['skewness']:+.2f})."
    side = "older" if age["skewness"] > 0 else "younger"
    return f"{told} The longer tail is on the {side} side (skewness {age['skewness']:+.2f})."


def _tell_modes(numbers: dict[str, Any]) -> str:
    modes = numbers["modes"]
    if numbers["age"]["skewness"] is None:
        return ""
    parts = [
        f"ages {mode['from']} to {mode['to']} ({_percent(mode['share'], 0)} of the faces) with its peak at "
        f"{mode['peak']} ({_images(mode['peak_images'])})"
        for mode in modes
    ]
    if len(parts) == 1:
        return f"The distribution has one mode: {parts[0]}."
    strongest = max(modes, key=lambda mode: mode["peak_images"])
    return (
        f"The distribution has {len(parts)} modes: {'; '.join(parts)}. "
        f"The peak at {strongest['peak']} is the strongest."
    )


def _tell_outlier_bins(numbers: dict[str, Any]) -> str:
    told = [
        f"{outlier_bin['age']} ({_images(outlier_bin['images'])}, {outlier_bin['times_neighbours']:.1f} times "
        f"its neighbours)"
        for outlier_bin in numbers["outlier_bins"][:5]
    ]
    if not told:
        return ""
    return f"Single ages that stand out from the ages beside them: {', '.join(told)}."


def _tell_heaping(numbers: dict[str, Any]) -> str:
    index = numbers["whipple"]
    if index is None or index < HEAPED:
        return ""
    low, high = WHIPPLE_AGES
    return (
        f"Labels clump at multiples of five: between {low} and {high} they are {index:.2f} times as common "
        "as an even spread would make them (Whipple's index), a sign of ages that were guessed."
    )


def _tell_under_represented(numbers: dict[str, Any]) -> str:
    if numbers["images"] == 1:
        return ""
    thin, ages, old = (
        numbers["under_represented_bands"],
        numbers["under_represented_ages"],
        numbers["aged_80_or_more"],
    )
    told = f"{_percent(old['share'])} of the faces ({old['images']:,}) are 80 or older"
    if ages["ages"]:
        verb = "has" if ages["ages"] == 1 else "have"
        told += f", and {ages['ages']} of the {ages['of']} ages {verb} fewer than {ages['fewer_than']} images"
    if thin:
        counted = ", ".join(f"{band} ({numbers['bands'][band]['images']:,})" for band in thin)
        told += f". Under-represented bands, whose figures stay uncertain: {counted}"
    return told + "."


def _tell_balance(numbers: dict[str, Any]) -> str:
    medians = numbers["median_age_by_gender"]
    if len(medians) < 2:
        return ""
    told = (
        f"The median age is {medians['male']:g} for faces labelled male and {medians['female']:g} for female"
    )
    full = {name: band for name, band in numbers["bands"].items() if band["images"] >= BALANCE_LEAST_IMAGES}
    if len(full) < 2:
        return told + "."
    low, *_, high = sorted(full, key=lambda name: full[name]["female_share"])
    return (
        f"{told}; the share labelled female runs from {_percent(full[low]['female_share'], 0)} at {low} to "
        f"{_percent(full[high]['female_share'], 0)} at {high}."
    )


def _tell_races(numbers: dict[str, Any]) -> str:
    races = numbers["races"]
    if not races:
        return "The dataset has no race labels, so evenness across them cannot be audited."
    told = ", ".join(f"{name} {part['images']:,} ({_percent(part['share'])})" for name, part in races.items())
    return f"Race labels, kept only to audit evenness: {told}."


def _percent(share: float, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f} %"


def _images(count: int) -> str:
    return f"{count:,} image" + ("" if count == 1 else "s")
