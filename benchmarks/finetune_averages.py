"""What averaging fine-tuned networks is worth, with which shares, and what their mirror images add.

    agelens train UTKFACE_FOLDER --out A --recipe finetune --pretrained facenet_keras_2024.h5 --seed 7
    agelens train UTKFACE_FOLDER --out B --recipe finetune --pretrained w600k_mbf.onnx --seed 7
    python benchmarks/finetune_averages.py --run A --bundles A/both B/both
    python benchmarks/finetune_averages.py --run A --bundles A/both B/both C/both --shares 1 0.6

Measured on the validation split of the run's table, which chose the epochs of the networks; the test split is never
read. The last network counts between 10 and 50 per cent; those before it have the rest, by the shares given. Faces
are brought to the largest side of the networks first, as for the averaged network. The estimate of age is the
median of the averaged distribution, gender the sign of the averaged logit.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import openvino as ov

from agelens.bundles.bundle import open_bundle
from agelens.data.loaders import read_faces_at
from agelens.data.table import read_table
from agelens.inference.predictor import median
from agelens.runtime.execution import run_outputs
from agelens.runtime.session import compile_on_device
from agelens.training.losses import AGES

Said = tuple[np.ndarray, np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--run", type=Path, required=True, help="the run whose validation split is measured on"
    )
    parser.add_argument(
        "--bundles", type=Path, nargs="+", required=True, help="one or more bundles of both tasks"
    )
    parser.add_argument(
        "--shares",
        type=float,
        nargs="+",
        help="how much each but the last counts; without it they count alike",
    )
    options = parser.parse_args()
    ensemble_weights = options.ensemble_weights or [1.0] * (len(options.bundles) - 1)
    if len(ensemble_weights) != len(options.bundles) - 1:
        parser.error("--shares takes one number for each bundle but the last")
    table = read_table(options.run / "table.csv")
    rows = table[table["split"] == "validation"]
    bundles = [open_bundle(folder) for folder in options.bundles]
    faces = read_faces_at(rows["path"].tolist(), max(bundle.image_size for bundle in bundles))
    ages, female = rows["age"].to_numpy(), (rows["gender"] == 1).to_numpy()

    def told(name: str, said: Said) -> None:
        errors, right = np.abs(median(said[0]) - ages), (said[1] > 0) == female
        log_loss = -np.log(said[0][np.arange(len(ages)), ages] + 1e-9).mean()
        gender_log_loss = np.logaddexp(0, np.where(female, -said[1], said[1])).mean()
        print(
            f"{name:44} MAE {errors.mean():.3f}  CS@5 {(errors <= 5).mean():.2%}  gender {right.mean():.2%}  "
            f"16 and over {right[ages >= 16].mean():.2%}  under 10 {right[ages < 10].mean():.2%}  "
            f"log loss {log_loss:.3f}, {gender_log_loss:.4f}",
            flush=True,
        )

    plain, both = [], []
    for folder, bundle in zip(options.bundles, bundles, strict=True):
        compiled = compile_on_device(ov.Core().read_model(bundle.network), "f32")
        said, mirrored = (
            run_outputs(compiled, pixels, [(AGES,), ()])
            for pixels in (faces, np.ascontiguousarray(faces[:, :, ::-1]))
        )
        plain.append((said[0], said[1]))
        both.append(((said[0] + mirrored[0]) / 2, (said[1] + mirrored[1]) / 2))
        told(str(folder), plain[-1])
        told(f"{folder}, with mirror images", both[-1])
    if len(bundles) < 2:
        return
    told(
        f"all but the last, {':'.join(f'{one:g}' for one in ensemble_weights)}",
        mixed(plain[:-1], ensemble_weights),
    )
    for counts in np.arange(1, 6) / 10:
        parts = [one * (1 - counts) / sum(ensemble_weights) for one in ensemble_weights] + [counts]
        told(f"the last counts {counts:.0%}", mixed(plain, parts))
        told(f"the last counts {counts:.0%}, mirrored too", mixed([*plain[:-1], both[-1]], parts))


def mixed(said: Sequence[Said], ensemble_weights: Sequence[float]) -> Said:
    """The averages of distributions and of logits."""
    age, female = (np.average(each, axis=0, weights=ensemble_weights) for each in zip(*said, strict=True))
    return age, female


if __name__ == "__main__":
    main()
