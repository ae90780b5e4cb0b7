"""Whether faces that fill the picture are found: rates by margin, size and lean, false faces, and what the pass costs.

    python benchmarks/close_ups.py --source UTKFACE_FOLDER --source FAIRFACE_FOLDER --photos FOLDER

Each face of a sample is laid on a wide plain picture and turned, and counts if the ordinary search finds it there for
sure. Then the picture is cut at the box of that face with a margin (a share of the side of what is cut), scaled so that
its longer side has a given length, and searched: without the pass for faces that fill the picture (before), and with
it (after). A face counts as found if a box shares two fifths of the area that it and the face cover together. Boxes
over the same face, and boxes elsewhere, are counted too.

`as given` are the images of the sources as they are, at their own size and at 224 pixels, searched as photographs. In
UTKFace and FairFace each shows one face; in how many none is found, and in how many several, is told. False faces are
counted in windows of 48 pixels and more, cut out of photographs without people (scikit-image). `--photos` are
photographs of any size on which the time is taken: both searches, and the whole of `predict`, in turns; the ratio is
the median of pairs.
"""

import argparse
import itertools
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage import data

import agelens
from agelens.detection.base import Found
from agelens.detection.detector import Detector, find_detector, find_faces
from agelens.inference import preparing
from agelens.utils.environment import machine, versions
from agelens.utils.files import write_json
from agelens.utils.images import Pixels, read_rgb
from agelens.utils.progress import bar

MARGINS = (0.0, 0.03, 0.1)
SIZES = (64, 224, 300, 600, 1500, 4000)
LEANS = (0.0, 30.0, 45.0, 90.0)
# Searching pictures of this many pixels a side takes seconds, so fewer faces are.
LARGE, EACH_OF_LARGE = 1000, 6
EMPTY = (
    "coffee",
    "chelsea",
    "rocket",
    "hubble_deep_field",
    "retina",
    "immunohistochemistry",
    "brick",
    "gravel",
    "text",
)
Search = Callable[[Pixels], Found]


def main() -> None:
    options = parse()
    detector = find_detector()
    searches: dict[str, Search] = {
        "before": partial(find_faces, detector, close=False),
        "after": partial(find_faces, detector),
    }
    print(f"machine   {machine()}")
    print("versions  " + ", ".join(f"{name} {number}" for name, number in versions().items()))
    rng = np.random.default_rng(options.seed)
    result: dict[str, Any] = {}
    for source in options.source:
        paths = choose(source, options.images, rng)
        result[source.name] = {
            "cut": measure_cut(detector, searches, paths, options.sizes, source.name),
            "as given": {size or "own": as_given(searches, paths, size) for size in (0, 224)},
        }
        tell(source.name, result[source.name])
    result["without people"] = without_people(searches, options.windows, rng)
    if options.photos:
        result["time"] = times(detector, sorted(options.photos.glob("*.jpg")), options.rounds)
    if options.json:
        write_json(options.json, result)


def parse() -> argparse.Namespace:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument(
        "--source", type=Path, action="append", required=True, help="folder of images of one face; repeatable"
    )
    made.add_argument("--images", type=int, default=40, help="faces of each source (default 40)")
    made.add_argument(
        "--sizes", type=int, nargs="+", default=list(SIZES), help=f"longer sides, pixels (default {SIZES})"
    )
    made.add_argument("--windows", type=int, default=300, help="windows without people (default 300)")
    made.add_argument("--photos", type=Path, help="folder of JPEG photographs on which the time is taken")
    made.add_argument("--rounds", type=int, default=10, help="pairs of timings of each (default 10)")
    made.add_argument("--seed", type=int, default=42, help="of the sample and the windows")
    made.add_argument("--json", type=Path, metavar="FILE", help="also write every figure here")
    return made.parse_args()


def choose(folder: Path, count: int, rng: np.random.Generator) -> list[Path]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return [paths[place] for place in sorted(rng.permutation(len(paths))[:count])]


