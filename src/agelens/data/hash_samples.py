"""Pairs of near hashes among very many, in less than quadratic time: by sorting on samples of their bits.

Two hashes of 256 bits that differ in few of them agree on a sample of some 20 bits now and then; strangers hardly ever
do. So the hashes are sorted by a sample, neighbours that agree on it are compared in full, and that is done again with
other samples until a pair that differs in as many bits as the limit allows is missed with a chance of MISSED at most
(locality-sensitive hashing by bit sampling; Indyk and Motwani 1998). Nearer pairs are missed far less often.

Each table of samples costs a sort, so the whole grows little faster than the hashes; memory is some 0.6 kB a hash.
"""

from collections.abc import Iterator
from math import comb

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
# Rows of first, second and distance.
Edges = NDArray[np.int64]

BITS = 256
MISSED = 1e-5
# Pairs that are compared in a table, for each hash; samples grow until there are no more.
_PAIRS_PER_HASH = 8
_MOST_SAMPLED = 60
_SEED = 0


def near_in_samples(upright: Words, mirrored: Words, limit: int) -> Iterator[Edges]:
    """Return pairs of hashes that differ in few bits, as they are or with one of them mirrored, each once.

    Equal hashes are joined to the first of them alone, so that all pairs together join what hangs together.

    Args:
        upright: uint64 (n, 4), hashes of 256 bits.
        mirrored: the same of the mirror images.
        limit: most bits that may differ, 0 to 255.

    Yields:
        int64 (m, 3): number of one hash, of a later one, and the bits that differ.
    """
    _, firsts, group = np.unique(upright, axis=0, return_index=True, return_inverse=True)
    first = firsts[group.reshape(-1)]
    copies = np.flatnonzero(first != np.arange(len(upright)))
    if len(copies):
        yield np.stack([first[copies], copies, np.zeros_like(copies)], axis=1).astype(np.int64)
    kept = np.sort(firsts)
    both = np.concatenate([upright[kept], mirrored[kept]])
    seen = np.empty(0, np.int64)
    for edges in _tables(both, len(kept), limit):
        # A pair may agree both as it is and mirrored; the nearer counts.
        edges = edges[np.lexsort(edges.T)]
        codes, firsts = np.unique(edges[:, 0] * len(kept) + edges[:, 1], return_index=True)
        new = ~np.isin(codes, seen)
        seen, edges = np.concatenate([seen, codes[new]]), edges[firsts[new]]
        yield np.column_stack([kept[edges[:, 0]], kept[edges[:, 1]], edges[:, 2]])


def _tables(both: Words, count: int, limit: int) -> Iterator[Edges]:
    """Pairs from one table after the other, by numbers of the upright half."""
    chance = np.random.default_rng(_SEED)
    # A row for each bit, so that a sample is a few whole rows.
    bits = np.ascontiguousarray(np.unpackbits(both.view(np.uint8), axis=1).T)
    missed, sampled = 1.0, _first_sample(count)
    while missed > MISSED:
        order = chance.permutation(BITS)
        keys, sampled = _keys(bits, order, sampled)
        missed *= 1 - chance_of_agreeing(sampled, limit)
        yield _agreeing(both, keys, count, limit)


def chance_of_agreeing(sampled: int, limit: int) -> float:
    """Return the chance that two hashes that differ in ``limit`` bits agree on so many sampled ones."""
    return comb(BITS - limit, sampled) / comb(BITS, sampled)


def _first_sample(count: int) -> int:
    """Bits for which as many pairs of strangers agree as there are hashes, about, if bits were tossed."""
    return max(8, int(np.log2(max(count, 2))))


def _keys(bits: NDArray[np.uint8], order: NDArray[np.int64], sampled: int) -> tuple[NDArray[np.uint64], int]:
    """The sample of each hash as a number; of more bits where too many hashes share one."""
    keys = np.zeros(bits.shape[1], np.uint64)
    for place in range(_MOST_SAMPLED):
        keys = (keys << np.uint64(1)) | bits[order[place]]
        # Real hashes are not tossed: faces share most of their bits.
        if place + 1 >= sampled and (
            place + 1 == _MOST_SAMPLED or _pairs(keys) <= _PAIRS_PER_HASH * len(keys)
        ):
            return keys, place + 1
    return keys, _MOST_SAMPLED


def _pairs(keys: NDArray[np.uint64]) -> int:
    """How many pairs share a key."""
    _, counts = np.unique(keys, return_counts=True)
    return int((counts * (counts - 1) // 2).sum())


def _agreeing(both: Words, keys: NDArray[np.uint64], count: int, limit: int) -> Edges:
    """The near pairs among those that share a key."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    found = [np.empty((0, 3), np.int64)]
    step, alive = 1, np.arange(len(ordered) - 1)
    alive = alive[ordered[alive] == ordered[alive + 1]]
    while len(alive):
        found.append(_near(both, order[alive], order[alive + step], count, limit))
        step += 1
        alive = alive[alive + step < len(ordered)]
        alive = alive[ordered[alive] == ordered[alive + step]]
    return np.concatenate(found)


def _near(both: Words, one: NDArray[np.int64], other: NDArray[np.int64], count: int, limit: int) -> Edges:
    # Two mirror images are as near as the images themselves, and an image is no pair with its own.
    real = ((one < count) | (other < count)) & (one % count != other % count)
    one, other = one[real], other[real]
    distance = np.bitwise_count(both[one] ^ both[other]).sum(1, dtype=np.int64)
    near = distance <= limit
    one, other = one[near] % count, other[near] % count
    return np.stack([np.minimum(one, other), np.maximum(one, other), distance[near]], axis=1)
