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


def test_faces_without_an_exact_label_have_no_score() -> None:
    rows = faces(40).assign(age_min=lambda rows: rows["age"], age_max=lambda rows: rows["age"])
    rows.loc[:9, "age_max"] += 5
    rows = rows.astype({"gender": float})
    rows.loc[:4, "gender"] = np.nan
    scores = face_scores(rows)
    assert (len(scores["age_mae"].values), len(scores["gender_accuracy"].values)) == (30, 35)
    assert set(face_scores(rows.drop(columns=["age_years", "age_low", "age_high"]))) == {"gender_accuracy"}
