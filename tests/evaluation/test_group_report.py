import json

import numpy as np
import pandas as pd
import pytest

from agelens.evaluation.group_report import face_scores, measure_groups


def faces(count: int = 600) -> pd.DataFrame:
    rng = np.random.default_rng(7)
    ages, genders = rng.integers(0, 80, count), rng.integers(0, 2, count)
    race = rng.choice(["White", "Black"], count)
    spread = np.where(race == "Black", 9.0, 3.0)
    estimates = ages + rng.normal(0, spread)
    return pd.DataFrame(
        {
            "age": ages,
            "gender": genders,
            "race": race,
            "age_years": estimates,
            "age_low": estimates - 8,
            "age_high": estimates + 8,
            "p_female": np.where(rng.random(count) < 0.9, genders, 1 - genders),
        }
    )


def test_the_largest_gap_is_told_in_words() -> None:
    told = measure_groups(faces(), 1)
    (gap,) = (
        line for line in told["gaps"] if line.startswith("Age: mean absolute error (years), race label")
    )
    assert "Black" in gap.split(" against ")[0]
    assert "White" in gap.split(" against ")[1]
    assert "a difference of " in gap
    json.dumps(told, allow_nan=False)


def test_where_groups_are_alike_there_is_no_gap_of_gender() -> None:
    rows = faces().assign(p_female=lambda rows: rows["gender"])
    assert not [line for line in measure_groups(rows, 1)["gaps"] if line.startswith("Gender")]


def test_pairs_are_told_and_small_ones_marked() -> None:
    figures = measure_groups(faces(), 1)["figures"]["age_mae"]
    pairs = figures["kinds"]["age_band x race"]["by_group"]
    assert sum(one["faces"] for one in pairs.values()) == 600
    assert {one["few"] for one in pairs.values()} >= {False}
    assert all(one["few"] == (one["faces"] < 30) for one in pairs.values())
    rows = faces()
    errors = (rows["age_years"] - rows["age"]).abs()
    assert figures["overall"]["value"] == pytest.approx(errors.mean())


def test_groups_of_ages_are_in_a_band_where_they_lie_in_it() -> None:
    rows = faces(200).assign(age_min=20, age_max=29, age=24)
    rows.loc[100:149, ["age_min", "age_max", "age"]] = 15, 20, 17
    rows.loc[150:, ["age_min", "age_max", "age"]] = 70, 116, 74
    told = measure_groups(rows, 1)["figures"]
    assert "age_mae" not in told
    assert told["right_group"]["overall"]["faces"] == 200
    assert {
        name: one["faces"] for name, one in told["right_group"]["kinds"]["age_band"]["by_group"].items()
    } == {"20-29": 100}


def test_names_of_pairs_are_told_apart() -> None:
    rows = faces().assign(size=lambda rows: np.where(rows["gender"] == 1, "640 x 480", "small"))
    pairs = measure_groups(rows, 1, ["size"])["figures"]["age_mae"]["kinds"]["race x size"]["by_group"]
    assert all(len(name.split(" x ")) == 2 for name in pairs)


def test_faces_without_an_exact_label_have_no_score() -> None:
    rows = faces(40).assign(age_min=lambda rows: rows["age"], age_max=lambda rows: rows["age"])
    rows.loc[:9, "age_max"] += 5
    rows = rows.astype({"gender": float})
    rows.loc[:4, "gender"] = np.nan
    scores = face_scores(rows)
    assert (len(scores["age_mae"].values), len(scores["gender_accuracy"].values)) == (30, 35)
    assert set(face_scores(rows.drop(columns=["age_years", "age_low", "age_high"]))) == {"gender_accuracy"}
