"""Bundles that were adapted to the faces of a study, as one bundle."""

import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import onnx
import pandas as pd

from agelens.bundles.bundle import Bundle
from agelens.data.augmentation import AUGMENT_VERSION
from agelens.data.provenance import join_licences
from agelens.data.splits import hold_out_calibration, learning_splits
from agelens.data.table import digest_table
from agelens.export.cards import agreeing_images, data_section, training_section
from agelens.export.ensemble import average_networks, members_of
from agelens.export.keras_model import keras_file
from agelens.export.validation import validate
from agelens.models.backbones import build_backbone
from agelens.models.bundle_heads import OUTPUTS, Head, read_heads, replace_heads
from agelens.models.registry import FEATURES, bundle_backbone
from agelens.study.calibrated_bundle import finished_card, refuse_known_validation, write_calibrated
from agelens.training.adapt import adapt
from agelens.training.adapt_recipe import Adaptation
from agelens.training.feature_cache import resolve_precision
from agelens.training.trainer import Training
from agelens.training.transfer import Settings
from agelens.utils.environment import made_with
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
    "over_seeds",
    "stress",
    "comparison",
    "label_issues",
)

# What the cards of several networks say in words, and what stands between them in that of their average.
_JOINED = {
    "backbone": " + ",
    "weights": " + ",
    "weights_licence": "; ",
    "weights_sha256": " ",
    "preprocessing": " + ",
}


def train_adapted(
    table: pd.DataFrame,
    bundles: Sequence[Bundle],
    recipe: Adaptation,
    folder: Path,
    target: Path,
    settings: Settings,
    track: Track = quiet,
) -> dict[str, Any]:
    """Adapt the heads of bundles and write their average as a bundle; a finished one of the same making stays.

    Args:
        table: a face table with groups that is split.
        bundles: what is adapted; of several, which predict the same, the average learns.
        folder: takes the states of the training.
        target: folder of the new bundle.

    Returns:
        the card of the new bundle.

    Raises:
        AgeLensError: a bundle has no heads that can be adapted, or it learned from faces of the validation split.
    """
    table = hold_out_calibration(table)
    identity = _identity(table, bundles, recipe, settings)
    if finished := finished_card(target, identity):
        return finished
    each = [read_heads(bundle.network, str(bundle.folder)) for bundle in bundles]
    for bundle in bundles:
        bundle.read("network", partial(_check_network, bundle.tasks))
        bundle.read("data", _check_data)
    heads = [head.scaled(1 / len(bundles)) for own in each for head in own]
    splits = learning_splits(table)
    for bundle in bundles:
        refuse_known_validation(table, bundle)
    # They learn from faces of the size that the average of all will get.
    image_size = max(bundle.image_size for bundle in bundles)
    encoders = [build_backbone(bundle_backbone(bundle), image_size=image_size) for bundle in bundles]
    place = folder / digest_json(identity)[:12]
    learned, training = adapt(
        table, encoders, heads, recipe, place, settings.seed, identity, settings.cache, track
    )
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        file = Path(temporary) / "network.onnx"
        if len(bundles) > 1:
            _average(bundles, each, recipe, file)
        network = bundles[0].network if len(bundles) == 1 else file.read_bytes()
        onnx.save(replace_heads(network, learned, "the average"), file)
        card = _card(bundles, recipe, table, settings, training, identity["table"])
        card["identity"] = digest_json(identity)
        figures = validate(file, splits["validation"], card["network"]["image_size"], recipe.tasks)
        card["training"]["validation"] = {"int8": figures}
        # What an earlier training of another recipe left there is another network.
        keras_file(target).unlink(missing_ok=True)
        return write_calibrated(target, file, card, table, _training_images(bundles), track)


def _training_images(bundles: Sequence[Bundle]) -> dict[str, str]:
    """The images that made any of the bundles; what one learned from counts before what chose another's epoch."""
    images = [image for bundle in bundles for image in bundle.training_images.items()]
    return dict(sorted(images, key=lambda image: image[1] == "train"))


def _average(
    bundles: Sequence[Bundle], each: Sequence[Sequence[Head]], recipe: Adaptation, file: Path
) -> None:
    """Write the average of the networks of some bundles, each bundle counting as much as another."""
    members = []
    for bundle, heads in zip(bundles, each, strict=True):
        widths = [head.widths(recipe.tasks) | {FEATURES: head.features} for head in heads]
        members += members_of(bundle.network, widths)
    average_networks(members, file, [OUTPUTS[task] for task in recipe.tasks])


def _identity(
    table: pd.DataFrame, bundles: Sequence[Bundle], recipe: Adaptation, settings: Settings
) -> dict[str, Any]:
    return {
        "table": digest_table(table),
        "recipe": recipe.settings(),
        "adapted": [bundle.digest for bundle in bundles],
        "precision": resolve_precision("auto"),
        "decoder": [DECODER_VERSION, AUGMENT_VERSION],
        "version": VERSION,
        "seed": settings.seed,
        "made_by": [made_with("keras", "openvino"), settings.round],
    }


def _card(
    bundles: Sequence[Bundle],
    recipe: Adaptation,
    table: pd.DataFrame,
    settings: Settings,
    training: Training,
    split_digest: str,
) -> dict[str, Any]:
    old = {key: value for key, value in bundles[0].card.items() if key not in (*_OLD_FIGURES, "format")}
    licences = [*(bundle.card["data"]["licence"] for bundle in bundles), settings.licence]
    return {
        **old,
        "network": _network([bundle.card["network"] for bundle in bundles]),
        "data": {
            **old["data"],
            **data_section(settings, table, split_digest, agreeing_images(table)),
            "licence": join_licences(licences),
        },
        "training": {
            **training_section(recipe, settings, training, resolve_precision("auto")),
            "adapted": [
                {
                    "network_sha256": bundle.digest,
                    "source": bundle.card["data"]["source"],
                    "images": bundle.card["data"]["images"],
                    "command": bundle.card["training"].get("command", ""),
                    # What it had been adapted from itself.
                    **{key: value for key, value in bundle.card["training"].items() if key == "adapted"},
                }
                for bundle in bundles
            ],
        },
    }


def _check_network(tasks: Sequence[str], entry: Mapping[str, Any]) -> None:
    """Raise KeyError, TypeError or ValueError where a card lacks what that of an adapted network tells."""
    for key in _JOINED:
        if not isinstance(entry[key], str):
            raise TypeError(f"{key} is no text")
    int(entry["image_size"]), list(entry["image_sizes"]), int(entry["parameters"])
    for weights in entry["ensemble_weights"]:
        for task in tasks:
            float(weights[task])


def _check_data(entry: Mapping[str, Any]) -> None:
    for key in ("licence", "source", "images"):
        entry[key]


def _network(each: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What the card says of the average of networks, from what the cards say of each."""
    if len(each) == 1:
        return each[0]
    joined = {key: between.join(dict.fromkeys(one[key] for one in each)) for key, between in _JOINED.items()}
    return {
        **each[0],
        **joined,
        "image_size": max(one["image_size"] for one in each),
        "image_sizes": [size for one in each for size in one["image_sizes"]],
        "ensemble_weights": [
            {
                task: weight / sum(w[task] for w in one["ensemble_weights"]) / len(each)
                for task, weight in own.items()
            }
            for one in each
            for own in one["ensemble_weights"]
        ],
        "parameters": sum(one["parameters"] for one in each),
    }
