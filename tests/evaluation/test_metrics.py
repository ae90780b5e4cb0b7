import numpy as np
import pandas as pd
import pytest
from scipy import stats

from agelens.evaluation.metrics import interval, measure, measure_age, measure_gender, share_interval

SEED = 5


def test_age_figures_by_hand() -> None:
    figures = measure_age(np.array([10.0, 20, 30, 40]), np.array([12.0, 15, 36, 40]), SEED)
    # Errors +2, -5, +6, 0.
    assert figures["n"] == 4
    assert figures["mae"] == pytest.approx(13 / 4)
    assert figures["bias"] == pytest.approx(3 / 4)
    assert figures["rmse"] == pytest.approx(np.sqrt((4 + 25 + 36) / 4))
    # Five years off is within five years.
    assert figures["cs5"] == 0.75
    for name in ("mae", "bias", "rmse", "cs5"):
        low, high = figures[f"{name}_ci95"]
        assert low <= figures[name] <= high
    assert figures["mae_ci95"][0] >= 0
    assert figures["mae_ci95"][1] <= 6


def test_gender_figures_by_hand() -> None:
    figures = measure_gender(np.array([0, 0, 1, 1]), np.array([0.1, 0.6, 0.5, 0.9]), SEED)
    # One half counts as female; 0.6 for a male is the one mistake, and the one pair of four that is out of order.
    assert figures["accuracy"] == 0.75
    assert figures["auc"] == 0.75
    assert figures["n"] == 4


def test_one_label_has_an_accuracy_and_no_auc() -> None:
    figures = measure_gender(np.ones(3), np.array([0.2, 0.7, 0.8]), SEED)
    assert figures["accuracy"] == pytest.approx(2 / 3)
    assert (figures["auc"], figures["auc_ci95"]) == (None, None)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_handful_of_faces_has_figures_and_no_interval(count: int) -> None:
    ages, estimates = np.array([30.0, 40, 50])[:count], np.array([33.0, 40, 44])[:count]
    age = measure_age(ages, estimates, SEED)
    gender = measure_gender(np.array([0.0, 1, 1])[:count], np.array([0.2, 0.7, 0.8])[:count], SEED)
    assert age["mae"] == pytest.approx([3, 1.5, 3][count - 1])
    assert gender["accuracy"] == 1
    assert {value for key, value in {**age, **gender}.items() if key.endswith("_ci95")} == {None}


def test_faces_that_do_not_differ_have_no_interval_but_a_share_has() -> None:
    figures = measure_age(np.full(5, 30.0), np.full(5, 33.0), SEED)
    assert (figures["mae"], figures["mae_ci95"]) == (3.0, None)
    # Five of five is not certainty.
    low, high = figures["cs5_ci95"]
    assert high == 1
    assert low == pytest.approx(0.566, abs=1e-3)
    assert share_interval(np.ones(16))[0] == pytest.approx(0.806, abs=1e-3)  # type: ignore[index]


def test_intervals_of_few_faces_are_as_wide_as_they_must_be() -> None:
    rng = np.random.default_rng(SEED)
    covered = 0
    for trial in range(200):
        low, high = interval(np.abs(rng.normal(0, 1, 6)), seed=trial)  # type: ignore[misc]
        covered += low <= np.sqrt(2 / np.pi) <= high
    # Plain percentiles hold the truth in some 165 of 200.
    assert covered >= 178


def test_an_interval_depends_on_the_seed_alone() -> None:
    values = np.random.default_rng(0).exponential(6, 80)
    assert interval(values, seed=1) == interval(values, seed=1)
    assert interval(values, seed=1) != interval(values, seed=2)


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    rng = np.random.default_rng(SEED)
    covered = 0
    for trial in range(200):
        low, high = interval(np.abs(rng.normal(0, 1, 120)), seed=trial)  # type: ignore[misc]
        covered += low <= np.sqrt(2 / np.pi) <= high
    # A true 95 % would leave 180 to 198 in all but one of a thousand such tests; the percentile method is a little low.
    assert 178 <= covered <= 198


def predictions() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "age": [5, 9, 25, 85, 116, 25],
            "gender": [0, 1, 0, 1, 1, 1],
            "race": ["White", "Asian", "", "White", "White", "Asian"],
            "age_years": [7.0, 8.0, 25.0, 80.0, 100.0, 31.0],
            "p_female": [0.2, 0.9, 0.7, 0.8, 0.4, 0.6],
        }
    )


def test_groups_hold_every_face_once_and_agree_with_the_whole() -> None:
    result = measure(predictions(), "age", SEED)
    groups = result["groups"]
    assert {name: group["n"] for name, group in groups["age_band"].items()} == {
        "0-9": 2,
        "20-29": 2,
        "80+": 2,
    }
    assert {name: group["n"] for name, group in groups["gender"].items()} == {"male": 2, "female": 4}
    # A face without a race label is in no group of race.
    assert {name: group["n"] for name, group in groups["race"].items()} == {"Asian": 2, "White": 3}
    for kind in ("age_band", "gender"):
        weighted = sum(group["mae"] * group["n"] for group in groups[kind].values()) / result["n"]
        assert weighted == pytest.approx(result["mae"])
    assert groups["age_band"]["0-9"]["mae"] == pytest.approx(1.5)
    assert groups["race"]["White"]["bias"] == pytest.approx((2 - 5 - 16) / 3)


def test_gender_groups_have_accuracies() -> None:
    result = measure(predictions(), "gender", SEED)
    assert result["accuracy"] == pytest.approx(4 / 6)
    assert result["groups"]["gender"]["male"]["accuracy"] == 0.5
    assert result["groups"]["gender"]["female"]["accuracy"] == 0.75
    assert result["groups"]["gender"]["female"]["auc"] is None


def test_copies_of_one_picture_count_once() -> None:
    rng = np.random.default_rng(SEED)
    errors = np.abs(rng.normal(0, 5, 60))
    copied, groups = np.repeat(errors, 4), np.repeat(np.arange(60), 4)
    alone = interval(errors, 1)
    assert interval(copied, 1, groups) == pytest.approx(alone)
    narrow = interval(copied, 1)
    assert narrow[1] - narrow[0] < 0.6 * (alone[1] - alone[0])  # type: ignore[index]


def test_each_group_is_tested_against_all_other_faces() -> None:
    rows = predictions()
    (race,) = (measure(rows, "age", SEED)["groups"][kind] for kind in ("race",))
    errors = (rows["age_years"] - rows["age"]).abs()
    white = rows["race"] == "White"
    tested = stats.ttest_ind(errors[white], errors[~white], equal_var=False)
    assert race["White"]["mae_less_rest"] == pytest.approx(errors[white].mean() - errors[~white].mean())
    assert race["White"]["mae_p"] == pytest.approx(tested.pvalue)
    signed = (rows["age_years"] - rows["age"])[white]
    assert race["White"]["bias_p"] == pytest.approx(stats.ttest_1samp(signed, 0).pvalue)
