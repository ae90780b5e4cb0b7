"""Whether another way to make prediction intervals holds the ages of each age group better, on held-out faces.

    python benchmarks/interval_scores.py --run my-run --bundle my-run/both

The faces that chose and calibrated a network, whose ages are known exactly, are halved by chance again and again; one
half fits, the other is measured. Ways: conformalised quantile regression (what AgeLens does), the same with an offset
for each end, with an offset in shares of the interval's width, and aimed at 92 % instead of 90 %. The test split is not
looked at.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agelens.bundles.bundle import find_one_bundle
from agelens.data.labels import age_band, has_exact_age
from agelens.data.table import read_table
from agelens.inference.intervals import bounds, join_bands
from agelens.inference.predictor import Predictor

Floats = NDArray[np.float64]
# From the ends before calibration and the ages of the faces that fit, and the ends of others: the ends of these.
Way = Callable[[Floats, Floats, Floats], Floats]


def offset(misses: Floats, coverage: float) -> float:
    """The smallest offset that holds this share of faces, of which one is new."""
    rank = int(np.ceil((len(misses) + 1) * coverage))
    return float(np.sort(misses)[min(rank, len(misses)) - 1])


def same_offset(ends: Floats, ages: Floats, others: Floats, coverage: float = 0.9) -> Floats:
    by = offset(np.maximum(ends[:, 0] - ages, ages - ends[:, 1]), coverage)
    return others + np.array([-by, by])


def offset_of_each_end(ends: Floats, ages: Floats, others: Floats) -> Floats:
    return others + np.array([-offset(ends[:, 0] - ages, 0.95), offset(ages - ends[:, 1], 0.95)])


def offset_by_width(ends: Floats, ages: Floats, others: Floats) -> Floats:
    width, other_width = (np.maximum(one[:, 1] - one[:, 0], 1) for one in (ends, others))
    by = offset(np.maximum(ends[:, 0] - ages, ages - ends[:, 1]) / width, 0.9) * other_width
    return others + np.stack([-by, by], 1)


WAYS: dict[str, Way] = {
    "one offset (AgeLens)": same_offset,
    "an offset for each end": offset_of_each_end,
    "an offset by width": offset_by_width,
    "one offset, for 92 %": lambda ends, ages, others: same_offset(ends, ages, others, 0.92),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--run", type=Path, required=True, help="a study whose faces the bundle was made from"
    )
    parser.add_argument("--bundle", required=True, help="the bundle")
    parser.add_argument("--rounds", type=int, default=100, help="how often the faces are halved (100)")
    options = parser.parse_args()
    table = read_table(options.run / "table.csv")
    rows = table[(table["split"] == "validation") & has_exact_age(table)].reset_index(drop=True)
    faces = Predictor([find_one_bundle(options.bundle)]).predict(rows["path"].tolist(), crops=True).faces
    years = np.array([face.age_years for face in faces], np.float64)
    ends = bounds(years, np.array([face.age_distribution for face in faces], np.float32))
    ages, bands = rows["age"].to_numpy(np.float64), age_band(rows["age"]).to_numpy()
    names = [name for name in sorted(set(bands)) if (bands == name).sum() >= 30]
    print("| way | all | width, years | " + " | ".join(f"{n} ({(bands == n).sum()})" for n in names) + " |")
    print("|---" * (len(names) + 3) + "|")
    for name, way in WAYS.items():
        held, width = measure(way, years, ends, ages, options.rounds)
        each = " | ".join(f"{100 * held[bands == one].mean():.1f} %" for one in names)
        print(f"| {name} | {100 * held.mean():.1f} % | {width:.1f} | {each} |")


def measure(way: Way, years: Floats, ends: Floats, ages: Floats, rounds: int) -> tuple[Floats, float]:
    """How often each age was held when its face did not fit, 0 to 1, and the mean width, years."""
    chance = np.random.default_rng(0)
    held, tried, widths = np.zeros(len(ages)), np.zeros(len(ages)), []
    for _ in range(rounds):
        fits = chance.permutation(len(ages)) < len(ages) // 2
        starts = join_bands(np.clip(years[fits], 0, None))
        band = np.clip(np.searchsorted(starts, years, side="right") - 1, 0, None)
        for number in range(len(starts)):
            here = band == number
            new = way(ends[fits & here], ages[fits & here], ends[~fits & here])
            low, high = np.ceil(new[:, 0]), np.floor(new[:, 1])
            measured = np.flatnonzero(~fits & here)
            held[measured] += (ages[measured] >= low) & (ages[measured] <= high)
            tried[measured] += 1
            widths.extend(high - low)
    return held / np.maximum(tried, 1), float(np.mean(widths))


if __name__ == "__main__":
    main()
