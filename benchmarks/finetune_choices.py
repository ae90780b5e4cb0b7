"""What the choices of the recipe `finetune` are worth, measured on the validation split.

The encoder stays frozen, its averaged features are computed once, and only heads learn, so that each choice can be
tried with several seeds in a minute. The choices:

- conflicts: learn from every training face, or without the groups of near duplicates whose labels contradict each
other;
- noise: without the faces that cleanlab (https://github.com/cleanlab/cleanlab, AGPL-3.0, `pip install cleanlab`) takes
  for mislabelled, from predictions by heads that did not see them (five folds, near duplicates together), and
  without as many faces drawn by chance;
- two: one head for age and one for gender instead of one for both;
- loss: how wide the distribution around a label is, by how much it widens with each year of the label, and how much the
  error of the expectation counts beside it.

With `--frame IMAGE_SIZE:INNER:DOWN` (once or more) it measures instead how the network should see a face: in a
square of IMAGE_SIZE pixels of which the crop takes the share INNER, DOWN below the middle.

Each line gives the mean over the seeds and, in brackets, the standard deviation, of the last epoch. Nothing is chosen
by the test split, which this program never reads.

    agelens audit ~/data/UTKFace --out RUN
    python benchmarks/finetune_choices.py --run RUN --pretrained facenet_keras_2024.h5
    python benchmarks/finetune_choices.py --run RUN --pretrained w600k_mbf.onnx --frame 96:1:0 --frame 112:0.92:0.14
"""

import argparse
import re
import statistics
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from agelens.data.labels import AGE_BANDS, age_band
from agelens.data.splits import without_conflicts
from agelens.data.table import read_table
from agelens.models.backbones import Backbone
from agelens.training.feature_cache import extract
from agelens.training.finetune import build_network, compile_fine_tuning
from agelens.training.finetune_recipe import FineTuning
from agelens.training.partial_freezing import freeze_encoder
from agelens.training.pretrained_encoders import find_pretrained
from agelens.utils.files import digest_json
from agelens.utils.progress import bar

FOLDS = 5
CHOICES = ("conflicts", "noise", "two", "loss")
# Spread at 0 years, growth a year, weight of the absolute error.
LOSSES = (
    (0.5, 0.08, 0.1), (2.0, 0.0, 0.1), (1.0, 0.05, 0.1), (0.5, 0.0, 0.0), (2.0, 0.0, 0.0), (3.0, 0.0, 0.1),
    (2.0, 0.0, 0.3), (2.0, 0.0, 1.0),
)  # fmt: skip
Features = np.ndarray


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", type=Path, required=True, help="a run that 'agelens audit' began")
    parser.add_argument("--pretrained", required=True, help="the face network, FILE or FILE:PREPROCESSING")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--choices", nargs="+", choices=CHOICES, default=CHOICES, help="these choices alone")
    parser.add_argument(
        "--frame",
        action="append",
        type=checked_frame,
        metavar="IMAGE_SIZE:INNER:DOWN",
        help="measure how the network should see a face instead",
    )
    parser.add_argument("--cache", type=Path)
    options = parser.parse_args()
    table = read_table(options.run / "table.csv")
    table = table[table["split"] != "test"].reset_index(drop=True)
    # Gender's weight and the spread are the recipe's when the research log's tables of seed 42 were made.
    recipe = FineTuning(
        unfreeze_stages=0,
        gender_loss_weight=1.0,
        label_std=2.0,
        label_std_slope=0.0,
        warmup=options.epochs,
        precision="float32",
        batch_size=128,
    )
    rows = {split: np.flatnonzero(table["split"] == split) for split in ("train", "validation")}
    everything = rows["train"]
    for text in options.frame or ():
        framed = framed_recipe(recipe, text)
        features = standardised(pooled_features(table, options.pretrained, framed, options.cache), everything)
        learning = without_conflicts(table.iloc[everything]).index.to_numpy()
        Measure(table, features, rows["validation"], framed, options.seeds)(f"frame {text}", learning)
    if options.frame:
        return
    features = pooled_features(table, options.pretrained, recipe, options.cache)
    measure = Measure(table, features, rows["validation"], recipe, options.seeds)

    agreeing = without_conflicts(table.iloc[everything]).index.to_numpy()
    if "conflicts" in options.choices:
        measure("all training faces", everything)
        measure("without conflicting near duplicates", agreeing)
    if "noise" in options.choices:
        for task, doubted in suspects(table, features, agreeing, recipe).items():
            clean = np.setdiff1d(agreeing, doubted)
            chance = np.random.default_rng(0).permutation(agreeing)[: len(clean)]
            measure(f"without {len(doubted)} suspicious labels of {task}", clean)
            measure(f"without {len(doubted)} faces drawn by chance", np.sort(chance))
    for task in ("age", "gender") if "two" in options.choices else ():
        measure(f"a head for {task} alone", agreeing, tasks=(task,))
    for spread, growth, absolute in LOSSES if "loss" in options.choices else ():
        name = f"spread {spread:g}, growth {growth:g}, absolute error {absolute:g}"
        measure(name, agreeing, spread=spread, growth=growth, absolute=absolute)


def checked_frame(text: str) -> str:
    """Refuse what `framed_recipe` could not read."""
    if not re.fullmatch(r"\d+(:\d+(\.\d+)?){2}", text):
        raise argparse.ArgumentTypeError(f"{text} is not IMAGE_SIZE:INNER:DOWN, like 112:0.92:0.14")
    return text


def framed_recipe(recipe: FineTuning, text: str) -> FineTuning:
    image_size, inner, down = text.split(":")
    # Raw averages: `standardized` scales each, since those of some networks differ much in size.
    return recipe.replace(
        image_size=int(image_size),
        crop_scale=float(inner),
        crop_shift_y=float(down),
        standardize_features=True,
    )


