import json

import numpy as np
import pandas as pd
import pytest

from agelens.evaluation.certainty_report import LEVELS, level_columns, measure_certainty


def faces(count: int = 800) -> pd.DataFrame:
    """Intervals that hold what they promise, wider where errors are larger, and right probabilities."""
    rng = np.random.default_rng(8)
    ages, spread = rng.uniform(0, 80, count), rng.choice([2.0, 4.0, 8.0], count)
    estimates, truth = ages + rng.normal(0, spread), rng.random(count)
    rows = pd.DataFrame(
        {
            "age": ages,
            "gender": (rng.random(count) < truth).astype(int),
            "race": "White",
            "age_years": estimates,
            "p_female": truth,
        }
    )
    for level, width in zip(LEVELS, (1.2816, 1.6449, 1.96), strict=True):
        low, high = level_columns(level)
        rows[low], rows[high] = estimates - width * spread, estimates + width * spread
    return rows


def test_columns_are_named_by_their_coverage() -> None:
    assert [level_columns(level)[0] for level in LEVELS] == ["age_low_80", "age_low", "age_low_95"]


def test_each_coverage_is_told_overall_and_by_group() -> None:
    told = measure_certainty(faces(), {0.8: True, 0.9: True, 0.95: False}, 1.3, 0.02, 1)
    levels = told["age"]["levels"]
    assert list(levels) == ["80", "90", "95"]
    for level, one in levels.items():
        assert one["held"]["value"] == pytest.approx(int(level) / 100, abs=0.03)
        assert sum(group["held"]["faces"] for group in one["groups"]["age_band"].values()) == 800
    assert [one["calibrated"] for one in levels.values()] == [True, True, False]
    assert levels["80"]["width"] < levels["90"]["width"] < levels["95"]["width"]
    json.dumps(told, allow_nan=False)


def test_error_grows_with_the_width_of_intervals() -> None:
    bins = measure_certainty(faces(), dict.fromkeys(LEVELS, True), 1, 0.02, 1)["age"]["error_by_width"]
    errors = [one["mae"] for one in bins]
    assert errors == sorted(errors)
    assert errors[-1] > 3 * errors[0]
    assert sum(one["n"] for one in bins) == 800


def test_gender_is_told_by_certainty() -> None:
    rows = faces()[["age", "gender", "race", "p_female"]]
    told = measure_certainty(rows, {}, 1.3, 0.1, 1)
    assert set(told) == {"gender"}
    assert told["gender"]["temperature"] == 1.3
    by_certainty = told["gender"]["accuracy_by_certainty"]
    assert sum(one["n"] for one in by_certainty) == 800
    assert all(one["accuracy"] == pytest.approx(one["stated"], abs=0.12) for one in by_certainty)
    assert told["gender"]["abstain"]["error"]["value"] <= 0.1
    assert 0.2 < told["gender"]["abstain"]["answered"]["value"] < 1
