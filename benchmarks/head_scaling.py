"""How the features of a frozen backbone should be scaled before a head: one factor, one a channel, or not at all.

For each backbone and each way the comparison's heads (Dropout 0.2, Flatten, Dense(1), Adam, 5 epochs) learn age and
gender from the same features in the same order; figures are those of the validation split. Ways:

    as they come     the features themselves, ages from 0: the notebook's way
    one factor       divided by their root mean square
    channels' means  less the mean of each channel, divided by one deviation: AgeLens's way
    by channel       less the mean of each channel, divided by the deviation of each channel

All but the first let the age head start at the median age. The number after a way is the length that it gives the
vector of a face: the figures are divided by the root of how many inputs the head has, and multiplied by the length.
It takes backbones with real
weights to tell anything: give them as `agelens compare` takes them.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from _common import facts, keep, print_facts

from agelens.bundles.bundle import TASKS
from agelens.data.baselines import baselines
from agelens.data.loaders import Batches
from agelens.models.backbones import build_backbone, fitting_image_size
from agelens.models.heads import build_head
from agelens.models.registry import find_backbone
from agelens.models.standardization import Moments, Standardisation, measure_moments
from agelens.study.folder import StudyFolder
from agelens.training.feature_cache import extract
from agelens.training.features import Features
from agelens.training.recipes import Recipe, comparison_recipe
from agelens.training.transfer import to_learn_from
from agelens.utils.progress import bar

Ways = dict[str, Standardisation | None]


def one_factor(moments: Moments) -> tuple[np.ndarray, np.ndarray]:
    size = np.sqrt(np.mean(moments.deviation**2 + moments.mean**2))
    return np.full_like(moments.mean, 1 / size), np.zeros_like(moments.mean)


def means_of_channels(moments: Moments) -> tuple[np.ndarray, np.ndarray]:
    spread = np.sqrt(np.mean(moments.deviation**2))
    return np.full_like(moments.mean, 1 / spread), -moments.mean / spread


def by_channel(moments: Moments) -> tuple[np.ndarray, np.ndarray]:
    # A channel that hardly ever answers counts as a twentieth of the usual spread.
    deviation = np.maximum(moments.deviation, 0.05 * np.sqrt(np.mean(moments.deviation**2)))
    return 1 / deviation, -moments.mean / deviation


KINDS: dict[str, Callable[[Moments], tuple[np.ndarray, np.ndarray]]] = {
    "one factor": one_factor,
    "channels' means": means_of_channels,
    "by channel": by_channel,
}


def ways_of(moments: Moments, lengths: list[float]) -> Ways:
    ways: Ways = {"as they come": None}
    for kind, measure in KINDS.items():
        scale, offset = measure(moments)
        for length in lengths:
            factor = length / np.sqrt(moments.inputs)
            ways[f"{kind}, {length:g}"] = Standardisation(scale * factor, offset * factor)
    return ways


def heads(features: Features, ways: Ways, recipes: list[Recipe], median_age: float, seed: int) -> keras.Model:
    """One network with two heads for each way, so that each batch is read once for all."""
    inputs = keras.Input(features.shape)
    outputs, losses, metrics = {}, {}, {}
    for number, way in enumerate(ways.values()):
        for recipe in recipes:
            keras.utils.set_random_seed(seed)
            name = f"{recipe.task}_{number}"
            head = build_head(recipe, features.shape, median_age if way else 0.0, way)
            head.name = name
            outputs[name] = head(inputs)
            losses[name], metrics[name] = recipe.loss, [recipe.metric]
    network = keras.Model(inputs, outputs)
    network.compile(
        keras.optimizers.Adam(recipes[0].learning_rate), losses, metrics=metrics, jit_compile=False
    )
    return network


def measure(
    text: str, table: pd.DataFrame, args: argparse.Namespace, seed: int
) -> dict[str, dict[str, list[float]]]:
    """The validation figures of each way, one an epoch."""
    spec = find_backbone(text)
    backbone = build_backbone(spec, args.weights, fitting_image_size(spec, args.image_size), seed)
    features = extract(backbone, table, "auto", args.head == "avg-pool", args.cache, bar)
    masks = {split: (table["split"] == split).to_numpy() for split in ("train", "validation")}
    training = features.subset(masks["train"])
    ways = ways_of(measure_moments(training.read, len(training)), args.lengths)
    recipes = [comparison_recipe(task, args.head, args.epochs) for task in TASKS]

    def batches(split: str, shuffle_seed: int | None) -> Batches:
        rows = table[masks[split]]
        labels = {
            f"{task}_{number}": rows[task].to_numpy(np.float32)
            for task in TASKS
            for number in range(len(ways))
        }
        return Batches(features.subset(masks[split]).read, labels, shuffle_seed=shuffle_seed, workers=1)

    network = heads(features, ways, recipes, baselines(table)["median_age"], seed)
    with bar(f"{spec.name} heads", args.epochs) as advance:
        shown = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: advance())
        history = network.fit(
            batches("train", seed), validation_data=batches("validation", None), epochs=args.epochs,
            callbacks=[shown], shuffle=False, verbose=0,
        ).history  # fmt: skip
    return {
        name: {
            recipe.metric: [float(value) for value in history[f"val_{recipe.task}_{number}_{recipe.metric}"]]
            for recipe in recipes
        }
        for number, name in enumerate(ways)
    }


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument(
        "--run", type=Path, required=True, help="folder of a run that `agelens audit` has begun"
    )
    options.add_argument("--backbones", nargs="+", default=["VGG16", "Xception"], metavar="NAME")
    options.add_argument("--weights", default="imagenet", help="as for `agelens compare`")
    options.add_argument("--image-size", type=int, help="pixels; each backbone's own if not given")
    options.add_argument("--head", default="flatten", choices=("flatten", "avg-pool"))
    options.add_argument("--epochs", type=int, default=5)
    options.add_argument("--lengths", nargs="*", type=float, default=[12.0, 40.0, 120.0], metavar="LENGTH")
    options.add_argument("--cache", type=Path, help="folder that keeps features")
    options.add_argument("--json", type=Path, help="file for every figure")
    args = options.parse_args()
    run = StudyFolder(args.run)
    table = to_learn_from(run.table)
    known = facts("auto")
    print_facts(known)
    found = {}
    for text in args.backbones:
        name = find_backbone(text).name
        found[name] = measure(text, table, args, run.config["seed"])
        print(f"\n{name}: validation MAE by epoch, and accuracy")
        for way, figures in found[name].items():
            ages = " ".join(f"{value:6.2f}" for value in figures["mae"])
            genders = " ".join(f"{value:6.1%}" for value in figures["accuracy"])
            print(f"{way:28} {ages}   {genders}", flush=True)
    keep(args.json, {**known, "backbones": found})


if __name__ == "__main__":
    main()
