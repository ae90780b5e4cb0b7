import numpy as np
import pytest
from scipy import stats

from agelens.evaluation.paired import best_against_others, decide, paired_difference


def test_it_is_the_paired_test_and_its_interval_fits() -> None:
    rng = np.random.default_rng(1)
    hard = rng.exponential(5, 400)
    first, second = hard + rng.normal(0, 1, 400), hard + rng.normal(0.25, 1, 400)
    found = paired_difference(first, second, np.arange(400), 1)
    assert found.p == pytest.approx(stats.ttest_rel(first, second).pvalue)
    assert found.difference == pytest.approx((second - first).mean())
    spread = (second - first).std(ddof=1) / np.sqrt(400)
    assert found.ci95 == pytest.approx(
        [found.difference - 1.96 * spread, found.difference + 1.96 * spread], abs=0.02
    )
    # By themselves the two have intervals that overlap widely; in pairs they are clearly apart.
    alone = 1.96 * first.std() / 20
    assert abs(found.difference) < alone
    assert decide([found], [True])[0].better == "first"
    assert decide([found], [False])[0].better == "second"


def test_many_comparisons_need_more_evidence() -> None:
    rng = np.random.default_rng(2)
    values = rng.normal(0, 1, 100)
    values += 0.23 - values.mean()
    one = paired_difference(np.zeros(100), values, np.arange(100), 1)
    assert 0.01 < one.p < 0.05
    assert decide([one], [True])[0].better == "first"
    assert {found.better for found in decide([one] * 5, [True] * 5)} == {""}


def test_networks_that_never_differ_are_not_told_apart() -> None:
    values = np.random.default_rng(3).normal(0, 1, 50)
    found = paired_difference(values, values, np.arange(50), 1)
    assert (found.difference, found.p, found.ci95) == (0, 1, None)


def test_the_best_stands_beside_each_other() -> None:
    rng = np.random.default_rng(4)
    hard = rng.exponential(5, 300)
    scores = {"poor": (hard + 2 + rng.normal(0, 1, 300)).tolist(), "good": hard.tolist()}
    scores["twin"] = (hard + rng.normal(0.01, 1, 300)).tolist()
    told = best_against_others(scores, np.arange(300), True, 1)
    assert told["best"] in ("good", "twin")
    assert told["against"]["poor"]["better"] == "first"
    assert told["against"][({"good", "twin"} - {told["best"]}).pop()]["better"] == ""
    assert best_against_others({"alone": [1.0, 2.0]}, np.arange(2), True, 1) == {
        "best": "alone",
        "against": {},
    }
