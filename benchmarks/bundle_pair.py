"""Two bundles on the same faces, neither of which learned from them: differences in pairs, with their standard errors.

    git worktree add ../before f1d9f32     # for the network that was bundled there, say
    python benchmarks/bundle_pair.py --run RUN \\
        --bundles ../before/src/agelens/bundles/bundled src/agelens/bundles/bundled

Networks of different splits have test splits of their own, whose figures differ by chance: of 1,900 faces the standard
error of an MAE is about 0.1 years. Here both are measured on those faces of the run's validation and test splits
that were in the training split of neither. Faces that chose a network's epochs are among them. `--parts validation`
leaves a test split unread that is still to judge the network chosen.
"""

import argparse
from pathlib import Path

import numpy as np
import openvino as ov
import pandas as pd

from agelens.bundles.bundle import open_bundle
from agelens.data.loaders import read_faces_at
from agelens.data.table import read_table
from agelens.inference.predictor import median
from agelens.runtime.execution import run_outputs
from agelens.runtime.session import compile_on_cpu
from agelens.training.losses import AGES

Column = np.ndarray


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", type=Path, required=True, help="a run that 'agelens audit' began")
    parser.add_argument("--bundles", type=Path, nargs=2, required=True, help="bundles of both tasks")
    parser.add_argument(
        "--parts",
        nargs="+",
        choices=("validation", "test"),
        default=["validation", "test"],
        help="which parts of the run the faces come from",
    )
    options = parser.parse_args()
    table = read_table(options.run / "table.csv")
    rows = table[table["split"].isin(options.parts)]
    for folder in options.bundles:
        training_images = pd.read_csv(folder / "training_images.csv")
        rows = rows[~rows["digest"].isin(training_images["digest"][training_images["split"] == "train"])]
    ages = rows["age"].to_numpy()
    print(f"{len(rows)} faces, {(ages >= 16).sum()} of them 16 and over")
    one, other = (measure(folder, rows) for folder in options.bundles)
    for name, values in one.items():
        chosen = ages >= 16 if name == "gender at 16 and over" else np.full(len(rows), True)
        first, second = values[chosen], other[name][chosen]
        error = (second - first).std(ddof=1) / np.sqrt(chosen.sum())
        print(
            f"{name:30} {first.mean():8.4f} {second.mean():8.4f}  "
            f"difference {(second - first).mean():+.4f} ({error:.4f})"
        )


def measure(folder: Path, rows: pd.DataFrame) -> dict[str, Column]:
    """What one bundle says, as one value a face for each figure."""
    bundle = open_bundle(folder)
    faces = read_faces_at(rows["path"].tolist(), bundle.image_size)
    network = compile_on_cpu(ov.Core().read_model(bundle.network), "f32")
    return scores(rows, *run_outputs(network, faces, [(AGES,), ()]))


def scores(rows: pd.DataFrame, said: Column, logit: Column) -> dict[str, Column]:
    """One value a face for each figure, from distributions of age, (faces, AGES), and logits of female, (faces,)."""
    ages, female = rows["age"].to_numpy(), (rows["gender"] == 1).to_numpy()
    errors, right = np.abs(median(said) - ages), ((logit > 0) == female).astype(float)
    return {
        "MAE, years": errors,
        "CS@5": (errors <= 5).astype(float),
        "age, log loss": -np.log(np.maximum(said[np.arange(len(ages)), ages], 1e-9)),
        "gender": right,
        "gender at 16 and over": right,
        "gender, log loss": np.logaddexp(0, np.where(female, -logit, logit)),
    }


if __name__ == "__main__":
    main()
