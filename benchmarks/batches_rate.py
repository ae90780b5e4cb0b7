"""How fast faces come to Keras: AgeLens's batches beside the notebook's tf.data pipeline, on the same files.

Two measures, in faces a second, each the median of several rounds in which the two ways take turns in going first:

    fit      epochs of Keras `fit` of a model that does next to nothing (average pooling and one unit), without
             the first epoch of each `fit`. The notebook's model gets float32 divided by 255, AgeLens's gets uint8
             and divides inside, so both networks see the same range.
    iterate  the batches alone, with no network: the tf.data pipeline as it is, AgeLens's batches through the same
             adapter that `fit` uses, which runs its worker threads.

A ratio of 1 or more says that AgeLens's batches, which run on any backend of Keras, are no slower.
"""

import time
from collections.abc import Callable, Iterable
from typing import Any

import _notebook
import keras
import pandas as pd
from _common import (
    SEED,
    Stopwatch,
    face_table,
    faces_folder,
    facts,
    keep,
    middle,
    parser,
    print_facts,
    require_tensorflow,
)
from keras.src.trainers.data_adapters.py_dataset_adapter import PyDatasetAdapter

from agelens.data.loaders import FaceBatches

WAYS = ("notebook", "agelens")
# Measured epochs of one `fit`, after one that starts the threads and traces the graph.
EPOCHS = 2


def tiny_network(image_size: int, takes_bytes: bool) -> keras.Model:
    """Average pooling and one unit: what is left of `fit` is the batches."""
    faces = keras.Input((image_size, image_size, 3), dtype="uint8" if takes_bytes else "float32")
    pixels = keras.layers.Rescaling(1 / 255)(faces) if takes_bytes else faces
    pooled = keras.layers.GlobalAveragePooling2D()(pixels)
    network = keras.Model(faces, keras.layers.Dense(1)(pooled))
    network.compile(loss="mae", optimizer="adam", jit_compile=False)
    return network


def make_batches(way: str, table: pd.DataFrame, image_size: int) -> Iterable[Any]:
    if way == "notebook":
        return _notebook.dataset(table, "age", image_size)
    return FaceBatches(table, "age", image_size, batch_size=_notebook.BATCH_SIZE, shuffle_seed=SEED)


def fit_epochs(way: str, table: pd.DataFrame, image_size: int) -> Callable[[], float]:
    """A call that trains for some epochs and gives the faces a second of the middle one of all but the first."""
    network, batches = tiny_network(image_size, way == "agelens"), make_batches(way, table, image_size)

    def some_epochs() -> float:
        watch = Stopwatch()
        watch.start("age")
        network.fit(batches, epochs=1 + EPOCHS, shuffle=False, verbose=0, callbacks=[watch])
        return len(table) / middle(watch.laps["age"][1:])

    some_epochs()
    return some_epochs


def iterate_epoch(way: str, table: pd.DataFrame, image_size: int) -> Callable[[], float]:
    """A call that goes through all batches once and gives the faces a second; it has been warmed up."""
    batches = make_batches(way, table, image_size)
    adapter = PyDatasetAdapter(batches) if way == "agelens" else None

    def one_epoch() -> float:
        seen, started = 0, time.perf_counter()
        if adapter is not None:
            adapter.on_epoch_begin()
        for images, _ in adapter.get_tf_dataset() if adapter is not None else batches:
            seen += len(images)
        seconds = time.perf_counter() - started
        if adapter is not None:
            adapter.on_epoch_end()
        assert seen == len(table)
        return seen / seconds

    one_epoch()
    return one_epoch


def take_turns(
    make: Callable[[str, pd.DataFrame, int], Callable[[], float]],
    table: pd.DataFrame,
    image_size: int,
    rounds: int,
) -> dict[str, list[float]]:
    """Rates of every round of both ways; the one that goes first changes from round to round."""
    epochs = {way: make(way, table, image_size) for way in WAYS}
    rates: dict[str, list[float]] = {way: [] for way in WAYS}
    for number in range(rounds):
        for way in WAYS if number % 2 == 0 else reversed(WAYS):
            rates[way].append(epochs[way]())
    return rates


def main() -> None:
    options = parser(__doc__, images=4000)
    options.add_argument("--rounds", type=int, default=5, help="rounds of each measure and way (default 5)")
    args = options.parse_args()
    require_tensorflow()
    known = facts("auto")
    print_facts(known)
    result: dict[str, object] = {}
    with faces_folder(args.source, args.images) as folder:
        table = face_table(folder, args.images)
        print(
            f"\n{len(table):,} faces at {args.image_size} pixels, faces/s, median of {args.rounds} rounds (least, most)"
        )
        print(f"{'':<10}{'notebook':>24}{'AgeLens':>24}{'ratio':>8}")
        for measure, make in (("fit", fit_epochs), ("iterate", iterate_epoch)):
            rates = take_turns(make, table, args.image_size, args.rounds)
            ratio = middle(rates["agelens"]) / middle(rates["notebook"])
            cells = [f"{middle(r):,.0f} ({min(r):,.0f}, {max(r):,.0f})" for r in (rates[way] for way in WAYS)]
            print(f"{measure:<10}{cells[0]:>24}{cells[1]:>24}{ratio:>8.2f}", flush=True)
            result[measure] = {**rates, "ratio": ratio}
    settings = {
        "images": len(table),
        "image_size": args.image_size,
        "rounds": args.rounds,
        "drawn": args.source is None,
    }
    keep(args.json, {**known, **settings, **result})


if __name__ == "__main__":
    main()
