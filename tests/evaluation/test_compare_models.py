import json

import numpy as np
import pandas as pd
import pytest

from agelens.errors import AgeLensError
from agelens.evaluation.compare_models import FIGURES, compare_predictions, face_figures


def faces(count: int = 500) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "age": rng.integers(0, 80, count),
            "gender": rng.integers(0, 2, count),
            "race": rng.choice(["White", "Black"], count),
            "digest": np.arange(count).astype(str),
        }
    )


def predicted(rows: pd.DataFrame, spread: float, right: float, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    answers = np.where(rng.random(len(rows)) < right, rows["gender"], 1 - rows["gender"])
    return pd.DataFrame(
        {
            "age_years": rows["age"] + rng.normal(0, spread, len(rows)),
            "p_female": 0.05 + 0.9 * answers,
            "stated": True,
        }
    )


def test_who_is_better_at_what_is_told() -> None:
    rows = faces()
    found = compare_predictions(rows, predicted(rows, 4, 0.8, 2), predicted(rows, 8, 0.97, 3), ("A", "B"), 1)
    assert found.faces == 500
    assert found.overall["age_mae"].better == "first"
    assert found.overall["gender_accuracy"].better == "second"
    assert set(found.groups["age_mae"]) == {"age_band", "gender", "race", "age_range"}
    told = found.verdicts()
    assert told[0].startswith("Age: mean absolute error (years): A is better (")
    assert any(line.startswith("Gender: accuracy: B is better (") for line in told)
    json.dumps(found.to_json(), allow_nan=False)


def test_a_group_may_go_against_the_whole() -> None:
    rows = faces(1000)
    first, second = predicted(rows, 4, 0.9, 2), predicted(rows, 8, 0.9, 3)
    black = rows["race"] == "Black"
    first.loc[black, "age_years"] += 30 * (np.arange(1000) % 3 == 0)[black]
    found = compare_predictions(rows, first, second, ("A", "B"), 1)
    assert found.groups["age_mae"]["race"]["White"].better == "first"
    assert found.groups["age_mae"]["race"]["Black"].better == "second"


def test_equals_are_not_told_apart() -> None:
    rows = faces()
    found = compare_predictions(rows, predicted(rows, 4, 0.9, 2), predicted(rows, 4, 0.9, 3), ("A", "B"), 1)
    assert all("not clearly apart" in line for line in found.verdicts())


def test_faces_that_one_did_not_estimate_are_left_out_and_counted() -> None:
    rows = faces(60)
    first, second = predicted(rows, 4, 0.9, 2), predicted(rows, 4, 0.9, 3)
    first.loc[:9, ["age_years", "p_female"]] = np.nan
    second.loc[5:11, ["age_years", "p_female"]] = np.nan
    found = compare_predictions(rows, first, second, ("A", "B"), 1)
    assert (found.faces, found.only, found.neither) == (48, (2, 5), 5)
    errors = (first["age_years"] - rows["age"]).abs()
    assert found.overall["age_mae"].first == pytest.approx(errors[12:].mean())


def test_only_what_both_say_is_compared() -> None:
    rows = faces(60)
    first, second = predicted(rows, 4, 0.9, 2), predicted(rows, 4, 0.9, 3)
    answers = second.assign(age_years=np.nan, stated=False)
    assert set(compare_predictions(rows, first, answers, ("A", "B"), 1).overall) == {"gender_accuracy"}
    with pytest.raises(AgeLensError, match="nothing that could be compared"):
        compare_predictions(rows, first.assign(p_female=np.nan), answers, ("A", "B"), 1)


def test_figures_of_faces_by_hand() -> None:
    rows = pd.DataFrame({"age": [10.0, 20, np.nan], "gender": [0, 1, np.nan]})
    said = pd.DataFrame(
        {"age_years": [16.0, 20, 5], "p_female": [0.25, 0.25, 0.5], "p_age": [0.5, 0.1, 0.3], "stated": True}
    )
    found = face_figures(rows, said)
    np.testing.assert_array_equal(found["age_mae"], [6, 0, np.nan])
    np.testing.assert_array_equal(found["age_cs5"], [0, 1, np.nan])
    np.testing.assert_allclose(found["age_log_loss"], [-np.log(0.5), -np.log(0.1), np.nan])
    np.testing.assert_array_equal(found["gender_accuracy"], [1, 0, np.nan])
    np.testing.assert_allclose(found["gender_log_loss"], [-np.log(0.75), -np.log(0.25), np.nan])
    grouped = rows.assign(age=[10.0, 24, np.nan], age_min=[10, 20, np.nan], age_max=[10, 29, np.nan])
    found = face_figures(grouped, said)
    np.testing.assert_array_equal(found["age_mae"], [6, np.nan, np.nan])
    np.testing.assert_array_equal(found["age_right_group"], [np.nan, 1, np.nan])


def test_differences_have_a_sign_and_shares_are_in_points() -> None:
    share, years = FIGURES["age_cs5"], FIGURES["age_mae"]
    assert share.told_difference(-0.016) == "-1.6 points"
    assert share.told_difference(-0.0002) == "+0.0 points"
    assert share.told_interval([-0.029, -0.005]) == "-2.9 to -0.5 points"
    assert years.told_interval([0.106, 0.24]) == "+0.106 to +0.240"
    assert years.told_interval(None) == "–"
