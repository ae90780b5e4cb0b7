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
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from agelens.errors import AgeLensError
from agelens.utils.images import Pixels

Words = NDArray[np.uint64]

NEAR_BITS = 40
# More pairs than this are frames of a video or one placeholder copied all over: a list that nobody reads.
MAX_PAIRS = 200_000

_HASH_SIDE = 16
_HASHED_SIDE = 4 * _HASH_SIDE
_BLOCK_CELLS = 4_000_000


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
    """All pairs of images that look alike, in order of their numbers; about 2 seconds for 20,000 images.

    Raises:
        AgeLensError: more than MAX_PAIRS pairs look alike.
    """
    if not hashes:
        return []
    upright = np.stack([hashed.upright for hashed in hashes])
    mirrored = np.stack([hashed.mirrored for hashed in hashes])
    rows = max(1, _BLOCK_CELLS // len(hashes))

    def compare(start: int) -> list[NearDuplicate]:
        return list(_near_in_block(upright, mirrored, start, start + rows))

    found: list[NearDuplicate] = []
    with ThreadPoolExecutor() as threads:
        for block in threads.map(compare, range(0, len(hashes), rows)):
            found += block
            refuse_flood(len(found))
    return found


def _near_in_block(upright: Words, mirrored: Words, start: int, stop: int) -> Iterator[NearDuplicate]:
    """Pairs whose first image is one of start to stop and whose second one comes later."""
    straight = _distances(upright[start:stop], upright[start:])
    flipped = _distances(upright[start:stop], mirrored[start:])
    nearest = np.minimum(straight, flipped)
    for first, second in np.argwhere(nearest <= NEAR_BITS).tolist():
        if first < second:
            distance = int(nearest[first, second])
            yield NearDuplicate(
                start + first, start + second, distance, bool(straight[first, second] > distance)
            )


def _distances(a: Words, b: Words) -> NDArray[np.uint16]:
    """Number of bits that differ, for hashes (m, 4) and (n, 4) as an (m, n) array."""
    distances = np.zeros((len(a), len(b)), np.uint16)
    for word in range(a.shape[1]):
        distances += np.bitwise_count(a[:, word, None] ^ b[None, :, word])
    return distances


def refuse_flood(pairs: int) -> None:
    """Stop before lists of pairs fill the memory."""
    if pairs > MAX_PAIRS:
        raise AgeLensError(
            f"More than {MAX_PAIRS:,} pairs of images show the same picture, as the frames of a video do; "
            "keep one image of each scene and audit again."
        )


def duplicate_groups(count: int, near: list[NearDuplicate]) -> NDArray[np.intp]:
    """For each of ``count`` images the smallest number among those it hangs together with."""
    edges = ([pair.first for pair in near], [pair.second for pair in near])
    graph = coo_array((np.ones(len(near), np.int8), edges), shape=(count, count))
    _, chain_of = connected_components(graph, directed=False)
    _, smallest, number = np.unique(chain_of, return_index=True, return_inverse=True)
    return smallest[number]
