"""How many faces a second the bundled networks estimate from files, and how long the first answer takes.

    python benchmarks/predict_rate.py --source UTKFACE_FOLDER

Four ways are timed in turns in one run: `Predictor.stream`, which decodes ahead and runs batches, with the default
network and with the small one; the default network asked for one face at a time, which is how most libraries of the
field are used; and the command `agelens predict --crops FOLDER`, its start included. Then a cold start: a new process
that estimates one face, from its start to its end, with the file cache warm. JPEG decoding is counted everywhere.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from _common import face_table, faces_folder, keep, parser

import agelens
from agelens.utils.environment import machine, versions
from agelens.utils.images import read_rgb

STARTS = 5


def main() -> None:
    made = parser(__doc__, images=2000)
    made.add_argument("--rounds", type=int, default=3, help="times that each way is timed (default 3)")
    options = made.parse_args()
    with faces_folder(options.source, options.images) as folder:
        paths = [Path(path) for path in face_table(folder, options.images)["path"]]
        found = measure(paths, options.rounds)
    print(f"machine    {machine()}")
    print("versions   " + ", ".join(f"{name} {number}" for name, number in versions().items()))
    for name, rates in found["faces_per_second"].items():
        print(f"{name:16} {statistics.median(rates):7.1f} faces/s ({min(rates):.1f} to {max(rates):.1f})")
    batched, single = (
        statistics.median(found["faces_per_second"][name]) for name in ("batches", "one by one")
    )
    print(f"ratio of batches to one by one: {batched / single:.2f}")
    quick = statistics.median(found["faces_per_second"]["small, batches"])
    print(f"ratio of the small network to the default one: {quick / batched:.2f}")
    starts = found["cold_start_seconds"]
    print(f"cold start       {statistics.median(starts):7.2f} s ({min(starts):.2f} to {max(starts):.2f})")
    keep(options.json, found)


def measure(paths: list[Path], rounds: int) -> dict[str, Any]:
    predictor, small = agelens.load(), agelens.load("small")
    for one in (predictor, small):
        list(one.stream(paths[:64], crops=True))
    few = paths[: max(1, len(paths) // 8)]
    ways = {
        "batches": (paths, lambda files: list(predictor.stream(files, crops=True))),
        "small, batches": (paths, lambda files: list(small.stream(files, crops=True))),
        "one by one": (few, lambda files: [predictor.predict(read_rgb(file), crops=True) for file in files]),
        "command": (paths, run_command),
    }
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds):
        for name in list(ways)[turn % len(ways) :] + list(ways)[: turn % len(ways)]:
            files, way = ways[name]
            began = time.perf_counter()
            way(files)
            rates[name].append(len(files) / (time.perf_counter() - began))
    starts = []
    for number in range(STARTS):
        began = time.perf_counter()
        run_command([paths[number % len(paths)]])
        starts.append(time.perf_counter() - began)
    return {"images": len(paths), "faces_per_second": rates, "cold_start_seconds": starts}


def run_command(files: list[Path]) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for number in np.arange(len(files)):
            (folder / f"{number:06d}{files[number].suffix}").symlink_to(files[number].absolute())
        command = [
            sys.executable,
            "-m",
            "agelens",
            "predict",
            "--crops",
            str(folder),
            "--out",
            str(folder / "out.jsonl"),
        ]
        subprocess.run(command, check=True)
        answered = len((folder / "out.jsonl").read_text(encoding="utf-8").splitlines())
        assert answered == len(files), f"{answered} answers for {len(files)} files"


if __name__ == "__main__":
    main()
