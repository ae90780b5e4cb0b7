"""Photographs through Ray with two actors beside the plain command, on the same files in one run; and kills.

    python benchmarks/ray_rate.py --source UTKFACE_FOLDER
    python benchmarks/ray_rate.py --images 400 --kills 2    # a short one, on synthetic faces

Photographs are made from crops: one to three of them lie in a picture of 640 x 480 pixels. They are predicted by
`agelens predict --out FILE.parquet`, by one actor of one thread and by two actors of one thread each (whose ratio tells
whether the shares of the cores add up), and by two actors again while processes are killed at random moments: the
command with all that Ray has started, or one worker. What was killed is started again until it ends. The rows of every
way must be those of the plain command, each once, to the last digit: all compute in float32. `--crops` estimates the
crops themselves.
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

CANVAS = (640, 480)


def main() -> None:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--images", type=int, default=20_000, help="how many photographs (default 20,000)")
    made.add_argument("--kills", type=int, default=10, help="how often something is killed (default 10)")
    made.add_argument("--crops", action="store_true", help="estimate the crops, and search for no face")
    made.add_argument("--source", type=Path, help="folder of face crops; synthetic ones if not given")
    made.add_argument("--json", type=Path, metavar="FILE", help="also write every figure here")
    options = made.parse_args()
    with (
        tempfile.TemporaryDirectory() as temporary,
        faces_folder(options.source, min(options.images, 500)) as crops,
    ):
        photographs = Path(temporary) / "photographs"
        lay_out(crops, photographs, options.images, options.crops)
        found = measure(photographs, Path(temporary), options)
    print(f"machine    {machine()}")
    print("versions   " + ", ".join(f"{name} {number}" for name, number in versions().items()))
    for name, seconds in found["seconds"].items():
        print(f"{name:28} {seconds:8.1f} s  {options.images / seconds:7.1f} photographs/s")
    print(
        f"two actors against one: {found['ratio']:.2f} without the start, which takes {found['start']:.1f} s"
    )
    print(f"killed {found['killed']} times; rows equal to the plain command's: {found['equal']}")
    keep(options.json, found)


def lay_out(crops: Path, folder: Path, count: int, as_crops: bool) -> None:
    """Write photographs, each of one to three crops on a smooth background; or the crops under new names."""
    chance = np.random.default_rng(SEED)
    files = sorted(path for path in crops.rglob("*") if path.suffix.lower() in (".jpg", ".png"))
    folder.mkdir()
    with bar("laying out photographs", count) as advance:
        for number in range(count):
            target = folder / f"{number:06}.jpg"
            if as_crops:
                target.symlink_to(files[number % len(files)].absolute())
            else:
                compose(files, chance).save(target, "JPEG", quality=90)
            advance(1)


def compose(files: list[Path], chance: np.random.Generator) -> Image.Image:
    colours = chance.integers(0, 256, (3, 4, 3), dtype=np.uint8)
    picture = Image.fromarray(colours).resize(CANVAS, Image.Resampling.BICUBIC)
    for column in range(int(chance.integers(1, 4))):
        side = int(chance.integers(90, 200))
        face = Image.open(files[int(chance.integers(len(files)))]).convert("RGB").resize((side, side))
        picture.paste(
            face, (column * 213 + int(chance.integers(0, 213 - side + 1)), int(chance.integers(0, 280)))
        )
    return picture


def measure(photographs: Path, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    seconds: dict[str, float] = {}
    plain = folder / "plain.parquet"
    seconds["plain command"] = timed(command(photographs, plain, options.crops))
    few = folder / "few"
    few.mkdir()
    first = sorted(photographs.iterdir())[0]
    (few / first.name).symlink_to(first.resolve())
    start = timed(command(few, folder / "few-out", options.crops, actors=1))
    for actors in (1, 2):
        name = f"{actors} actor{'s' if actors > 1 else ''} of one thread"
        seconds[name] = timed(command(photographs, folder / f"actors{actors}", options.crops, actors=actors))
    one, two = (seconds[name] - start for name in ("1 actor of one thread", "2 actors of one thread"))
    began = time.perf_counter()
    killed = with_kills(photographs, folder / "killed", options, seconds["2 actors of one thread"])
    seconds["2 actors with kills"] = time.perf_counter() - began
    expected = rows(plain)
    ways = [folder / "actors1", folder / "actors2", folder / "killed"]
    return {
        "images": options.images, "seconds": seconds, "start": start, "ratio": one / two, "killed": killed,
        "equal": all(rows(way) == expected for way in ways),
        "counts": [json.loads((way / "_counts.json").read_text()) for way in ways],
    }  # fmt: skip


def command(photographs: Path, out: Path, crops: bool, actors: int = 0) -> list[str]:
    made = [sys.executable, "-m", "agelens", "predict", str(photographs), "--out", str(out)]
    # In bfloat16 a face's last digits depend on which faces share its batch, and rows could not be held to be equal.
    made += ["--precision", "f32"]
    made += ["--crops-as-they-are"] if crops else []
    return [*made, "--engine", "ray", "--actors", str(actors), "--threads", "1"] if actors else made


def timed(arguments: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(arguments, check=True, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began


def with_kills(photographs: Path, out: Path, options: argparse.Namespace, whole: float) -> int:
    """Run the job to its end while the command or a worker is killed at random moments; how often that was."""
    chance, killed = random.Random(SEED), 0
    while True:
        job = subprocess.Popen(
            command(photographs, out, options.crops, actors=2), start_new_session=True, stderr=subprocess.DEVNULL
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
