import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from agelens.evaluation.comparisons import holm, paired, welch


@pytest.fixture
def two() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    return rng.normal(4, 2, 40), rng.normal(5, 4, 70)


def test_without_duplicates_it_is_welchs_test(two: tuple[np.ndarray, np.ndarray]) -> None:
    first, second = two
    found = welch(first, second, np.arange(40), np.arange(70))
    expected = stats.ttest_ind(first, second, equal_var=False)
    assert found.p == pytest.approx(expected.pvalue)
    assert found.degrees == pytest.approx(expected.df)
    assert found.value == pytest.approx(first.mean() - second.mean())


def test_without_duplicates_it_is_the_paired_test(two: tuple[np.ndarray, np.ndarray]) -> None:
    first, second = two[0], two[1][:40]
    found = paired(first - second, np.arange(40))
    assert found.p == pytest.approx(stats.ttest_rel(first, second).pvalue)


def test_copies_add_no_evidence(two: tuple[np.ndarray, np.ndarray]) -> None:
    first, second = two
    alone = welch(first, second, np.arange(40), np.arange(70))
    copied = welch(
        np.repeat(first, 5), np.repeat(second, 5), np.repeat(np.arange(40), 5), np.repeat(np.arange(70), 5)
    )
    assert copied.p == pytest.approx(alone.p)


def test_too_few_faces_prove_nothing() -> None:
    assert paired(np.array([5.0]), np.array([0])).p == 1
    assert welch(np.array([1.0]), np.array([5.0, 6.0]), np.array([0]), np.array([1, 2])).p == 1
    assert paired(np.zeros(9), np.arange(9)).p == 1
    assert paired(np.ones(9), np.arange(9)).p == 0


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.floats(0.001, 0.5))
def test_holm_rejects_what_the_step_down_procedure_rejects(values: list[float], level: float) -> None:
    order = sorted(range(len(values)), key=lambda number: values[number])
    rejected = set()
    for step, number in enumerate(order):
        if not (len(values) - step) * values[number] < level:
            break
        rejected.add(number)
    assert {number for number, p in enumerate(holm(values)) if p < level} == rejected


def test_nothing_is_told_where_nothing_is_different_in_nineteen_of_twenty_cases() -> None:
    rng = np.random.default_rng(0)
    false_alarms = 0
    for _ in range(200):
        tests = [paired(rng.normal(0, 1, 30), np.arange(30)).p for _ in range(20)]
        false_alarms += min(holm(tests)) < 0.05
    assert false_alarms <= 19
