import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import confusion_matrix

from agelens.evaluation.age_groups import measure_age_groups, measure_group_labels, years_outside


def table(rows: list[tuple[str, int, int, float]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["source", "age_min", "age_max", "age_years"])
    return frame.assign(
        gender=[0, 1] * (len(rows) // 2) + [0] * (len(rows) % 2), race="", site=["x", *"y" * (len(rows) - 1)]
    )


ROWS = table(
    [
        ("f", 0, 2, 2.9), ("f", 3, 9, 2.9), ("f", 10, 19, 31.0), ("f", 20, 29, 29.9), ("f", 20, 29, 30.0),
        ("f", 30, 39, 12.0), ("a", 25, 32, 33.5), ("a", 38, 43, 39.0), ("a", 48, 53, 20.0),
    ]
)  # fmt: skip


def test_years_outside_count_from_the_first_and_from_behind_the_last_year() -> None:
    found = years_outside(np.array([19.0, 20.0, 29.9, 30.0, 35.0]), np.float64(20), np.float64(29))
    assert found.tolist() == [1.0, 0.0, 0.0, 1.0, 6.0]


def test_shares_and_confusion_of_each_source() -> None:
    found = measure_age_groups(ROWS, seed=0)
    assert found["n"] == 9
    assert found["right_group"] == pytest.approx(3 / 9)
    # Right, or beside: 2.9 for 3-9, 30.0 for 20-29, 33.5 for 25-32; not 31 for 10-19, 12 for 30-39, 20 for 48-53.
    assert found["one_off"] == pytest.approx(6 / 9)
    assert found["years_outside"] == pytest.approx((0.1 + 12 + 1 + 18 + 1.5 + 28) / 9)
    assert found["confusion"]["a"] == {
        "groups": ["25-32", "38-43", "48-53"],
        "counts": [[1, 0, 0], [0, 1, 0], [1, 0, 0]],
    }
    assert found["right_group_ci95"][0] < 3 / 9 < found["right_group_ci95"][1]


def test_the_confusion_matrix_is_that_of_scikit_learn() -> None:
    chance = np.random.default_rng(1)
    starts = np.arange(0, 100, 10)
    low = chance.choice(starts, 300)
    rows = pd.DataFrame(
        {
            "source": "f",
            "age_min": low,
            "age_max": low + 9,
            "age_years": chance.uniform(0, 99.9, 300),
            "gender": 0,
        }
    )
    counts = measure_age_groups(rows, 0)["confusion"]["f"]["counts"]
    estimated = (rows["age_years"] // 10).astype(int)
    assert np.array_equal(counts, confusion_matrix(low // 10, estimated, labels=range(10)))


def test_intervals_that_meet_a_group_are_an_upper_bound() -> None:
    rows = ROWS.iloc[2:6].assign(age_low=[20.0, 25.0, 30.0, 8.0], age_high=[40.0, 34.0, 36.0, 29.9])
    # 10-19 ends before 20.0, 20-29 before 30.0, and 30-39 begins with 30.0.
    found = measure_age_groups(rows, seed=0)
    assert found["interval_meets"] == 1 / 4
    assert found["interval_years"] == pytest.approx((20 + 9 + 6 + 21.9) / 4)
    assert "interval_meets" not in measure_age_groups(ROWS, seed=0)


def test_groups_by_label_source_and_a_column_of_ones_own() -> None:
    groups = measure_group_labels(ROWS, 0, ["site"])["groups"]
    assert list(groups["age_group"])[:3] == ["0-2", "3-9", "10-19"]
    assert groups["age_group"]["20-29"]["n"] == 2
    assert {name: one["n"] for name, one in groups["source"].items()} == {"a": 3, "f": 6}
    assert groups["site"]["x"]["right_group"] == 1.0
    assert "confusion" not in groups["site"]["x"]
    assert groups["gender"]["male"]["n"] == 5
