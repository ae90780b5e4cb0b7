"""The notebook's comparison of backbones and AgeLens's, on the same images, one beside the other in one run.

Both learn age and gender on the same nine tenths of the images and measure on the same tenth, for as many epochs.
The notebook's way runs the frozen backbone (Keras, float32) in every epoch of both tasks; AgeLens's way is
`agelens.evaluation.compare_backbones.compare` with an empty cache. The two take turns in going first. Weights are
random.

What is counted: everything from building the backbone to the last figure, for AgeLens also converting it, compiling
it, the pass, writing the features, the two heads and the intervals. Digesting the files for the table is measured
apart and added to AgeLens's total. What is not counted: starting Python, importing, drawing the faces. Every file
has been read once before either begins, and neither is given fewer threads than it takes by itself.

The projection to the notebook's 23,708 images, from what was measured here; E is the number of epochs:

    notebook = once + E x epoch(23,708)
    AgeLens  = once + pass x 23,708 / images + E x epoch(23,708) + after(23,708)

``epoch(n)`` is a straight line through an epoch of both tasks (training and validation; the median of all but the
first) on all images and on an eighth of them, measured for both ways, so that what an epoch costs however few images
it has is not multiplied. ``after(n)`` is such a line too: what AgeLens does for the figures of the trained heads.
``once`` is, for the notebook, its whole time less its epochs, and for AgeLens the time before its pass plus what its
first epochs took beyond later ones (tracing). The runs on an eighth count in no total. What the projection does not
see: the features of 23,708 images, 1 to 5 GB a backbone, may not stay in the file cache of a small machine.
"""

import argparse
import tempfile
import time
from pathlib import Path

import _notebook
import keras
import pandas as pd
from _common import (
    Stopwatch,
    face_table,
    faces_folder,
    facts,
    keep,
    parser,
    print_facts,
    require_tensorflow,
)

from agelens.bundles.bundle import TASKS
from agelens.data.table import digest_files
from agelens.evaluation.compare_backbones import Comparison, compare
from agelens.models.registry import NOTEBOOK_SEVEN, find_backbone

NOTEBOOK_IMAGES = 23_708
SOME = ("VGG16", "ResNet50V2", "InceptionV3")

Figures = dict[str, float]


def notebook_way(table: pd.DataFrame, name: str, image_size: int, epochs: int) -> Figures:
    """Seconds of the notebook's loop over one backbone, both tasks."""
    watch, started = Stopwatch(), time.perf_counter()
    train, validation = (table[table["split"] == split] for split in ("train", "validation"))
    body = _notebook.backbone(name, image_size)
    for task in TASKS:
        network = _notebook.network(body, task, image_size)
        # A lap runs from the end of one epoch to the end of the next; the first also makes the data and traces.
        watch.start(task)
        network.fit(
            _notebook.dataset(train, task, image_size),
            validation_data=_notebook.dataset(validation, task, image_size),
            epochs=epochs, callbacks=[watch], verbose=0,
        )  # fmt: skip
    total = time.perf_counter() - started
    return {"total": total, "once": max(0.0, total - watch.steady() * epochs), "epoch": watch.steady()}


def agelens_way(table: pd.DataFrame, comparison: Comparison, folder: Path) -> Figures:
    """Seconds of AgeLens's comparison of one backbone, both tasks; the pass is 0 if the cache has the features."""
    watch, started = Stopwatch(), time.perf_counter()
    compare(table, comparison, folder, watch.track)
    total = time.perf_counter() - started
    # Bars open when the network is compiled, so all before the first one is making the network.
    once = min(watch.began.values()) - started + watch.tracing()
    one_pass, epoch = sum(watch.laps.get("features", [])), watch.steady()
    after = max(0.0, total - once - one_pass - epoch * comparison.epochs)
    return {"total": total, "once": once, "pass": one_pass, "epoch": epoch, "after": after}


def projected(key: str, all_images: Figures, eighth: Figures, images: int, fewer: int) -> float:
    """Seconds of one split of the work on the notebook's images, by a line through two sizes."""
    an_image = max(0.0, (all_images[key] - eighth[key]) / (images - fewer))
    return all_images[key] + an_image * (NOTEBOOK_IMAGES - images)


def measure_notebook(
    table: pd.DataFrame, eighth: pd.DataFrame, name: str, args: argparse.Namespace
) -> Figures:
    image_size = max(args.image_size, find_backbone(name).min_image_size)
    figures, few = (notebook_way(split, name, image_size, args.epochs) for split in (table, eighth))
    epoch = projected("epoch", figures, few, len(table), len(eighth))
    return {**figures, "epoch_eighth": few["epoch"], "projected": figures["once"] + args.epochs * epoch}


