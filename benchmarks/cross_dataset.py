"""Networks trained on each source of a study and on all of them, measured on each: how far each data set carries.

    agelens audit ~/data/UTKFace ~/data/aligned/faces.csv --out my-run
    python benchmarks/cross_dataset.py --run my-run --recipe finetune --pretrained facenet_keras_2024.h5
    python benchmarks/cross_dataset.py --run my-run --recipe scratch --epochs 2 --image-size 32     # in a minute or two

Each network learns from the training split of its sources, is chosen by their validation split, and is measured on the
test split of every source; near duplicates across sources are in one split, so nothing leaks. A network that is trained
already is taken. Exact ages are told by MAE, groups of ages by the share in the right group.
"""

import argparse
from pathlib import Path
from typing import Any

from agelens.bundles.bundle import find_bundles
from agelens.data.table import read_table, source_names, write_table
from agelens.errors import AgeLensError
from agelens.evaluation.evaluate import evaluate
from agelens.study.folder import StudyFolder
from agelens.study.plan import TrainingPlan
from agelens.study.steps import train_networks
from agelens.utils.files import read_json, write_json
from agelens.utils.progress import bar, say

ALL = "all sources"
CELLS = {
    "age": ("mae", "MAE {:.2f}"),
    "age_group": ("right_group", "{:.1%} in group"),
    "gender": ("accuracy", "{:.1%}"),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", type=Path, required=True, help="a run that was begun on several sources")
    parser.add_argument("--recipe", choices=("notebook", "scratch", "finetune", "adapt"), default="finetune")
    parser.add_argument(
        "--pretrained", action="append", default=[], help="face network to fine-tune, or bundle to adapt"
    )
    parser.add_argument("--epochs", type=int, help="how many epochs; the recipe's own if not given")
    parser.add_argument("--unfreeze-stages", type=int, help="of fine-tuning, for a shorter one")
    parser.add_argument("--augmented-views", type=int, help="of fine-tuning and adapting, for a shorter one")
    parser.add_argument("--image-size", type=int, help="pixels, of the recipes but finetune")
    parser.add_argument("--weights", default="imagenet", help="of the notebook's backbones")
    parser.add_argument("--cache", type=Path, help="folder that keeps features")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every figure here")
    options = parser.parse_args()
    plan = TrainingPlan(
        recipe=options.recipe, pretrained=tuple(options.pretrained), epochs=options.epochs,
        image_size=options.image_size, weights=options.weights, cache=options.cache,
        unfreeze_stages=options.unfreeze_stages, augmented_views=options.augmented_views,
    )  # fmt: skip
    found = cross_dataset(options.run, plan)
    for task in ("age", "gender"):
        print(f"\n**{task}**\n\n{markdown(found, task)}")
    if options.json:
        write_json(options.json, found)


def cross_dataset(run: Path, plan: TrainingPlan) -> dict[str, dict[str, Any]]:
    """The figures of each network (by what it was trained on) on each source, as `measure` gives them for a source."""
    table, config = read_table(run / "table.csv"), read_json(run / "config.json")
    names = source_names(table)
    if len(names) < 2:
        raise AgeLensError(f"{run} has one source alone; begin a run on several.")
    found: dict[str, dict[str, Any]] = {}
    for number, name in enumerate([*names, ALL]):
        folder = run / "cross-dataset" / str(number)
        folder.mkdir(parents=True, exist_ok=True)
        learning = table if name == ALL else table[table["source"] == name]
        write_table(learning, folder / "table.csv")
        if not (folder / "config.json").exists():
            write_json(folder / "config.json", {**config, "steps": {"audit": config["steps"]["audit"]}})
        say(f"training on {name}")
        part = StudyFolder(folder, bar, say)
        part.crops_as_they_are = True
        train_networks(part, plan)
        done = evaluate(
            table, find_bundles(folder), "test", seed=config["seed"], framed="as-they-are", track=bar
        )
        found[name] = {task: done.figures[task]["groups"]["source"] for task in CELLS if task in done.figures}
    return found


def markdown(found: dict[str, dict[str, Any]], task: str) -> str:
    """A table with what a network was trained on by row and what it was measured on by column."""
    names = [name for name in found if name != ALL]
    lines = [f"| trained on | {' | '.join(names)} |", f"|---{'|---' * len(names)}|"]
    tasks = ("age", "age_group") if task == "age" else ("gender",)
    for trained, figures in found.items():
        cells = [
            ", ".join(
                CELLS[one][1].format(figures[one][name][CELLS[one][0]])
                for one in tasks
                if name in figures.get(one, {})
            )
            for name in names
        ]
        lines.append(f"| {trained} | {' | '.join(cell or '–' for cell in cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
