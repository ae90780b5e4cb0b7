"""Pack faces and pretrained encoders for `gpu_finetune.py`, which runs on a machine without AgeLens and Keras.

    python benchmarks/gpu_prepare.py middles --labels fairface.csv --out fairface_middles.csv
    agelens audit UTKFACE_FOLDER --out UTKFACE_RUN --seed 2026 --split-ratios 86/4/10
    agelens audit fairface_middles.csv --out FAIRFACE_RUN --seed 2026 --split-ratios 86/4/10
    python benchmarks/gpu_prepare.py pack --utkface UTKFACE_RUN --fairface FAIRFACE_RUN --labels fairface.csv \\
        --pretrained facenet_keras_2024.h5 --pretrained w600k_mbf.onnx --out DATA

fairface.csv has the columns path (from its own folder), age_min, age_max, gender and race. `middles` writes the middle
of each age group as the age (75 for 70 and over), which is what `agelens audit` takes; the groups themselves come back
in `export`. FairFace's faces are found, aligned to the geometry of UTKFace's crops and stored as WebP of 160 pixels, as
UTKFace's crops are. Of the training split 4 of 86 % become a calibration split, which no program reads yet, and faces
whose copies have other labels are left out.

The faces of the run in the research log came from an earlier form of this program: it searched a face at one size
first, at others where none was found, and stored FairFace's faces at 176 pixels before it shrank them to 160.
"""

import argparse
import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import keras
import numpy as np
import pandas as pd

from agelens.detection.alignment import UTKFACE, align_faces
from agelens.detection.base import Detector
from agelens.detection.detector import find_detector, find_faces
from agelens.models.importers import read_encoder
from agelens.utils.images import Pixels, load_face, read_rgb

IMAGE_SIZE, WEBP_QUALITY = 160, 88
# Bytes of faces in one file.
SHARD_SIZE = 52_000_000
SPLITS = {"train": 0, "validation": 1, "calibration": 2, "test": 3, "left out": 4}
COLUMNS = ("source", "low", "high", "gender", "race", "split")
_KEPT = ("strides", "padding", "pool_size", "scale", "activation", "epsilon", "groups")


