import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from agelens.evaluation.shares import effective_size, share_of, wilson


@given(st.integers(1, 400), st.data())
def test_wilson_is_scipys(size: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, size))
    low, high = wilson(hits / size, size)
    expected = stats.binomtest(hits, size).proportion_ci(0.95, "wilson")
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert low <= hits / size <= high


def test_sixteen_of_sixteen_is_not_certainty() -> None:
    share = share_of(np.ones(16))
    assert share is not None
    assert (share.value, share.faces, share.hits, share.high) == (1, 16, 16, 1)
    assert share.low == pytest.approx(0.806, abs=1e-3)


def test_no_faces_have_no_share() -> None:
    assert share_of(np.array([])) is None
    with pytest.raises(ValueError, match="no faces"):
        wilson(0.5, 0)


def test_copies_add_no_certainty_to_a_share() -> None:
    hits = (np.arange(80) % 4 > 0).astype(float)
    alone = share_of(hits)
    copied = share_of(np.repeat(hits, 3), np.repeat(np.arange(80), 3))
    assert alone is not None
    assert copied is not None
    assert copied.faces == 240
    assert copied.ci95 == pytest.approx(alone.ci95, abs=1e-3)
    # All alike, no spread can be told: each group counts once.
    assert effective_size(np.ones(240), np.repeat(np.arange(80), 3)) == 80
    assert effective_size(hits, np.arange(80)) == effective_size(hits, None) == 80


def test_a_clustered_share_is_held_as_often_as_promised() -> None:
    rng = np.random.default_rng(3)
    held = 0
    for _ in range(300):
        chance = rng.beta(6, 2, 40)
        groups = np.repeat(np.arange(40), rng.integers(1, 6, 40))
        share = share_of((rng.random(len(groups)) < chance[groups]).astype(float), groups)
        assert share is not None
        held += share.low <= 0.75 <= share.high
    assert 275 <= held <= 297
