"""The findings about a face table in sentences, each of which follows from one of its numbers.

Kept because profilers of tables, such as ydata-profiling, chart every column but say nothing about modes of ages,
heaping or thin bands, which decide what a network can learn.
"""

from typing import Any

from agelens.reporting.dataset_numbers import WHIPPLE_AGES

BALANCE_LEAST_IMAGES = 30
EVEN_SHARE, EVEN_SKEWNESS, HEAPED = 0.02, 0.1, 1.1


def describe(numbers: dict[str, Any]) -> list[str]:
    """Sentences for the numbers that `measure` gives, in the order in which a reader wants them."""
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
        f"{told}; of the bands with {BALANCE_LEAST_IMAGES} images and more the share labelled female runs from "
        f"{_percent(full[low]['female_share'], 0)} at {low} to {_percent(full[high]['female_share'], 0)} at {high}."
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
