"""Images that show the same picture without being the same file, found with a perceptual hash.

The hash is the pHash of `imagehash` with 256 bits: whether each of the lowest 16 x 16 DCT coefficients of the
grey image, brought to 64 x 64, is above their median. Two images look alike if at most NEAR_BITS of the bits
differ, for the images as they are or with one of them flipped.

Aligned face crops are all similar, so hash and limit were chosen by looking at the pairs of UTKFace (19,013
faces, 80 % of the public set; byte-identical files apart), nearest first:

    hash       limit   pairs   what is seen
    256 bits      30     508   all are the same picture
                  40     515   all are the same picture, and so are the 23 flipped pairs
                  46     534   the first strangers, at 42; the same for flipped pairs
                  52     583   four fifths of the pairs added are strangers
                  60   1,204   strangers hang together in chains, the longest of 289 faces
    64 bits        2     401   4 pairs of strangers, yet 121 of the 515 pairs above are missed
                   4     608   nearly all of the pairs added are strangers

256 bits of dHash do nearly as well (limit 24: 513 pairs, one of strangers). At the limit chosen no chain is
longer than 5 images.

Images that look alike, directly or through others, are one group. Of a group only the pairs that join it are kept,
one fewer than it has images, and of all such choices the nearest: its minimum spanning tree. So thousands of frames of
one scene take no more memory than thousands of different faces.
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree

from agelens.data.hash_samples import near_in_samples
from agelens.utils.images import Pixels

Words = NDArray[np.uint64]
# Rows of first image, second image and bits that differ.
Edges = NDArray[np.int64]

NEAR_BITS = 40

_HASH_SIDE = 16
_HASHED_SIDE = 4 * _HASH_SIDE
_BLOCK_CELLS = 4_000_000
# From so many images on, samples of the bits are sorted instead of comparing each pair.
SAMPLED_FROM = 50_000
# Pairs that are gathered before those that join nothing new are dropped.
_GATHERED = 1_000_000


class PerceptualHash(NamedTuple):
    """The hash of an image and that of its mirror image, each as 4 words of 64 bits."""

    upright: Words
    mirrored: Words


class NearDuplicate(NamedTuple):
    """Two images that look alike.

    Attributes:
        first: number of one image; second: number of the other, always larger.
        distance: bits that differ, 0 to NEAR_BITS of 256.
        mirrored: whether they are nearer with one of them flipped.
    """

    first: int
    second: int
    distance: int
    mirrored: bool


def perceptual_hash(image: Pixels) -> PerceptualHash:
    """Hash an image: uint8 (height, width, 3) RGB."""
    # The size and the filter of imagehash itself; done here once, the mirror image costs no second resize.
    small = Image.fromarray(image).convert("L").resize((_HASHED_SIDE,) * 2, Image.Resampling.LANCZOS)
    return PerceptualHash(_hash(small), _hash(small.transpose(Image.Transpose.FLIP_LEFT_RIGHT)))


def _hash(image: Image.Image) -> Words:
    return np.packbits(imagehash.phash(image, hash_size=_HASH_SIDE).hash.ravel()).view(np.uint64)


def find_near_duplicates(hashes: list[PerceptualHash]) -> list[NearDuplicate]:
    """Return the pairs that join all groups of images that look alike; about 2 seconds for 20,000 images.

    From SAMPLED_FROM images on it takes less than quadratic time, and a pair at the limit may be missed with a chance
    of 1 in 100,000 (see `agelens.data.hash_samples`).

    Returns:
        of each group its minimum spanning tree, in order of the images' numbers: for two images their pair, for 700
        copies of one image 699 pairs.
    """
    if not hashes:
        return []
    upright = np.stack([hashed.upright for hashed in hashes])
    mirrored = np.stack([hashed.mirrored for hashed in hashes])
    rows = max(1, _BLOCK_CELLS // len(hashes))

    def compare(start: int) -> Edges:
        edges = _near_in_block(upright, mirrored, start, start + rows)
        # Here, or many blocks of copies would lie in memory at one time.
        return edges if len(edges) <= len(hashes) else _nearest_tree(len(hashes), [edges])

    if len(hashes) >= SAMPLED_FROM:
        edges = _join(len(hashes), near_in_samples(upright, mirrored, NEAR_BITS))
    else:
        with ThreadPoolExecutor() as threads:
            edges = _join(len(hashes), threads.map(compare, range(0, len(hashes), rows)))
    return [
        NearDuplicate(first, second, distance, _is_nearer_mirrored(hashes[first], hashes[second]))
        for first, second, distance in edges[np.lexsort((edges[:, 1], edges[:, 0]))].tolist()
    ]


def _near_in_block(upright: Words, mirrored: Words, start: int, stop: int) -> Edges:
    """Pairs whose first image is one of start to stop and whose second one comes later."""
    straight = _distances(upright[start:stop], upright[start:])
    nearest = np.minimum(straight, _distances(upright[start:stop], mirrored[start:]))
    first, second = np.nonzero(np.triu(nearest <= NEAR_BITS, 1))
    return np.stack([first + start, second + start, nearest[first, second]], axis=1).astype(np.int64)


def _join(count: int, blocks: Iterable[Edges]) -> Edges:
    """The spanning trees of the pairs of all blocks, never holding many more pairs than images."""
    gathered: list[Edges] = []
    for block in blocks:
        gathered.append(block)
        if sum(map(len, gathered)) > _GATHERED:
            gathered = [_nearest_tree(count, gathered)]
    return _nearest_tree(count, gathered)


def _nearest_tree(count: int, parts: list[Edges]) -> Edges:
    """The pairs that join each group with the fewest different bits."""
    edges = np.concatenate(parts)
    first, second, distance = edges.T
    if not len(edges):
        return edges
    # The numbers of the images decide between equal distances, so that the size of the blocks decides nothing.
    order = np.lexsort((second, first, distance))
    weights = np.empty(len(edges))
    # A weight of 0 would mean no pair.
    weights[order] = np.arange(1, len(edges) + 1)
    tree = minimum_spanning_tree(coo_array((weights, (first, second)), shape=(count, count)))
    return edges[order[tree.data.astype(np.int64) - 1]]


def _is_nearer_mirrored(one: PerceptualHash, other: PerceptualHash) -> bool:
    straight, flipped = (
        int(np.bitwise_count(one.upright ^ words).sum()) for words in (other.upright, other.mirrored)
    )
    return flipped < straight


def _distances(a: Words, b: Words) -> NDArray[np.uint16]:
    """Number of bits that differ, for hashes (m, 4) and (n, 4) as an (m, n) array."""
    distances = np.zeros((len(a), len(b)), np.uint16)
    for word in range(a.shape[1]):
        distances += np.bitwise_count(a[:, word, None] ^ b[None, :, word])
    return distances


def duplicate_groups(count: int, near: list[NearDuplicate]) -> NDArray[np.intp]:
    """For each of ``count`` images the smallest number among those it hangs together with."""
    edges = ([pair.first for pair in near], [pair.second for pair in near])
    graph = coo_array((np.ones(len(near), np.int8), edges), shape=(count, count))
    _, chain_of = connected_components(graph, directed=False)
    _, smallest, number = np.unique(chain_of, return_index=True, return_inverse=True)
    return smallest[number]
