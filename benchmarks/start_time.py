"""How long the first answer takes: the imports, loading and the first answer apart, without and with the cache.

    python benchmarks/start_time.py --rounds 5

Each round starts new processes, in turns: without a cache (``--no-cache``), with one that is empty, and with one that
is filled; then the command `agelens predict` on one crop, from its start to its end. The file cache is warm. Seconds of
the clock, and of the processor in brackets, which other work on the machine changes less; the median and the range.
ONNX Runtime on the CPU is timed without a cache, for it keeps none.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from agelens.data.synthetic.dataset import synthesize_faces
from agelens.utils.environment import machine, versions
from agelens.utils.files import write_json

# Run in a new process; says the seconds of each step, and what memory it took.
PROGRAM = """
import json, resource, sys, time
clock = lambda: (time.perf_counter(), time.process_time())
marks = [clock()]
import agelens.inference.predictor
marks.append(clock())
predictor = agelens.load(device=sys.argv[2], cache=sys.argv[3] == "cache")
marks.append(clock())
predictor.predict([sys.argv[1]], crops=True)
marks.append(clock())
steps = [[b - a for a, b in zip(*pair)] for pair in zip(marks, marks[1:])]
steps.append([last - first for first, last in zip(marks[0], marks[-1])])
used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
names = ("import", "load", "first answer", "whole")
print(json.dumps({"steps": dict(zip(names, steps)), "megabytes": used / 1024}))
"""


def main() -> None:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--rounds", type=int, default=5, help="times that each start is timed (default 5)")
    made.add_argument("--json", type=Path, metavar="FILE", help="also write every figure here")
    options = made.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        synthesize_faces(Path(temporary) / "faces", 1, 42)
        crop = next((Path(temporary) / "faces").glob("*.jpg"))
        found = measure(crop, Path(temporary), options.rounds)
    print(f"machine    {machine()}")
    print("versions   " + ", ".join(f"{name} {number}" for name, number in versions().items()))
    for name, runs in found.items():
        for step in runs[0]["steps"]:
            print(f"{name:24} {step:13} {told([run['steps'][step] for run in runs])}")
        if "megabytes" in runs[0]:
            print(f"{name:24} {'memory':13} {statistics.median(run['megabytes'] for run in runs):.0f} MB")
    if options.json is not None:
        write_json(options.json, found)


def told(times: list[list[float]]) -> str:
    clock, processor = ([one[place] for one in times] for place in (0, 1))
    return (
        f"{statistics.median(clock):5.2f} s ({min(clock):.2f} to {max(clock):.2f})  "
        f"[{statistics.median(processor):.2f} s]"
    )


def measure(crop: Path, folder: Path, rounds: int) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for number in range(rounds):
        cache = folder / f"cache{number}"
        for name, device, keep in (
            ("no cache", "cpu", "none"), ("empty cache", "cpu", "cache"), ("filled cache", "cpu", "cache"),
            ("ONNX Runtime", "onnxruntime", "none"),
        ):  # fmt: skip
            found.setdefault(name, []).append(start(crop, device, keep, cache))
        command(crop, cache)
        for name, more in (("command, no cache", ["--no-cache"]), ("command, filled cache", [])):
            found.setdefault(name, []).append({"steps": {"whole": command(crop, cache, *more)}})
    return found


def start(crop: Path, device: str, keep: str, cache: Path) -> dict[str, Any]:
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, crop, device, keep], check=True, capture_output=True, text=True,
        env=os.environ | {"AGELENS_CACHE": str(cache)},
    )  # fmt: skip
    return dict(json.loads(ran.stdout))


def command(crop: Path, cache: Path, *more: str) -> list[float]:
    """Seconds of the clock and of the processor that the command takes."""
    before, began = os.times(), time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "agelens", "predict", "--crops-as-they-are", "--json", *more, crop],
        check=True, stdout=subprocess.DEVNULL, env=os.environ | {"AGELENS_CACHE": str(cache)},
    )  # fmt: skip
    after = os.times()
    processor = after.children_user - before.children_user + after.children_system - before.children_system
    return [time.perf_counter() - began, processor]


if __name__ == "__main__":
    main()
