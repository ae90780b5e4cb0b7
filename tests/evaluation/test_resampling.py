import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from agelens.evaluation import resampling
from agelens.evaluation.resampling import (
    auc,
    bootstrap,
    clusters_of,
    draw_weights,
    intervals,
    mean,
    percentiles,
    root_mean,
)


@pytest.mark.parametrize("seed", range(5))
def test_auc_is_scikit_learns_with_ties_and_weights(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, 200).astype(float)
    scores = (labels + rng.normal(0, 1.5, 200)).round(1)
    weights = rng.integers(0, 4, (3, 200)).astype(float)
    expected = [roc_auc_score(labels, scores, sample_weight=row) for row in weights]
    assert auc(weights, labels, scores) == pytest.approx(expected, abs=1e-12)
    assert np.isnan(auc(np.ones((1, 3)), np.ones(3), np.arange(3.0)))[0]


def test_means_are_weighted() -> None:
    weights, values = np.array([[1.0, 0, 2], [0, 0, 0]]), np.array([1.0, 5, 4])
    assert mean(weights, values)[0] == pytest.approx(3)
    assert np.isnan(mean(weights, values)[1])
    assert root_mean(weights, values**2)[0] == pytest.approx(np.sqrt((1 + 32) / 3))


def test_whole_groups_are_drawn_and_as_many_as_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resampling, "RESAMPLES", 500)
    clusters = np.array([7, 7, 3, 9, 9, 9])
    weights = np.concatenate(list(draw_weights(clusters, 1)))
    assert weights.shape == (500, 6)
    assert (weights[:, 0] == weights[:, 1]).all()
    assert (weights[:, 3] == weights[:, 5]).all()
    assert (weights[:, [0, 2, 3]].sum(axis=1) == 3).all()
    # Each group is drawn once on average.
    assert weights.mean(axis=0) == pytest.approx(np.ones(6), abs=0.12)


def test_without_duplicates_the_bootstrap_is_scipys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resampling, "RESAMPLES", 6000)
    values = np.random.default_rng(4).exponential(6, 300)
    drawn = bootstrap({"mean": (mean, (values,))}, np.arange(300), 1)["mean"]
    expected = stats.bootstrap((values,), np.mean, n_resamples=6000, method="percentile", rng=2)
    assert drawn.std() == pytest.approx(expected.standard_error, rel=0.04)
    assert np.quantile(drawn, [0.025, 0.975]) == pytest.approx(list(expected.confidence_interval), abs=0.08)


def test_percentiles_of_few_groups_lie_further_out() -> None:
    drawn = np.random.default_rng(0).normal(0, 1, 4000)
    few, many = percentiles(drawn, 5), percentiles(drawn, 5000)
    assert few is not None
    assert many is not None
    assert few[0] < many[0] < -1.8 < 1.8 < many[1] < few[1]
    assert percentiles(drawn, 3) is None
    assert percentiles(np.where(np.arange(4000) % 10 == 0, np.nan, drawn), 50) is None


def test_one_draw_serves_all_figures_and_depends_on_the_seed_alone() -> None:
    values = np.random.default_rng(0).exponential(6, 80)
    figures = {"mean": (mean, (values,)), "other": (mean, (2 * values,))}
    found = intervals(figures, np.arange(80), 1)
    assert found["other"] == pytest.approx([2 * end for end in found["mean"] or []])
    assert found == intervals(figures, np.arange(80), 1)
    assert found != intervals(figures, np.arange(80), 2)
    assert intervals({"same": (mean, (np.ones(9),))}, np.arange(9), 1) == {"same": None}


def test_groups_come_from_the_audit_else_from_the_bytes() -> None:
    rows = pd.DataFrame({"digest": ["a", "b", "a"], "group": ["x", "x", "y"]})
    assert clusters_of(rows).tolist() == [0, 0, 1]
    assert clusters_of(rows[["digest"]]).tolist() == [0, 1, 0]
    assert clusters_of(pd.DataFrame({"age": [1, 2]})).tolist() == [0, 1]