def wide(image: Pixels, lean: float) -> Pixels:
    """The image in the middle of a grey one of twice the side, turned by degrees."""
    height, width = image.shape[:2]
    image_size = 2 * max(height, width)
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), lean, 1)
    matrix[:, 2] += [(image_size - width) / 2, (image_size - height) / 2]
    laid = cv2.warpAffine(
        image, matrix, (image_size, image_size), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(laid, np.uint8)


def true_box(detector: Detector, picture: Pixels) -> NDArray[np.float32] | None:
    """The box of the face in the middle of a wide picture, where the ordinary search is sure of it."""
    found = find_faces(detector, picture, close=False)
    middle = np.array(picture.shape[1::-1]) / 2
    away = np.hypot(*((found.boxes[:, :2] + found.boxes[:, 2:]) / 2 - middle).T)
    near = found.take((away < 0.15 * max(picture.shape)) & (found.scores >= detector.confidence_threshold))
    return near.boxes[0] if len(near.scores) else None


def cut(
    picture: Pixels, box: NDArray[np.float32], margin: float, size: int
) -> tuple[Pixels, NDArray[np.float64]]:
    """The picture cut at a box with a margin and scaled, and the box in it."""
    corner, sides = box[:2].astype(np.float64), (box[2:] - box[:2]).astype(np.float64)
    whole = sides / (1 - 2 * margin)
    low = corner - margin * whole
    scale = size / whole.max()
    width, height = np.maximum(1, np.rint(whole * scale)).astype(int)
    matrix = np.array([[scale, 0, -low[0] * scale], [0, scale, -low[1] * scale]])
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    shown = cv2.warpAffine(
        picture, matrix, (int(width), int(height)), flags=how, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(shown, np.uint8), np.concatenate([corner - low, corner + sides - low]) * scale


def overlaps(
    boxes: NDArray[np.float32], box: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of each box the shared area over that of both together, and over its own."""
    sides = np.minimum(boxes[:, 2:], box[2:]) - np.maximum(boxes[:, :2], box[:2])
    shared = np.clip(sides, 0, None).prod(1)
    own = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    return shared / (own + np.prod(box[2:] - box[:2]) - shared), shared / own


def measure_cut(
    detector: Detector, searches: dict[str, Search], paths: list[Path], sizes: list[int], name: str
) -> dict[str, Any]:
    """By lean, size and margin: how many faces there are, and of each search found, doubled and stray boxes."""
    cells: dict[str, Any] = {}
    with bar(name, len(paths) * len(LEANS)) as advance:
        for number, path in enumerate(paths):
            for lean in LEANS:
                advance(1)
                # Every other face leans to the other side.
                picture = wide(read_rgb(path), lean if number % 2 else -lean)
                box = true_box(detector, picture)
                if box is None:
                    continue
                for size, margin in itertools.product(sizes, MARGINS):
                    if size > LARGE and number >= EACH_OF_LARGE:
                        continue
                    cell = cells.setdefault(f"{lean:g}°, {size} px, margin {margin:.0%}", {"faces": 0})
                    cell["faces"] += 1
                    shown, face = cut(picture, box, margin, size)
                    for way, search in searches.items():
                        count(
                            cell.setdefault(way, {"found": 0, "doubled": 0, "stray": 0}), search(shown), face
                        )
    return cells


def count(tally: dict[str, int], found: Found, face: NDArray[np.float64]) -> None:
    together, own = overlaps(found.boxes, face)
    hit = bool((together >= 0.4).any())
    tally["found"] += hit
    tally["doubled"] += max(0, int((own >= 0.5).sum()) - 1)
    tally["stray"] += int((own < 0.5).sum())


def as_given(searches: dict[str, Search], paths: list[Path], size: int) -> dict[str, Any]:
    """Of images as they are, or at this size: the shares in which a face, and in which several are found."""
    shares: dict[str, Any] = {way: {"found": 0.0, "several": 0.0} for way in searches}
    for path in paths:
        image = read_rgb(path)
        if size:
            factor = size / max(image.shape[:2])
            how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
            image = np.asarray(cv2.resize(image, None, fx=factor, fy=factor, interpolation=how), np.uint8)
        for way, search in searches.items():
            faces = len(search(image).scores)
            shares[way]["found"] += (faces > 0) / len(paths)
            shares[way]["several"] += (faces > 1) / len(paths)
    return shares


def tell(name: str, result: dict[str, Any]) -> None:
    cells = result["cut"]
    print(f"\n{name}: found before, after (faces); boxes on one face and elsewhere after")
    for key, cell in cells.items():
        before, after, faces = cell["before"], cell["after"], cell["faces"]
        print(
            f"{key:28}{before['found'] / faces:8.1%}{after['found'] / faces:8.1%} ({faces}){after['doubled']:6}"
            f"{after['stray']:6}"
        )
    for size, shares in result["as given"].items():
        words = ", ".join(
            f"{way} {one['found']:.1%} ({one['several']:.1%} several)" for way, one in shares.items()
        )
        print(f"as given, {size} pixels: {words}")


def without_people(searches: dict[str, Search], windows: int, rng: np.random.Generator) -> dict[str, int]:
    """How many windows without people have a face all the same."""
    pictures = [np.asarray(getattr(data, kind)()) for kind in EMPTY]
    pictures = [(one if one.ndim == 3 else np.stack([one] * 3, 2))[..., :3] for one in pictures]
    false = dict.fromkeys(searches, 0)
    for _ in range(windows):
        picture = pictures[int(rng.integers(len(pictures)))]
        most = min(picture.shape[:2])
        height, width = (round(48 * (most / 48) ** rng.random()) for _ in range(2))
        top, left = (
            int(rng.integers(0, whole - split + 1))
            for whole, split in zip(picture.shape, (height, width), strict=False)
        )
        window = np.ascontiguousarray(picture[top : top + height, left : left + width])
        for way, search in searches.items():
            false[way] += len(search(window).scores) > 0
    print(
        f"\nwindows without people: {windows}, with a face: "
        + ", ".join(f"{way} {n}" for way, n in false.items())
    )
    return {"windows": windows, **false}


def times(detector: Detector, photos: list[Path], rounds: int) -> dict[str, Any]:
    """Milliseconds of both searches, and of the whole estimate with either, one after the other in turns."""
    predictor = agelens.load()
    images = [read_rgb(path) for path in photos]
    result = {}
    for path, image in zip(photos, images, strict=True):
        ways: dict[str, dict[str, Callable[[], object]]] = {
            "search": {
                "before": partial(find_faces, detector, image, close=False),
                "after": partial(find_faces, detector, image),
            },
            "predict": {
                "before": partial(without_pass, predictor, path),
                "after": partial(predictor.predict, path),
            },
        }
        result[path.name] = {what: pairs(both, rounds) for what, both in ways.items()}
    print(f"\n{'milliseconds before, after, ratio of pairs':40}{'search':>24}{'predict':>26}")
    for name, one in result.items():
        words = "".join(
            f"{cell['before']:10.1f}{cell['after']:8.1f}{cell['ratio']:8.3f}" for cell in one.values()
        )
        print(f"{name:40}{words}")
    for what in ("search", "predict"):
        ratio = statistics.mean(one[what]["ratio"] for one in result.values())
        print(f"{what}: mean ratio {ratio:.3f}")
    return result


def without_pass(predictor: agelens.Predictor, path: Path) -> object:
    """Estimate a photograph as before the pass for close faces."""
    whole = preparing.find_faces
    preparing.find_faces = partial(whole, close=False)  # type: ignore[assignment]
    try:
        return predictor.predict(path)
    finally:
        preparing.find_faces = whole


def pairs(ways: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    laps: dict[str, list[float]] = {way: [] for way in ways}
    for turn in range(rounds + 1):
        for way in list(ways) if turn % 2 else list(reversed(ways)):
            began = time.perf_counter()
            ways[way]()
            laps[way].append(1000 * (time.perf_counter() - began))
    # The first round warms both up.
    before, after = laps["before"][1:], laps["after"][1:]
    ratio = statistics.median(late / early for early, late in zip(before, after, strict=True))
    return {"before": statistics.median(before), "after": statistics.median(after), "ratio": ratio}


if __name__ == "__main__":
    main()