def measure_agelens(
    table: pd.DataFrame, eighth: pd.DataFrame, name: str, args: argparse.Namespace
) -> Figures:
    with tempfile.TemporaryDirectory() as temporary:
        cache, precision = Path(temporary) / "cache", args.precision
        comparison = Comparison(
            (name,), "random", args.image_size, "flatten", args.epochs, precision, cache=cache
        )
        figures = agelens_way(table, comparison, Path(temporary) / "all")
        few = agelens_way(eighth, comparison, Path(temporary) / "eighth")
    epoch, after = (projected(key, figures, few, len(table), len(eighth)) for key in ("epoch", "after"))
    grown = figures["pass"] * NOTEBOOK_IMAGES / len(table) + args.epochs * epoch + after
    return {**figures, "epoch_eighth": few["epoch"], "after_eighth": few["after"],
            "projected": figures["once"] + grown}  # fmt: skip


def measure(table: pd.DataFrame, args: argparse.Namespace) -> dict[str, dict[str, Figures]]:
    """Figures of both ways for every backbone; they take turns in going first."""
    splits = (table[table["split"] == split] for split in ("train", "validation"))
    eighth = pd.concat([split.iloc[::8] for split in splits])
    found: dict[str, dict[str, Figures]] = {}
    for turn, name in enumerate(args.backbones):
        ways = [("notebook", measure_notebook), ("agelens", measure_agelens)]
        found[name] = {}
        for way, run in ways if turn % 2 == 0 else reversed(ways):
            keras.backend.clear_session()
            found[name][way] = run(table, eighth, name, args)
            costs = ", ".join(f"{key} {seconds:.2f}" for key, seconds in found[name][way].items())
            print(f"{name} {way}: {costs} s", flush=True)
    return found


def totals(found: dict[str, dict[str, Figures]], table_seconds: float, images: int) -> Figures:
    """Sums over the backbones, AgeLens's with the reading of the table, and their ratios."""
    sums = {
        f"{way}_{key}": sum(one[way][key] for one in found.values())
        for way in ("notebook", "agelens")
        for key in ("total", "projected")
    }
    sums["agelens_total"] += table_seconds
    sums["agelens_projected"] += table_seconds * NOTEBOOK_IMAGES / images
    sums["ratio"] = sums["notebook_total"] / sums["agelens_total"]
    sums["projected_ratio"] = sums["notebook_projected"] / sums["agelens_projected"]
    return sums


def print_results(found: dict[str, dict[str, Figures]], sums: Figures, images: int) -> None:
    row = "{:<18}{:>12}{:>12}{:>8}   {:>12}{:>12}{:>8}".format
    print(
        f"\n{'':<18}{f'{images:,} images, s':>24}{'':8}   {f'{NOTEBOOK_IMAGES:,} images, projected, s':>24}"
    )
    print(row("backbone", "notebook", "AgeLens", "ratio", "notebook", "AgeLens", "ratio"))

    def line(name: str, *four: float) -> None:
        (a, b, c, d) = four
        print(row(name, f"{a:.1f}", f"{b:.1f}", f"{a / b:.1f}", f"{c:,.0f}", f"{d:,.0f}", f"{c / d:.1f}"))

    for name, one in found.items():
        line(name, *(one[way][key] for key in ("total", "projected") for way in ("notebook", "agelens")))
    line(
        "all, with table",
        *(sums[f"{w}_{k}"] for k in ("total", "projected") for w in ("notebook", "agelens")),
    )


def main() -> None:
    options = parser(__doc__, images=512)
    options.add_argument("--backbones", nargs="+", default=SOME, choices=NOTEBOOK_SEVEN, metavar="NAME")
    options.add_argument("--epochs", type=int, default=5, help="of each task (default 5, the notebook's)")
    options.add_argument(
        "--precision", default="auto", choices=("auto", "bf16", "f32"), help="of AgeLens's pass"
    )
    args = options.parse_args()
    require_tensorflow()
    known = facts(args.precision)
    print_facts(known)
    with faces_folder(args.source, args.images) as folder:
        table = face_table(folder, args.images)
        started = time.perf_counter()
        digest_files(table["path"])
        table_seconds = time.perf_counter() - started
        found = measure(table, args)
    sums = totals(found, table_seconds, len(table))
    print_results(found, sums, len(table))
    settings = {
        "images": len(table),
        "image_size": args.image_size,
        "epochs": args.epochs,
        "drawn": args.source is None,
    }
    keep(args.json, {**known, **settings, "table_seconds": table_seconds, "backbones": found, "sums": sums})


if __name__ == "__main__":
    main()
