"""How much chance has to do with an adapted bundle: the same split and recipe, another seed for each training.

    agelens train UTKFACE FAIRFACE --out my-run --recipe adapt --seed 2026 --split-ratios 86/4/10
    python benchmarks/adapt_seeds.py --run my-run --pretrained agelens --seeds 1 2 3

Every seed decides the order of the faces and the dropout; the split stays that of the run. Prints the figures of each
network on a split, by source, with their mean and standard deviation. What was trained already is taken.
"""

import argparse
import statistics
from pathlib import Path

from agelens.bundles.bundle import find_one_bundle, open_bundle
from agelens.data.table import read_table
from agelens.evaluation.evaluate import evaluate
from agelens.study.train_adapted import train_adapted
from agelens.training.adapt_recipe import Adaptation
from agelens.training.transfer import Settings
from agelens.utils.files import write_json
from agelens.utils.progress import bar

FIGURES = (("age", "mae"), ("age", "coverage"), ("age_group", "right_group"), ("gender", "accuracy"))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", type=Path, required=True, help="a study that is split")
    parser.add_argument("--pretrained", action="append", default=[], help="bundles to adapt (agelens)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--split", choices=("validation", "test"), default="test")
    parser.add_argument("--cache", type=Path, help="folder that keeps features")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every figure here")
    options = parser.parse_args()
    table = read_table(options.run / "table.csv")
    bundles = [find_one_bundle(name) for name in options.pretrained or ["agelens"]]
    recipe = Adaptation(tasks=bundles[0].tasks)
    found: dict[str, list[float]] = {}
    for seed in options.seeds:
        place = options.run / "seeds" / str(seed)
        place.mkdir(parents=True, exist_ok=True)
        train_adapted(
            table, bundles, recipe, place, place / "bundle", Settings(seed=seed, cache=options.cache), bar
        )
        done = evaluate(
            table, [open_bundle(place / "bundle")], options.split, seed=seed, framed="as-they-are", track=bar
        )
        for task, figure in FIGURES:
            figures = done.figures.get(task, {})
            # A table of one source is not told apart.
            by_source = figures.get("groups", {}).get("source") or {"all": figures}
            for source, own in by_source.items():
                if figure in own:
                    found.setdefault(f"{source}: {task} {figure}", []).append(own[figure])
    for name, values in found.items():
        spread = statistics.stdev(values) if len(values) > 1 else 0.0
        each = ", ".join(f"{value:.4f}" for value in values)
        print(f"{name:34} mean {statistics.mean(values):.4f}  standard deviation {spread:.4f}  ({each})")
    if options.json:
        write_json(options.json, found)


if __name__ == "__main__":
    main()
