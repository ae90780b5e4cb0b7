import json

import numpy as np
import pandas as pd
import pytest

from agelens.evaluation.age_limit_report import measure_age_limits


def faces(count: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(6)
    ages = rng.integers(0, 60, count)
    estimates = np.clip(np.round(ages + rng.normal(0, 4, count)), 0, None)
    return pd.DataFrame(
        {
            "age": ages,
            "gender": rng.integers(0, 2, count),
            "race": rng.choice(["White", "Black", ""], count),
            "group": np.arange(count).astype(str),
            "age_years": estimates,
            "age_low": estimates - 6,
            "p_at_least_18": 1 / (1 + np.exp(-(estimates - 18) / 2)),
        }
    )


def measure(rows: pd.DataFrame, missed: pd.DataFrame | None = None, limits: tuple[int, ...] = (18,)) -> dict:
    return measure_age_limits(rows, rows.iloc[:0] if missed is None else missed, limits, 0.01, 1)


def test_each_limit_is_told_overall_and_by_gender_and_race() -> None:
    told = measure(faces(), limits=(13, 18))
    assert list(told["limits"]) == ["13", "18"]
    limit = told["limits"]["18"]
    assert set(limit["groups"]) == {"gender", "race"}
    assert set(limit["groups"]["race"]) == {"Black", "White"}
    assert sum(group["n"] for group in limit["groups"]["gender"].values()) == limit["overall"]["n"] == 400
    assert limit["overall"]["curve"]["challenge_ages"] == list(range(18, 39))
    assert "probability" not in told["limits"]["13"]
    assert limit["probability"]["ece"] < 0.2
    json.dumps(told, allow_nan=False)


def test_the_lower_end_lets_fewer_pass_than_the_estimate() -> None:
    by = measure(faces())["limits"]["18"]["decisions"]
    assert by["interval_low"]["false_positives"]["value"] < by["estimate"]["false_positives"]["value"]
    assert by["interval_low"]["false_negatives"]["value"] > by["estimate"]["false_negatives"]["value"]


def test_those_who_nearly_reach_the_limit_pass_more_often() -> None:
    rows = faces()
    overall = measure(rows)["limits"]["18"]["overall"]
    near = rows["age"].between(13, 17)
    assert overall["near_false_positives"]["faces"] == near.sum()
    assert overall["near_false_positives"]["value"] == pytest.approx((rows["age_years"][near] >= 18).mean())
    assert overall["near_false_positives"]["value"] > overall["at_limit"]["false_positives"]["value"]


def test_faces_that_were_not_found_are_refused() -> None:
    rows = faces()
    missed = pd.DataFrame(
        {"age": [30] * 20, "gender": [0] * 20, "race": ["White"] * 20, "group": [f"m{n}" for n in range(20)]}
    )
    before, after = measure(rows), measure(rows, missed)
    one, other = (told["limits"]["18"]["overall"]["at_limit"]["false_negatives"] for told in (before, after))
    assert after["not_found"] == 20
    assert other["hits"] == one["hits"] + 20
    assert other["faces"] == one["faces"] + 20
    assert after["nist"]["macro_mae"] == before["nist"]["macro_mae"]


def test_groups_of_ages_count_where_they_lie_on_one_side() -> None:
    rows = faces(40).assign(age_min=lambda rows: rows["age"], age_max=lambda rows: rows["age"])
    rows.loc[:9, ["age_min", "age_max", "age"]] = 10, 19, 14
    rows.loc[10:19, ["age_min", "age_max", "age"]] = 20, 29, 24
    assert measure(rows)["limits"]["18"]["overall"]["n"] == 30
    assert measure(rows, limits=(20,))["limits"]["20"]["overall"]["n"] == 40


def test_of_a_group_below_the_limit_nobody_knows_who_nearly_reaches_it() -> None:
    rows = faces(400).assign(age_min=lambda rows: rows["age"], age_max=lambda rows: rows["age"])
    rows.loc[:99, ["age_min", "age_max", "age"]] = 12, 17, 14
    teens = rows.iloc[100:]["age"].between(13, 17).sum()
    told = measure(rows)
    assert told["limits"]["18"]["overall"]["n"] == 400
    assert told["limits"]["18"]["overall"]["near_false_positives"]["faces"] == teens
    assert told["nist"]["challenge_25"]["13_to_17"]["false_positives"]["faces"] == teens
    assert told["nist"]["challenge_25"]["under_18"]["false_positives"]["faces"] == (rows["age"] < 18).sum()


def test_where_no_age_is_known_to_be_on_one_side_nothing_is_told() -> None:
    rows = faces(40).assign(age=14, age_min=10, age_max=19)
    told = measure(rows)
    assert told["limits"]["18"]["overall"]["n"] == 0
    assert "probability" not in told["limits"]["18"]
    json.dumps(told, allow_nan=False)