def standardised(features: Features, train: np.ndarray) -> Features:
    """Each feature with mean 0 and variance 1 over the training faces."""
    known = features[train].astype(np.float64)
    return ((features - known.mean(axis=0)) / (known.std(axis=0) + 1e-6)).astype(np.float32)


def pooled_features(table: pd.DataFrame, pretrained: str, recipe: FineTuning, cache: Path | None) -> Features:
    """The averages that the head takes, float32 (faces, features), of the faces as they are."""
    found = find_pretrained(pretrained)
    parts = freeze_encoder(found.file, found.preprocessing, recipe)
    assert parts.frozen.model is not None
    faces = keras.Input((parts.frozen.image_size, parts.frozen.image_size, 3), dtype="uint8", name="faces")
    model = keras.Model(faces, parts.learning(parts.frozen.model(faces)))
    key = digest_json([parts.frozen.digest, recipe.standardize_features, recipe.pooled, "avg-pool"])
    backbone = Backbone(
        replace(parts.frozen.spec, name=f"{parts.frozen.spec.name}-pooled"),
        parts.frozen.image_size,
        parts.frozen.weights,
        key,
        model.count_params(),
        model.output_shape[1:],
        model,
    )
    return extract(backbone, table, cache=cache, track=bar).read(slice(None))


class Measure:
    """Trains heads on some rows with every seed and prints how they do on the validation split."""

    def __init__(
        self, table: pd.DataFrame, features: Features, validation: np.ndarray, recipe: FineTuning, seeds: int
    ) -> None:
        self._table, self._features, self._recipe, self._seeds = table, features, recipe, seeds
        self._validation = validation

    def __call__(self, name: str, train: np.ndarray, **changes: Any) -> None:
        recipe = self._recipe.replace(**changes)
        figures: dict[str, list[float]] = {}
        for seed in range(self._seeds):
            estimates = fit_head(self._table, self._features, train, self._validation, recipe, seed)
            for key, value in score(self._table.iloc[self._validation], estimates).items():
                figures.setdefault(key, []).append(value)
        told = ", ".join(
            f"{key} {statistics.mean(values):.4f} ({statistics.stdev(values) if len(values) > 1 else 0:.4f})"
            for key, values in figures.items()
        )
        print(f"{name:45} {len(train):6,} faces  {told}", flush=True)


def fit_head(
    table: pd.DataFrame,
    features: Features,
    train: np.ndarray,
    rows: np.ndarray,
    recipe: FineTuning,
    seed: int,
) -> dict[str, np.ndarray]:
    """Train a head on some rows and return what it says of others: probabilities of ages, of female."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input(features.shape[1:])
    learning = keras.Model(inputs, keras.layers.Identity()(inputs), name="learning_part")
    head = build_network(learning, recipe)
    compile_fine_tuning(head, recipe, -(-len(train) // recipe.batch_size), warming=True)
    labels = {task: table[task].to_numpy(np.float32)[train, None] for task in recipe.tasks}
    head.fit(features[train], labels, batch_size=recipe.batch_size, epochs=recipe.warmup, verbose=0)
    logits = head.predict(features[rows], batch_size=512, verbose=0)
    found = {}
    if "age" in logits:
        found["age"] = np.exp(logits["age"] - logits["age"].max(axis=1, keepdims=True))
        found["age"] /= found["age"].sum(axis=1, keepdims=True)
    if "gender" in logits:
        found["gender"] = 1 / (1 + np.exp(-logits["gender"][:, 0]))
    return found


def score(rows: pd.DataFrame, estimates: dict[str, np.ndarray]) -> dict[str, float]:
    ages = rows["age"].to_numpy()
    figures = {}
    if "age" in estimates:
        years = np.arange(estimates["age"].shape[1])
        median = (estimates["age"].cumsum(axis=1) < 0.5).sum(axis=1)
        figures["MAE"] = float(np.abs(estimates["age"] @ years - ages).mean())
        figures["of the median"] = float(np.abs(median - ages).mean())
    if "gender" in estimates:
        right = (estimates["gender"] > 0.5) == (rows["gender"] == 1)
        figures["gender"] = float(right.mean())
        figures["16 and over"] = float(right[ages >= 16].mean())
    return figures


def suspects(
    table: pd.DataFrame, features: Features, train: np.ndarray, recipe: FineTuning
) -> dict[str, np.ndarray]:
    """The training rows whose age (in bands of ten years) or gender cleanlab doubts."""
    # Here, since framings are measured without it.
    from cleanlab.filter import find_label_issues

    groups = table["group"].iloc[train].to_numpy()
    fold_of = {group: number % FOLDS for number, group in enumerate(sorted(set(groups)))}
    folds = np.array([fold_of[group] for group in groups])
    bands = np.asarray(age_band(pd.Series(np.arange(117))))
    by_band = np.array([bands == band for band in AGE_BANDS], float).T
    ages = np.empty((len(train), len(AGE_BANDS)))
    genders = np.empty((len(train), 2))
    for fold in range(FOLDS):
        out = fit_head(table, features, train[folds != fold], train[folds == fold], recipe, fold)
        ages[folds == fold] = out["age"] @ by_band
        genders[folds == fold] = np.column_stack([1 - out["gender"], out["gender"]])
    labels = table.iloc[train]
    band_of = {band: number for number, band in enumerate(AGE_BANDS)}
    doubted = {
        "age": find_label_issues(age_band(labels["age"]).map(band_of).to_numpy(int), ages),
        "gender": find_label_issues(labels["gender"].to_numpy(int), genders),
    }
    return {task: train[mask] for task, mask in doubted.items()}


if __name__ == "__main__":
    main()
