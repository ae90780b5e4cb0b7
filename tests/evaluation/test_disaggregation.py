import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import MetricFrame
from sklearn.metrics import accuracy_score

from agelens.evaluation.disaggregation import disaggregate


@pytest.fixture
def rows() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    group = rng.choice(["a", "b", "c"], 500, p=[0.5, 0.45, 0.05])
    truth = rng.integers(0, 2, 500)
    right = rng.random(500) < np.where(group == "a", 0.95, np.where(group == "b", 0.8, 0.3))
    return pd.DataFrame({"group": group, "truth": truth, "answer": np.where(right, truth, 1 - truth)})


def members(rows: pd.DataFrame) -> dict[str, dict[str, np.ndarray]]:
    return {"kind": {name: (rows["group"] == name).to_numpy() for name in ("a", "b", "c")}}


def test_it_is_fairlearns_metric_frame(rows: pd.DataFrame) -> None:
    large = rows[rows["group"] != "c"]
    frame = MetricFrame(
        metrics=accuracy_score,
        y_true=large["truth"],
        y_pred=large["answer"],
        sensitive_features=large["group"],
    )
    right = (rows["truth"] == rows["answer"]).to_numpy(float)
    found = disaggregate(right, members(rows), np.arange(len(rows)), False, 1)
    kind = found.kinds["kind"]
    for name in ("a", "b"):
        assert kind.by_group[name].value == pytest.approx(frame.by_group[name])
    assert kind.difference == pytest.approx(frame.difference())
    assert kind.ratio == pytest.approx(frame.ratio())
    assert found.overall.value == pytest.approx(right.mean())
    assert (kind.best, kind.worst) == ("a", "b")


def test_differences_and_ratios_to_the_best_come_with_intervals(rows: pd.DataFrame) -> None:
    right = (rows["truth"] == rows["answer"]).to_numpy(float)
    told = disaggregate(right, members(rows), np.arange(len(rows)), False, 1).to_json()["kinds"]["kind"]
    worst = told["by_group"]["b"]
    assert worst["difference_ci95"][0] < worst["difference"] < worst["difference_ci95"][1] < 0
    assert worst["ratio_ci95"][0] < worst["ratio"] < worst["ratio_ci95"][1] < 1
    # As far as two shares by themselves are known.
    spread = np.sqrt(sum(right[rows["group"] == name].var() / (rows["group"] == name).sum() for name in "ab"))
    assert np.ptp(worst["difference_ci95"]) == pytest.approx(2 * 1.96 * spread, rel=0.1)
    assert told["difference"] == pytest.approx(-worst["difference"])


def test_small_groups_are_marked_and_are_neither_best_nor_worst(rows: pd.DataFrame) -> None:
    values = np.where(rows["group"] == "c", 50.0, np.arange(500) % 7)
    found = disaggregate(values, members(rows), np.arange(len(rows)), True, 1).kinds["kind"]
    assert found.by_group["c"].few
    assert not found.by_group["a"].few
    assert {found.best, found.worst} == {"a", "b"}
    alone = disaggregate(values, {"kind": {"c": members(rows)["kind"]["c"]}}, np.arange(500), True, 1)
    assert (alone.kinds["kind"].worst, alone.kinds["kind"].difference) == ("", None)


def test_copies_make_no_difference_surer(rows: pd.DataFrame) -> None:
    values = np.random.default_rng(1).exponential(4, 500)
    once = disaggregate(values, members(rows), np.arange(500), True, 1).kinds["kind"]
    twice = pd.concat([rows, rows], ignore_index=True)
    both = disaggregate(np.tile(values, 2), members(twice), np.tile(np.arange(500), 2), True, 1).kinds["kind"]
    assert both.by_group[both.worst].difference_ci95 == pytest.approx(
        once.by_group[once.worst].difference_ci95
    )


def test_the_p_value_counts_the_pairs_that_extremes_were_picked_from() -> None:
    rng = np.random.default_rng(9)
    groups = {str(number): np.arange(600) // 60 == number for number in range(10)}
    told = sum(
        disaggregate(rng.normal(0, 1, 600), {"kind": groups}, np.arange(600), True, 1).kinds["kind"].p < 0.05
        for _ in range(20)
    )
    # Of 45 pairs of groups that are alike, the extremes differ at 5 % most of the time.
    assert told <= 3