def write_middles(labels: Path, out: Path) -> None:
    """Write a table of photographs with the middle of each age group as the age."""
    table = pd.read_csv(labels)
    table["age"] = ((table["age_min"] + table["age_max"]) // 2).where(table["age_min"] < 70, 75)
    table["path"] = [str((labels.parent / path).resolve()) for path in table["path"]]
    table[["path", "age", "gender", "race"]].to_csv(out, index=False)


def export_encoder(path: Path, stem: Path) -> None:
    """Write the layers of an encoder as JSON and their arrays as float16 (kernels) and float32 (the rest)."""
    encoder = read_encoder(path)
    makers = {id(layer.output): layer.name for layer in encoder.model.layers}
    layers, arrays = [], {}
    for layer in encoder.model.layers:
        if isinstance(layer, keras.layers.InputLayer):
            layers.append({"name": layer.name, "kind": "Input", "inputs": []})
            continue
        weights = layer.get_weights()
        layers.append(
            {
                "name": layer.name,
                "kind": type(layer).__name__,
                "inputs": [makers[id(tensor)] for tensor in keras.tree.flatten(layer.input)],
                "config": _describe(layer),
                "weights": [list(weight.shape) for weight in weights],
            }
        )
        for number, weight in enumerate(weights):
            arrays[f"{layer.name}/{number}"] = weight.astype(np.float16 if weight.ndim > 2 else np.float32)
    last = [tensor._keras_history.operation.name for tensor in encoder.last]
    description = {"image_size": encoder.image_size, "layers": layers, "last": last}
    stem.with_suffix(".json").write_text(json.dumps(description))
    np.savez(stem.with_suffix(".npz"), **arrays)


def _describe(layer: keras.layers.Layer) -> dict[str, object]:
    config = layer.get_config()
    if isinstance(layer, keras.layers.BatchNormalization):
        return {"epsilon": config["epsilon"], "center": config["center"], "scale_on": config["scale"]}
    return {key: config[key] for key in _KEPT if key in config}


def split_off_calibration(table: pd.DataFrame, chance: np.random.Generator) -> pd.DataFrame:
    """Move whole groups from training to a calibration split; leave out training faces whose copies disagree."""
    table = table.copy()
    training = table["split"] == "train"
    groups = table.loc[training, "group"].drop_duplicates().to_numpy(copy=True)
    chance.shuffle(groups)
    chosen = set(groups[: round(len(groups) * 4 / 86)])
    table.loc[training & table["group"].isin(chosen), "split"] = "calibration"
    differ = (table.groupby("group")[["age", "gender"]].transform("nunique") != 1).any(axis=1)
    table.loc[(table["split"] == "train") & differ, "split"] = "left out"
    return table


def align_labelled(path: Path, detector: Detector) -> Pixels | None:
    """Align the face that the label means, a large one near the middle; None where no face is found."""
    image = read_rgb(path)
    height, width = image.shape[:2]
    # FairFace's crops are tight, and detectors know faces with something around them best.
    border = max(height // 4, width // 4)
    found = find_faces(detector, cv2.copyMakeBorder(image, *[border] * 4, cv2.BORDER_CONSTANT))
    if not len(found.scores):
        return None
    size = np.sqrt(np.prod(found.boxes[:, 2:] - found.boxes[:, :2], axis=1) / (height * width))
    center = (found.boxes[:, :2] + found.boxes[:, 2:]) / 2 - border
    distance = np.hypot(*(center / (width, height) - 0.5).T)
    best = int(np.argmax(size - distance))
    return align_faces(image, found.landmarks[best : best + 1] - border, UTKFACE, IMAGE_SIZE)[0]


def encode(face: Pixels | None) -> bytes:
    """Return a WebP file; empty for no face."""
    if face is None:
        return b""
    options = [cv2.IMWRITE_WEBP_QUALITY, WEBP_QUALITY]
    return cv2.imencode(".webp", cv2.cvtColor(face, cv2.COLOR_RGB2BGR), options)[1].tobytes()


def label_faces(utkface: pd.DataFrame, fairface: pd.DataFrame, labels: pd.DataFrame) -> np.ndarray:
    """Return the COLUMNS of all faces, UTKFace's before FairFace's, int64 (faces, 6)."""
    groups = {Path(row.path).name: (row.age_min, row.age_max) for row in labels.itertuples()}
    races = sorted(fairface["race"].unique())
    rows = [(0, row.age, row.age, row.gender, -1, SPLITS[row.split]) for row in utkface.itertuples()]
    rows += [
        (1, *groups[Path(row.path).name], row.gender, races.index(row.race), SPLITS[row.split])
        for row in fairface.itertuples()
    ]
    return np.array(rows, np.int64)


def write_shards(blobs: Iterable[bytes], folder: Path) -> None:
    """Write faces-0.npz, faces-1.npz and so on, of at most SHARD_SIZE bytes of faces each."""
    shards: list[list[bytes]] = [[]]
    size = 0
    for blob in blobs:
        if shards[-1] and size + len(blob) > SHARD_SIZE:
            shards.append([])
            size = 0
        shards[-1].append(blob)
        size += len(blob)
    for number, shard in enumerate(shards):
        data, sizes = np.frombuffer(b"".join(shard), np.uint8), np.array([len(blob) for blob in shard])
        np.savez(folder / f"faces-{number}.npz", data=data, sizes=sizes)


def pack(options: argparse.Namespace) -> None:
    if len(options.pretrained) != 2:
        raise SystemExit(
            "Give --pretrained twice: the large encoder (FaceNet), then the small one (MobileFaceNet)."
        )
    out: Path = options.out
    out.mkdir(parents=True, exist_ok=True)
    for path, name in zip(options.pretrained, ("facenet", "mobilefacenet"), strict=True):
        export_encoder(path, out / name)
    chance, detector = np.random.default_rng(2026), find_detector()
    utkface = split_off_calibration(pd.read_csv(options.utkface / "table.csv"), chance)
    fairface = split_off_calibration(pd.read_csv(options.fairface / "table.csv"), chance)
    rows = label_faces(utkface, fairface, pd.read_csv(options.labels))
    with ThreadPoolExecutor(2) as workers:
        blobs = list(workers.map(lambda path: encode(load_face(Path(path), IMAGE_SIZE)), utkface["path"]))
        blobs += workers.map(lambda path: encode(align_labelled(Path(path), detector)), fairface["path"])
    found = np.array([bool(blob) for blob in blobs])
    print(f"faces found in {found[len(utkface) :].sum():,} of {len(fairface):,} pictures of FairFace")
    np.savez(out / "labels.npz", **dict(zip(COLUMNS, rows[found].T, strict=True)))
    write_shards([blob for blob in blobs if blob], out)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    middles = commands.add_parser("middles", help="write the table of FairFace that 'agelens audit' takes")
    packing = commands.add_parser("pack", help="write faces, labels and encoders")
    packing.add_argument("--utkface", type=Path, required=True, help="the run of UTKFace's audit")
    packing.add_argument("--fairface", type=Path, required=True, help="the run of FairFace's audit")
    packing.add_argument(
        "--pretrained", type=Path, action="append", required=True, help="FaceNet, then MobileFaceNet"
    )
    for command, out in ((middles, "the .csv file to write"), (packing, "the folder to write")):
        command.add_argument("--labels", type=Path, required=True, help="fairface.csv")
        command.add_argument("--out", type=Path, required=True, help=out)
    options = parser.parse_args()
    if options.command == "middles":
        write_middles(options.labels, options.out)
    else:
        pack(options)


if __name__ == "__main__":
    main()
