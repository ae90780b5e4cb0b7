"""What becomes of work that is disturbed: nothing may be lost, and nothing may be wrong in silence.

    python benchmarks/fault_campaign.py --moments 50 --images 20000

Commands of AgeLens (run, train, predict, and align where there is one) are killed at random moments, run onto a full
disk, lose their folder, and meet themselves in it; a bit is flipped in each kind of file that they keep; mutated
images, hostile manifests and hostile bundles go through them. Each trial ends in one of these ways:

    equal     the result is that of the undisturbed command, perhaps after the same command was given again
    told      a sentence and an exit status other than 0 instead
    crashes   a traceback, a signal, or an exit status without a sentence
    hangs     no end
    silent    exit status 0, and another result or an input that nobody named

The last three must be 0. The faces are synthetic, everything is drawn from --seed, and it needs nothing but AgeLens
with the extra train. Disks are small ones in memory where they can be mounted, and limits of file size otherwise.
"""

import argparse
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
from _fault_inputs import bundles, manifests, mutated_images
from _fault_moments import flipped, flipped_compiled, full_disk, killed, removed, two_at_once
from _fault_work import undisturbed, works
from _faults import HEADER, Count

from agelens.cli.main import app
from agelens.utils.environment import machine
from agelens.utils.files import write_json

PARTS = ("kill", "disk", "removed", "two", "bits", "images", "manifests", "bundles")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--moments", type=int, default=5, help="random moments of each kind (default 5)")
    parser.add_argument("--images", type=int, default=500, help="mutated images (default 500)")
    parser.add_argument(
        "--parts", default=",".join(PARTS), help=f"which, by comma (default {','.join(PARTS)})"
    )
    parser.add_argument(
        "--commands", default="", help="disturb only these, by comma (default: all there are)"
    )
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument(
        "--folder", type=Path, help="where the work lies, which is kept; a temporary one if not given"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every figure here")
    options = parser.parse_args()
    base = options.folder or Path(tempfile.mkdtemp(prefix="agelens-faults-"))
    try:
        counts = campaign(base.absolute(), options)
    finally:
        if options.folder is None:
            shutil.rmtree(base, ignore_errors=True)
    print(f"\nmachine: {machine()}, seed {options.seed}\n{HEADER}")
    for count in counts:
        print(count.row())
    for example in (example for count in counts for example in count.examples):
        print(example)
    if options.json is not None:
        write_json(
            options.json,
            {"machine": machine(), "seed": options.seed, "counts": [vars(one) for one in counts]},
        )


def campaign(base: Path, options: argparse.Namespace) -> list[Count]:
    """All parts that are asked for, told one by one as they are done."""
    parts, asked = options.parts.split(","), options.commands.split(",")
    counts: list[Count] = []

    def told(*more: Count) -> None:
        counts.extend(more)
        print(*(count.row() for count in more), sep="\n", flush=True)

    base.mkdir(parents=True, exist_ok=True)
    # Compiled networks are kept here, and not among the user's own.
    os.environ["AGELENS_CACHE"] = str(base / "cache")
    commands = {command.name or "" for command in app.registered_commands}
    names = commands | {command.callback.__name__ for command in app.registered_commands if command.callback}
    found = works(base, names)
    print(HEADER, flush=True)
    for work in found:
        moments_wanted = {"kill", "disk", "removed", "two", "bits"} & set(parts)
        if not moments_wanted or (options.commands and work.name not in asked):
            continue
        # Each command has numbers of its own, whatever else is asked for.
        chance = np.random.default_rng([options.seed, *work.name.encode()])
        place, moments = base / "place", options.moments
        expected, ended = undisturbed(work, place)
        if "disk" in parts:
            told(full_disk(work, place, expected, moments, chance))
        if "kill" in parts:
            told(killed(work, place, expected, ended.seconds, moments, chance))
        if "removed" in parts:
            told(removed(work, place, expected, ended.seconds, moments, chance))
        if "two" in parts:
            told(two_at_once(work, place, expected, moments, chance))
        if "bits" in parts:
            told(*flipped(work, place, expected, chance))
            if work.name == "predict":
                told(flipped_compiled(work, place, expected, base / "cache" / "compiled", chance))
    chance = np.random.default_rng(options.seed)
    if "images" in parts:
        told(*mutated_images(base / "faces", base / "hostile", options.images, chance))
    if "manifests" in parts:
        told(manifests(base / "faces", base / "hostile"))
    if "bundles" in parts:
        told(bundles(min((base / "photos").glob("*.jpg")), base / "hostile"))
    return counts


if __name__ == "__main__":
    main()
