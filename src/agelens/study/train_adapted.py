"""A bundle that was adapted to the faces of a study, as a bundle."""

import tempfile
from pathlib import Path
from typing import Any

import onnx
import pandas as pd

from agelens.bundles.bundle import Bundle
from agelens.data.augmentation import AUGMENT_VERSION
from agelens.data.baselines import baselines
from agelens.data.splits import learning_splits, without_conflicts
from agelens.data.table import digest_table
from agelens.export.validation import validate
from agelens.models.backbones import build_backbone
from agelens.models.bundle_heads import read_heads, replace_heads
from agelens.models.registry import bundle_backbone
from agelens.study.calibrated_bundle import finished_card, refuse_known_validation, write_calibrated
from agelens.training.adapt import adapt
from agelens.training.adapt_recipe import Adaptation
from agelens.training.trainer import Training
from agelens.training.transfer import Settings
from agelens.utils.environment import machine, made_with, versions
from agelens.utils.files import digest_json
from agelens.utils.images import DECODER_VERSION
from agelens.utils.progress import Track, quiet

# Count it up when the same settings adapt otherwise.
VERSION = 1
# What of a card was measured with the network that was adapted, and says nothing of the new one.
_OLD_FIGURES = (
    "evaluation",
    "limitations",
    "calibration",
    "calibrated",
    "geometry",
    "gender_temperature",
    "age_limits",
)


def train_adapted(
    table: pd.DataFrame,
    bundle: Bundle,
    recipe: Adaptation,
    folder: Path,
    target: Path,
    settings: Settings,
    track: Track = quiet,
) -> dict[str, Any]:
    """Adapt the heads of a bundle and write it anew, calibrated; a finished one of the same making stays.

    Args:
        table: a face table with groups that is split.
        folder: takes the states of the training.
        target: folder of the new bundle.

    Returns:
        the card of the new bundle.

    Raises:
        AgeLensError: the bundle has no heads that can be adapted, or it learned from faces of the validation split.
    """
    identity = _identity(table, bundle, recipe, settings)
    if finished := finished_card(target, identity):
        return finished
    name = str(bundle.folder)
    heads = read_heads(bundle.network, name)
    splits = learning_splits(table)
    refuse_known_validation(splits["validation"], bundle)
    encoders = build_backbone(bundle_backbone(bundle))
    place = folder / digest_json(identity)[:12]
    learned, training = adapt(
        table, encoders, heads, recipe, place, settings.seed, identity, settings.cache, track
    )
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        file = Path(temporary) / "network.onnx"
        onnx.save(replace_heads(bundle.network, learned, name), file)
        card = _card(bundle, recipe, table, settings, training, identity["table"])
        card["identity"] = digest_json(identity)
        figures = validate(file, splits["validation"], bundle.image_size, recipe.tasks)
        card["training"]["validation"] = {"int8": figures}
        return write_calibrated(target, file, card, table, bundle.training_images, track)


def _identity(table: pd.DataFrame, bundle: Bundle, recipe: Adaptation, settings: Settings) -> dict[str, Any]:
    return {
        "table": digest_table(table),
        "recipe": recipe.settings(),
        "adapted": bundle.card["identity"],
        "decoder": [DECODER_VERSION, AUGMENT_VERSION],
        "version": VERSION,
        "seed": settings.seed,
        "made_by": [made_with("keras", "openvino"), settings.round],
    }


def _card(
    bundle: Bundle,
    recipe: Adaptation,
    table: pd.DataFrame,
    settings: Settings,
    training: Training,
    split_digest: str,
) -> dict[str, Any]:
    old = {key: value for key, value in bundle.card.items() if key not in (*_OLD_FIGURES, "format")}
    train = table[table["split"] == "train"]
    agreed = len(without_conflicts(train))
    data = old["data"]
    licences = dict.fromkeys([data["licence"], settings.licence])
    return {
        **old,
        "data": {
            **data,
            "source": settings.source,
            "licence": "; ".join(licences),
            "about": settings.about,
            "images": {
                "train": agreed,
                "left_out_for_conflicting_labels": len(train) - agreed,
                "validation": int((table["split"] == "validation").sum()),
            },
            "split_digest": split_digest,
            "baseline": baselines(table),
        },
        "training": {
            "recipe": recipe.name,
            "command": settings.command,
            "settings": recipe.settings(),
            "seed": settings.seed,
            "epochs_run": training.epochs_run,
            "best_epoch": training.best_epoch,
            "monitor": recipe.monitor,
            "history": training.history,
            "seconds": round(training.seconds, 2),
            "versions": versions(),
            "machine": machine(),
            "adapted": {
                "identity": old["identity"],
                "source": data["source"],
                "images": data["images"],
                "command": old["training"].get("command", ""),
            },
        },
    }
