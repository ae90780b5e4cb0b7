"""Measure the bundled network, those of `gpu_finetune.py`, and weighted averages of both, on the validation split.

    python benchmarks/gpu_ensembles.py --data DATA --predictions RESULT/predictions.npz --present present.npz \\
        --ensemble present=1 small=1 --ensemble facenet-3=1 small=0.6

DATA is what `gpu_prepare.py` wrote. Probabilities of ages and logits of female are averaged. What the bundled network
says is computed once, on the packed crops of 160 pixels, and kept in the file --present. Needs no PyTorch. The test
split is not read.
"""

import argparse
from pathlib import Path

import numpy as np
from gpu_figures import measure
from gpu_packed import decode, read_blobs

import agelens

VALIDATION = 1
Predictions = tuple[np.ndarray, np.ndarray]


def predict_present(folder: Path, rows: np.ndarray) -> Predictions:
    """Return what the bundled network says: probabilities of ages, (rows, ages), and logits of female, (rows,)."""
    blobs, predictor = read_blobs(folder), agelens.load()
    faces = [photo.faces[0] for photo in predictor.stream((decode(blobs[row]) for row in rows), crops=True)]
    age = np.array([face.age_distribution for face in faces])
    female = np.array([face.p_female for face in faces])
    return age / age.sum(1, keepdims=True), np.log(female / (1 - female))


def read_present(file: Path, folder: Path, rows: np.ndarray) -> Predictions:
    if not file.exists():
        age, female = predict_present(folder, rows)
        np.savez(file, rows=rows, age=age, female=female)
    kept = np.load(file)
    if not np.array_equal(kept["rows"], rows):
        raise SystemExit(f"{file} is of other faces than {folder}; remove it.")
    return kept["age"], kept["female"]


def read_networks(file: Path, rows: np.ndarray) -> dict[str, Predictions]:
    written = np.load(file)
    own = np.searchsorted(written["rows"], rows)
    if not np.array_equal(written["rows"][own], rows):
        raise SystemExit(f"{file} lacks faces of the validation split; it belongs to other data.")
    networks = {}
    for name in (key.removesuffix("/age") for key in written if key.endswith("/age")):
        age = written[f"{name}/age"][own].astype(np.float64)
        networks[name] = age / age.sum(1, keepdims=True), written[f"{name}/female"][own].astype(np.float64)
    return networks


def average(networks: dict[str, Predictions], weights: dict[str, float]) -> Predictions:
    unknown = weights.keys() - networks.keys()
    if unknown:
        raise SystemExit(
            f"There is no network {', '.join(sorted(unknown))}; there are {', '.join(networks)}."
        )
    total = sum(weights.values())
    age, female = (
        sum(weight * networks[name][split] for name, weight in weights.items()) / total for split in (0, 1)
    )
    return age, female


def _weight(text: str) -> tuple[str, float]:
    name, _, weight = text.partition("=")
    return name, float(weight)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="the folder that gpu_prepare.py wrote")
    parser.add_argument("--predictions", type=Path, required=True, help="predictions.npz of gpu_finetune.py")
    parser.add_argument("--present", type=Path, required=True, help="where the bundled network's are kept")
    parser.add_argument(
        "--ensemble",
        type=_weight,
        nargs="+",
        action="append",
        default=[],
        metavar="NAME=WEIGHT",
        help="networks to average",
    )
    options = parser.parse_args()
    labels = dict(np.load(options.data / "labels.npz"))
    rows = np.flatnonzero(labels["split"] == VALIDATION)
    labels = {name: column[rows] for name, column in labels.items()}
    networks = {"present": read_present(options.present, options.data, rows)}
    networks |= read_networks(options.predictions, rows)
    for weights in [[(name, 1.0)] for name in networks] + options.ensemble:
        print(" ".join(f"{name}={weight:g}" for name, weight in weights))
        for figure, value in measure(*average(networks, dict(weights)), labels).items():
            print(f"    {figure:28} {value:.4f}")


if __name__ == "__main__":
    main()
