"""Start, rate and memory of the bundled network, on OpenVINO and ONNX Runtime, without and with the compile cache.

    python benchmarks/start_time.py --rounds 5

Each round starts new processes, in turns: without a cache (``--no-cache``), with one that is empty, and with one that
is filled; then the command `agelens predict` on one crop, from its start to its end. The file cache is warm. Seconds of
the clock, and of the processor in brackets, which other work on the machine changes less; the median and the range.
After its first answer each process estimates synthetic faces from files, one call a face and then all in one call. ONNX
Runtime on the CPU is timed without a cache, for it keeps none.
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

SINGLY = 40
# Run in a new process; says the seconds of each step, faces a second, and what memory it took.
PROGRAM = """
import json, pathlib, resource, sys, time
clock = lambda: (time.perf_counter(), time.process_time())
marks = [clock()]
import agelens.inference.predictor
marks.append(clock())
predictor = agelens.load(device=sys.argv[2], cache=sys.argv[3] == "cache")
marks.append(clock())
faces = sorted(pathlib.Path(sys.argv[1]).glob("*.jpg"))
predictor.predict(faces[:1], crops=True)
marks.append(clock())
steps = [[b - a for a, b in zip(*pair)] for pair in zip(marks, marks[1:])]
steps.append([last - first for first, last in zip(marks[0], marks[-1])])
names = ("import", "load", "first answer", "whole")
started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
singly = faces[:int(sys.argv[4])]
marks = [time.perf_counter()]
for face in singly:
    predictor.predict([face], crops=True)
marks.append(time.perf_counter())
for answer in predictor.predict(faces, crops=True):
    pass
marks.append(time.perf_counter())
print(json.dumps({
    "steps": dict(zip(names, steps)),
    "faces a second": {"singly": len(singly) / (marks[1] - marks[0]), "in batches": len(faces) / (marks[2] - marks[1])},
    "megabytes": {"started": started / 1024, "at most": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024},
}))
"""


def main() -> None:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--rounds", type=int, default=5, help="times that each start is timed (default 5)")
    made.add_argument("--faces", type=int, default=400, help="synthetic faces of the rates (default 400)")
    made.add_argument("--json", type=Path, metavar="FILE", help="also write every figure here")
    options = made.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        faces = Path(temporary) / "faces"
        synthesize_faces(faces, options.faces, 42)
        found = measure(faces, Path(temporary), options.rounds)
    print(f"machine    {machine()}")
    print("versions   " + ", ".join(f"{name} {number}" for name, number in versions().items()))
    for name, runs in found.items():
        for step in runs[0]["steps"]:
            print(f"{name:24} {step:13} {told([run['steps'][step] for run in runs])}")
        for kind in ("faces a second", "megabytes"):
            for what in runs[0].get(kind, ()):
                values = [run[kind][what] for run in runs]
                spread = f"({min(values):.0f} to {max(values):.0f})"
                print(f"{name:24} {what:13} {statistics.median(values):5.0f} {spread} {kind}")
    if options.json is not None:
        write_json(options.json, found)


def told(times: list[list[float]]) -> str:
    clock, processor = ([one[place] for one in times] for place in (0, 1))
    return (
        f"{statistics.median(clock):5.2f} s ({min(clock):.2f} to {max(clock):.2f})  "
        f"[{statistics.median(processor):.2f} s]"
    )


def measure(faces: Path, folder: Path, rounds: int) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    crop = min(faces.glob("*.jpg"))
    for number in range(rounds):
        cache = folder / f"cache{number}"
        for name, device, keep in (
            ("no cache", "cpu", "none"), ("empty cache", "cpu", "cache"), ("filled cache", "cpu", "cache"),
            ("ONNX Runtime", "onnxruntime", "none"),
        ):  # fmt: skip
            found.setdefault(name, []).append(start(faces, device, keep, cache))
        command(crop, cache)
        for name, more in (("command, no cache", ["--no-cache"]), ("command, filled cache", [])):
            found.setdefault(name, []).append({"steps": {"whole": command(crop, cache, *more)}})
    return found


def start(faces: Path, device: str, keep: str, cache: Path) -> dict[str, Any]:
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, faces, device, keep, str(SINGLY)], check=True, capture_output=True, text=True,
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
