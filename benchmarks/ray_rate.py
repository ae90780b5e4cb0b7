"""Photographs through Ray with two actors beside the plain command, on the same files in one run; and kills.

    python benchmarks/ray_rate.py --source UTKFACE_FOLDER
    python benchmarks/ray_rate.py --images 400 --kills 2    # a short one, on synthetic faces

Photographs are made from crops: one to three of them lie in a picture of `--canvas` pixels. They are predicted by
`agelens predict --out FILE.parquet`, by one actor of one thread and by two actors of one thread each (whose ratio tells
whether the shares of the cores add up; the one also held to one core, for decoding uses a second one a little where it
idles), and by two actors again while processes are killed at random moments: the
command with all that Ray has started, or one worker. What was killed is started again until it ends. The rows of two
actors, killed or not, must be those of the plain command, each once, to the last digit: all compute in float32. One
actor is compared with two on the first photographs alone (`--ratio-images`). `--crops` estimates the crops themselves.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from _common import SEED, faces_folder, keep
from PIL import Image

from agelens.utils.environment import machine, versions
from agelens.utils.progress import bar


def main() -> None:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--images", type=int, default=20_000, help="how many photographs (default 20,000)")
    made.add_argument("--kills", type=int, default=10, help="how often something is killed (default 10)")
    made.add_argument(
        "--ratio-images", type=int, default=2000, help="for one actor against two (default 2,000)"
    )
    made.add_argument("--bundle", default="agelens", help="the network: its name or folder (default agelens)")
    made.add_argument("--canvas", default="640x480", help="pixels of a photograph (default 640x480)")
    made.add_argument("--crops", action="store_true", help="estimate the crops, and search for no face")
    made.add_argument("--source", type=Path, help="folder of face crops; synthetic ones if not given")
    made.add_argument("--json", type=Path, metavar="FILE", help="also write every figure here")
    options = made.parse_args()
    with (
        tempfile.TemporaryDirectory() as temporary,
        faces_folder(options.source, min(options.images, 500)) as crops,
    ):
        photographs = Path(temporary) / "photographs"
        lay_out(crops, photographs, options.images, None if options.crops else options.canvas)
        found = measure(photographs, Path(temporary), options)
    print(f"machine    {machine()}")
    print("versions   " + ", ".join(f"{name} {number}" for name, number in versions().items()))
    for name, (count, seconds) in found["seconds"].items():
        print(f"{name:28} {count:6} in {seconds:8.1f} s  {count / seconds:7.1f} photographs/s")
    for name, ratio in found["ratios"].items():
        print(f"two actors against {name}: {ratio:.2f} without the start")
    print(f"rows of the plain command, two actors, two actors with kills: {found['rows']}")
    print(f"killed {found['killed']} times; rows equal to the plain command's: {found['equal']}")
    keep(options.json, found)


def lay_out(crops: Path, folder: Path, count: int, canvas: str | None) -> None:
    """Write photographs, each of one to three crops on a smooth background; or the crops under new names."""
    width, height = (int(side) for side in (canvas or "0x0").split("x"))
    chance = np.random.default_rng(SEED)
    files = sorted(path for path in crops.rglob("*") if path.suffix.lower() in (".jpg", ".png"))
    folder.mkdir()
    with bar("laying out photographs", count) as advance:
        for number in range(count):
            target = folder / f"{number:06}.jpg"
            if canvas is None:
                target.symlink_to(files[number % len(files)].absolute())
            else:
                compose(files, width, height, chance).save(target, "JPEG", quality=90)
            advance(1)


def compose(files: list[Path], width: int, height: int, chance: np.random.Generator) -> Image.Image:
    """One to three faces, each in its third of the picture and a fifth to two fifths of its height."""
    colours = chance.integers(0, 256, (3, 4, 3), dtype=np.uint8)
    picture = Image.fromarray(colours).resize((width, height), Image.Resampling.BICUBIC)
    for column in range(int(chance.integers(1, 4))):
        side = min(int(chance.uniform(0.19, 0.41) * height), width // 3)
        face = Image.open(files[int(chance.integers(len(files)))]).convert("RGB").resize((side, side))
        left = column * width // 3 + int(chance.integers(0, width // 3 - side + 1))
        picture.paste(face, (left, int(chance.integers(0, height - side + 1))))
    return picture


def measure(photographs: Path, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    seconds: dict[str, tuple[int, float]] = {}
    few, some = (folder / name for name in ("few", "some"))
    for place, count in ((few, 1), (some, min(options.ratio_images, options.images))):
        place.mkdir()
        for file in sorted(photographs.iterdir())[:count]:
            (place / file.name).symlink_to(file.resolve())
    without_start = {}
    for name, actors, cores in (
        ("one actor", 1, None), ("one actor held to one core", 1, {0}), ("two actors", 2, None)
    ):  # fmt: skip
        place = folder / name.replace(" ", "-")
        start = timed(command(few, Path(f"{place}-start"), options, actors=actors), cores)
        spent = timed(command(some, place, options, actors=actors), cores)
        seconds[f"{name}, start"] = (1, start)
        seconds[name] = (len(list(some.iterdir())), spent)
        without_start[name] = spent - start
    two = without_start.pop("two actors")
    ways = {name: folder / name for name in ("plain.parquet", "two", "killed")}
    seconds["plain command"] = (options.images, timed(command(photographs, ways["plain.parquet"], options)))
    whole = timed(command(photographs, ways["two"], options, actors=2))
    seconds["Ray, 2 actors"] = (options.images, whole)
    began = time.perf_counter()
    killed = with_kills(photographs, ways["killed"], options, whole)
    seconds["the same with kills"] = (options.images, time.perf_counter() - began)
    plain, *through_ray = (rows(way) for way in ways.values())
    return {
        "images": options.images, "seconds": seconds, "killed": killed,
        "ratios": {name: spent / two for name, spent in without_start.items()},
        "equal": all(found == plain for found in through_ray), "rows": [len(found) for found in (plain, *through_ray)],
        "counts": [json.loads((ways[name] / "_counts.json").read_text()) for name in ("two", "killed")],
    }  # fmt: skip


def command(photographs: Path, out: Path, options: argparse.Namespace, actors: int = 0) -> list[str]:
    made = [sys.executable, "-m", "agelens", "predict", str(photographs), "--out", str(out)]
    # In bfloat16 a face's last digits depend on which faces share its batch, and rows could not be held to be equal.
    made += ["--precision", "f32", "--bundle", options.bundle]
    made += ["--crops-as-they-are"] if options.crops else []
    return [*made, "--engine", "ray", "--actors", str(actors), "--threads", "1"] if actors else made


def timed(arguments: list[str], cores: set[int] | None = None) -> float:
    """Seconds that a command takes, held to some cores if they are given."""
    mine = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores or mine)
    began = time.perf_counter()
    try:
        subprocess.run(arguments, check=True, stderr=subprocess.DEVNULL)
    finally:
        os.sched_setaffinity(0, mine)
    return time.perf_counter() - began


def with_kills(photographs: Path, out: Path, options: argparse.Namespace, whole: float) -> int:
    """Run the job to its end while the command or a worker is killed at random moments; how often that was."""
    chance, killed = random.Random(SEED), 0
    while True:
        job = subprocess.Popen(
            command(photographs, out, options, actors=2), start_new_session=True, stderr=subprocess.DEVNULL
        )  # fmt: skip
        while killed < options.kills and job.poll() is None:
            time.sleep(chance.uniform(5, 5 + max(1.0, whole / (options.kills + 1))))
            if job.poll() is None:
                killed += 1
                if killed % 2:
                    os.killpg(job.pid, signal.SIGKILL)
                elif worker := a_worker(job.pid):
                    os.kill(worker, signal.SIGKILL)
        if job.wait() == 0:
            return killed


def a_worker(session: int) -> int | None:
    """The process of an actor of this job, and of no other."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            title = (process / "cmdline").read_bytes().split(b"\0")[0]
            if b"ShardPredictor" in title and os.getsid(int(process.name)) == session:
                return int(process.name)
        except (OSError, ProcessLookupError):
            continue
    return None


def rows(place: Path) -> list[dict[str, Any]]:
    """The rows of a file, or of the parts of a folder, by name of the file and without where it lies."""
    parts = sorted(place.glob("part-*.parquet")) if place.is_dir() else [place]
    values = [row for part in parts for row in pq.read_table(part).to_pylist()]
    return sorted(
        ({**row, "file": Path(row["file"]).name} for row in values), key=lambda row: str(row["file"])
    )


if __name__ == "__main__":
    main()
