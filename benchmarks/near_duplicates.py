"""How the search for near duplicates grows: seconds, memory and what is found of planted pairs.

    python benchmarks/near_duplicates.py --counts 20000 200000 1000000

Hashes are tossed, 256 bits each; a hundredth of them are planted again with 1 to 40 bits changed, half of these as
mirror images. All planted pairs are within the limit and should be found.
"""

import argparse
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np

from agelens.data.hash_samples import near_in_samples
from agelens.data.near_duplicates import NEAR_BITS
from agelens.utils.environment import machine
from agelens.utils.files import write_json


def main() -> None:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--counts", type=int, nargs="+", default=[20_000, 200_000, 1_000_000])
    made.add_argument("--json", type=Path, metavar="FILE", help="also write every figure here")
    options = made.parse_args()
    print(f"machine    {machine()}")
    found = [measure(count) for count in options.counts]
    for one in found:
        print(
            f"{one['hashes']:>9,} hashes  {one['seconds']:7.1f} s [{one['processor']:.1f} s]  {one['tables']} tables  "
            f"{one['found']:,} of {one['planted']:,} planted pairs  {one['megabytes']:,.0f} MB"
        )
    if options.json is not None:
        write_json(options.json, found)


def measure(count: int) -> dict[str, Any]:
    chance = np.random.default_rng(count)
    upright, mirrored = (chance.integers(0, 2**64, (count, 4), np.uint64) for _ in range(2))
    planted = count // 100
    sources = chance.choice(count - planted, planted, replace=False)
    copies = np.arange(count - planted, count)
    for number, (source, copy) in enumerate(zip(sources, copies, strict=True)):
        bits = np.zeros(256, np.uint8)
        bits[chance.permutation(256)[: number % NEAR_BITS + 1]] = 1
        changed = upright[source] ^ np.packbits(bits).view(np.uint64)
        (upright if number % 2 else mirrored)[copy] = changed
    began, processor = time.perf_counter(), time.process_time()
    pairs: set[tuple[int, int]] = set()
    tables = 0
    for edges in near_in_samples(upright, mirrored, NEAR_BITS):
        pairs.update(map(tuple, edges[:, :2].tolist()))
        tables += 1
    return {
        "hashes": count, "seconds": time.perf_counter() - began, "processor": time.process_time() - processor,
        "tables": tables, "planted": planted,
        "found": sum(pair in pairs for pair in zip(sources.tolist(), copies.tolist(), strict=True)),
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }  # fmt: skip


if __name__ == "__main__":
    main()
