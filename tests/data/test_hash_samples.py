"""Near hashes among many: all planted pairs are found, and nothing that is not near."""

import numpy as np
import pytest

from agelens.data import near_duplicates
from agelens.data.hash_samples import MISSED, chance_of_agreeing, near_in_samples
from agelens.data.near_duplicates import NEAR_BITS, PerceptualHash

CHANCE = np.random.default_rng(1)


def tossed(count: int, skew: float = 0.5) -> np.ndarray:
    """Bits (count, 256); ``skew`` is the share of hashes that have the same bit at a place."""
    common = CHANCE.random((1, 256)) < 0.5
    return np.where(CHANCE.random((count, 256)) < skew, common, ~common)


def flipped(bits: np.ndarray, distance: int) -> np.ndarray:
    """The same but for so many bits of each row."""
    places = np.argsort(CHANCE.random(bits.shape), axis=1)[:, :distance]
    changed = bits.copy()
    np.put_along_axis(changed, places, ~np.take_along_axis(bits, places, 1), 1)
    return changed


def words(bits: np.ndarray) -> np.ndarray:
    return np.packbits(bits, axis=1).view(np.uint64)


def pairs(upright: np.ndarray, mirrored: np.ndarray) -> dict[tuple[int, int], int]:
    edges = np.concatenate(list(near_in_samples(words(upright), words(mirrored), NEAR_BITS))).tolist()
    found = {(first, second): distance for first, second, distance in edges}
    assert len(found) == len(edges), "a pair comes twice"
    return found


@pytest.mark.parametrize("skew", [0.5, 0.8], ids=["tossed", "alike"])
def test_planted_pairs_are_found_and_no_others(skew: float) -> None:
    base = tossed(1500, skew)
    near = [flipped(base[:50], NEAR_BITS), flipped(base[50:100], 12), flipped(base[100:150], NEAR_BITS + 1)]
    upright = np.concatenate([base, *near])
    mirrored = tossed(len(upright), skew)
    # The mirror image of 150 is what 151 shows.
    mirrored[150] = flipped(upright[151:152], 7)[0]
    found = pairs(upright, mirrored)
    distances = (upright[:, None] ^ upright[None]).sum(2)
    mirror = (upright[:, None] ^ mirrored[None]).sum(2)
    nearest = np.minimum(distances, np.minimum(mirror, mirror.T))
    first, second = np.nonzero(np.triu(nearest <= NEAR_BITS, 1))
    assert set(found) == set(zip(first.tolist(), second.tolist(), strict=True))
    assert all(found[pair] == nearest[pair] for pair in found)
    assert len(found) >= 101


def test_copies_are_joined_to_the_first_of_them() -> None:
    base = tossed(20)
    upright = np.concatenate([base, base[[3, 3, 3]], base[[5]]])
    found = pairs(upright, tossed(len(upright)))
    assert found == {(3, 20): 0, (3, 21): 0, (3, 22): 0, (5, 23): 0}


def test_the_chance_is_that_of_drawing_without_putting_back() -> None:
    assert chance_of_agreeing(1, 64) == pytest.approx(0.75)
    assert chance_of_agreeing(2, 255) == 0
    assert chance_of_agreeing(5, 0) == 1
    assert 0 < MISSED < 1e-4


def test_one_hash_has_no_pair() -> None:
    assert pairs(tossed(1), tossed(1)) == {}


def test_the_audit_finds_the_same_groups_in_either_way(monkeypatch: pytest.MonkeyPatch) -> None:
    base = tossed(300, 0.7)
    upright = np.concatenate([base, flipped(base[:20], 9), flipped(base[:10], 30), base[:5]])
    mirrored = tossed(len(upright), 0.7)
    # The mirror image of 21 is what 20 shows.
    mirrored[21] = flipped(upright[20:21], 7)[0]
    hashes = [PerceptualHash(*pair) for pair in zip(words(upright), words(mirrored), strict=True)]
    groups = []
    for least in (10**9, 2):
        monkeypatch.setattr(near_duplicates, "SAMPLED_FROM", least)
        near = near_duplicates.find_near_duplicates(hashes)
        groups.append(near_duplicates.duplicate_groups(len(hashes), near).tolist())
    assert groups[0] == groups[1]
    assert len(set(groups[0])) == 299
