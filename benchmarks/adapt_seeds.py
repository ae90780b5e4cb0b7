"""How much chance has to do with an adapted bundle: the same split and recipe, another seed for each training.

    agelens train UTKFACE FAIRFACE --out my-run --recipe adapt --seed 2026 --split-ratios 86/4/10
    python benchmarks/adapt_seeds.py --run my-run --pretrained agelens --seeds 1 2 3

Every seed decides the order of the faces and the dropout; the split stays that of the run. Prints what each network
reaches on the validation faces, and the means and standard deviations of their figures on a split, by source. What was
trained already is taken. With --exclude, such as the label_issues.csv of a study, the same is done without some
training faces: what a list of suspicious labels changes. `agelens export --seeds FILE` writes the means into a card.
"""

import argparse
from pathlib import Path

import pandas as pd

from agelens.bundles.bundle import find_one_bundle, open_bundle
from agelens.data.table import read_table
from agelens.evaluation.evaluate import evaluate
from agelens.evaluation.over_seeds import over_seeds, tell_over_seeds
from agelens.study.train_adapted import train_adapted
from agelens.training.adapt_recipe import Adaptation
from agelens.training.transfer import Settings
from agelens.utils.files import write_json
from agelens.utils.progress import bar


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", type=Path, required=True, help="a study that is split")
    parser.add_argument("--pretrained", action="append", default=[], help="bundles to adapt (agelens)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument(
        "--exclude", type=Path, help="CSV whose column digest names training faces to leave out"
    )
    parser.add_argument("--split", choices=("validation", "test"), default="test")
    parser.add_argument("--cache", type=Path, help="folder that keeps features")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="also write every figure here, for agelens export --seeds"
    )
    options = parser.parse_args()
    table = read_table(options.run / "table.csv")
    place = "seeds"
    if options.exclude:
        # The splits stay, and so do the faces that are measured: only what is learned from differs.
        listed = table["digest"].isin(pd.read_csv(options.exclude)["digest"])
        left_out = listed & (table["split"] == "train")
        print(f"left out of the training split: {left_out.sum():,} of {listed.sum():,} listed faces")
        table, place = table[~left_out].reset_index(drop=True), f"seeds-without-{options.exclude.stem}"
    bundles = [find_one_bundle(name) for name in options.pretrained or ["agelens"]]
    recipe = Adaptation(tasks=bundles[0].tasks)
    evaluations = []
    for seed in options.seeds:
        folder = options.run / place / str(seed)
        folder.mkdir(parents=True, exist_ok=True)
        train_adapted(
            table, bundles, recipe, folder, folder / "bundle", Settings(seed=seed, cache=options.cache), bar
        )
        trained = open_bundle(folder / "bundle")
        # Which of them to take is decided here, and not by the test split.
        chosen_by = trained.card["training"]["validation"]["int8"]
        print(
            f"seed {seed}: on validation faces {', '.join(f'{key} {value:.4f}' for key, value in chosen_by.items())}"
        )
        done = evaluate(table, [trained], options.split, seed=seed, framed="as-they-are", track=bar)
        evaluations.append(done.figures)
    found = over_seeds(evaluations, options.seeds, options.split)
    for one in found["figures"]:
        each = ", ".join(f"{value:.4f}" for value in one["values"])
        print(f"{one['source']:12} {one['figure']:36} {tell_over_seeds(one):22} of {each}")
    if options.json:
        write_json(options.json, found)


if __name__ == "__main__":
    main()
