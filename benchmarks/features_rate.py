"""How fast frozen features come: Keras `predict` in float32 beside AgeLens's OpenVINO pass in float32 and bfloat16.

The same network with the same weights (random unless --weights says otherwise) in all three, images and results in
memory, images a second, the median of several rounds in which the three go one after the other, in the opposite order
every second round. What is not counted: decoding, building, converting and compiling (`notebook_pace.py` counts
them), and a first run of each.

Equality is the relative error of all features of the images, ``|ours - Keras's| / |Keras's|`` in the Euclidean norm.
The last column says what to expect of bfloat16: the same error when Keras computes in float32 as before and only the
weights are rounded to bfloat16. A deep network with random weights magnifies any rounding: where this column is large,
bfloat16's error must be expected to be, and neither says anything about a trained network.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import keras
import ml_dtypes
import numpy as np
from _common import face_table, faces_folder, facts, keep, middle, parser, print_facts
from numpy.typing import NDArray

from agelens.data.loaders import read_faces_at
from agelens.models.backbones import Backbone, build_backbone
from agelens.models.openvino_backbone import to_openvino
from agelens.models.registry import NOTEBOOK_SEVEN, find_backbone
from agelens.runtime.execution import run_network, supports_bfloat16
from agelens.runtime.session import compile_on_device

Maps = NDArray[np.float32]


def ways_of(backbone: Backbone, images: NDArray[np.uint8], folder: Path) -> dict[str, Callable[[], Maps]]:
    """For each way a call that computes the features of all images."""
    network = to_openvino(backbone, folder)
    ways: dict[str, Callable[[], Maps]] = {"keras": partial(in_keras, backbone, images)}
    for precision in ("f32", "bf16") if supports_bfloat16() else ("f32",):
        compiled = compile_on_device(network, precision)
        ways[precision] = partial(run_network, compiled, images, backbone.feature_shape)
    return ways


def in_keras(backbone: Backbone, images: NDArray[np.uint8]) -> Maps:
    assert backbone.model is not None
    return np.asarray(backbone.model.predict(images, batch_size=32, verbose=0))


def round_weights(model: keras.Model) -> None:
    """Round every weight to bfloat16 and keep it as float32."""
    model.set_weights([w.astype(ml_dtypes.bfloat16).astype(np.float32) for w in model.get_weights()])


def measure(backbone: Backbone, images: NDArray[np.uint8], rounds: int) -> dict[str, Any]:
    """Rates of every round, and the relative errors."""
    with tempfile.TemporaryDirectory() as temporary:
        ways = ways_of(backbone, images, Path(temporary))
        maps = {way: run() for way, run in ways.items()}
        rates: dict[str, list[float]] = {way: [] for way in ways}
        for number in range(rounds):
            for way in ways if number % 2 == 0 else reversed(ways):
                started = time.perf_counter()
                ways[way]()
                rates[way].append(len(images) / (time.perf_counter() - started))
    assert backbone.model is not None
    round_weights(backbone.model)
    maps["rounded"] = in_keras(backbone, images)
    exact = maps.pop("keras")
    errors = {
        way: float(np.linalg.norm(found - exact) / np.linalg.norm(exact)) for way, found in maps.items()
    }
    ratios = {way: middle(rates[way]) / middle(rates["keras"]) for way in rates if way != "keras"}
    return {"images_per_second": rates, "ratio": ratios, "relative_error": errors}


def line(name: str, found: dict[str, Any]) -> str:
    rates, cells = found["images_per_second"], []
    for way in ("f32", "bf16"):
        if way not in found["ratio"]:
            cells.append(f"{'-':>10}{'-':>7}{'-':>10}")
            continue
        rate, ratio, error = middle(rates[way]), found["ratio"][way], found["relative_error"][way]
        cells.append(f"{rate:>10.1f}{ratio:>7.1f}{error:>10.1e}")
    rounded = f"{found['relative_error']['rounded']:>11.1e}"
    return f"{name:<18}{middle(rates['keras']):>10.1f}" + "".join(cells) + rounded


def options() -> argparse.Namespace:
    made = parser(__doc__, images=64)
    made.add_argument(
        "--backbones", nargs="+", default=NOTEBOOK_SEVEN, choices=NOTEBOOK_SEVEN, metavar="NAME"
    )
    made.add_argument("--weights", default="random", help="imagenet, a folder with its files, or random")
    made.add_argument("--rounds", type=int, default=3, help="measured runs of each way (default 3)")
    return made.parse_args()


def main() -> None:
    args = options()
    known = facts("auto")
    print_facts(known)
    print(f"\n{'images/s':<18}{'Keras f32':>10}", end="")
    print("".join(f"{way:>10}{'ratio':>7}{'rel. L2':>10}" for way in ("f32", "bf16")) + f"{'rounded':>11}")
    result: dict[str, Any] = {}
    with faces_folder(args.source, args.images) as folder:
        table = face_table(folder, args.images)
        paths = table["path"].tolist()
        for name in args.backbones:
            spec = find_backbone(name)
            backbone = build_backbone(spec, args.weights, max(args.image_size, spec.min_image_size))
            result[name] = measure(backbone, read_faces_at(paths, backbone.image_size), args.rounds)
            print(line(name, result[name]), flush=True)
            keras.backend.clear_session()
    settings = {
        "images": len(table),
        "image_size": args.image_size,
        "rounds": args.rounds,
        "drawn": args.source is None,
    }
    keep(args.json, {**known, **settings, "weights": args.weights, "backbones": result})


if __name__ == "__main__":
    main()
