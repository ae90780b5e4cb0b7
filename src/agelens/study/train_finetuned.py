"""A fine-tuned network as a bundle: one or more face networks, each trained from several seeds, in one file."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import pandas as pd

from agelens.bundles.bundle import Bundle
from agelens.data.augmentation import AUGMENT_VERSION
from agelens.data.provenance import join_licences
from agelens.data.splits import hold_out_calibration, learning_splits
from agelens.data.table import digest_table
from agelens.errors import AgeLensError
from agelens.export.cards import card_of
from agelens.export.keras_model import keras_file
from agelens.export.pipeline import TrainedModel, ship
from agelens.export.validation import validate
from agelens.study.calibrated_bundle import finished_card, refuse_known_validation, write_calibrated
from agelens.training.finetune import WarmUpState, average_weights, finetune
from agelens.training.partial_freezing import freeze_encoder
from agelens.training.pretrained_encoders import RunSpec
from agelens.training.trainer import Training
from agelens.training.transfer import Settings
from agelens.utils.environment import made_with
from agelens.utils.files import digest_json
from agelens.utils.images import DECODER_VERSION
from agelens.utils.progress import Track, quiet

# Count it up when the same settings train otherwise, so that no state of the old way is gone on with.
TRAINING_VERSION = 4
# The same for what becomes of finished trainings.
SHIPPING_VERSION = 1
VERSIONS = [TRAINING_VERSION, SHIPPING_VERSION]


def train_finetuned(
    table: pd.DataFrame,
    specs: Sequence[RunSpec],
    folder: Path,
    target: Path,
    settings: Settings,
    track: Track = quiet,
    teacher: Bundle | None = None,
) -> dict[str, Any]:
    """Fine-tune face networks and write their average as one bundle; a finished one of the same making stays.

    Args:
        table: a face table with groups that is split.
        specs: what is fine-tuned, each by itself; all learn the same tasks.
        folder: takes the states of the trainings, in a subfolder for each making.
        target: folder of the bundle.
        teacher: the bundle that the recipes name as one.

    Returns:
        the bundle's card.
    """
    if len({start.recipe.tasks for start in specs}) != 1:
        raise AgeLensError("Networks that are averaged must have the same tasks.")
    table = hold_out_calibration(table)
    splits = learning_splits(table)
    identities = [_identity(table, start, settings) for start in specs]
    ensemble_weights = [start.pretrained.ensemble_weights for start in specs]
    identity = {"averaged": identities, "ensemble_weights": ensemble_weights, "shipping": SHIPPING_VERSION}
    if finished := finished_card(target, identity):
        return finished
    if teacher:
        refuse_known_validation(table, teacher)
    learned, trainings = [], []
    for start, own in zip(specs, identities, strict=True):
        network, members = _train_members(table, start, own, folder, settings, track, teacher)
        learned.append(
            TrainedModel(
                network,
                start.pretrained.file,
                start.pretrained.preprocessing,
                start.recipe,
                start.pretrained.ensemble_weights,
            )
        )
        trainings.append(members)
    image_size = max(one.image_size for one in learned)
    tasks = specs[0].recipe.tasks
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        files = ship(learned, splits["train"], Path(temporary))
        measured = {
            name: validate(file, splits["validation"], image_size, tasks) for name, file in files.items()
        }
        card = card_of(learned, trainings, settings, table, identities[0]["table"])
        card["identity"] = digest_json(identity)
        card["training"]["validation"] = measured
        if teacher:
            card["training"]["teacher"] = {
                "network_sha256": teacher.digest,
                "source": teacher.card["data"]["source"],
                "command": teacher.card["training"].get("command", ""),
            }
            card["data"]["licence"] = join_licences(
                [card["data"]["licence"], teacher.card["data"]["licence"]]
            )
        # What an earlier training of another recipe left there is another network.
        keras_file(target).unlink(missing_ok=True)
        # What its teacher learned from, it has learned from too.
        inherited = teacher.training_images if teacher else None
        return write_calibrated(target, files["int8"], card, table, inherited, track)


def _identity(table: pd.DataFrame, start: RunSpec, settings: Settings) -> dict[str, Any]:
    return {
        "table": digest_table(table),
        "recipe": start.recipe.settings(),
        "pretrained": start.pretrained.digest,
        "preprocessing": start.pretrained.preprocessing,
        "decoder": [DECODER_VERSION, AUGMENT_VERSION],
        "version": TRAINING_VERSION,
        "seed": settings.seed,
        "made_by": [made_with("keras", "openvino"), settings.round],
    }


def _train_members(
    table: pd.DataFrame,
    start: RunSpec,
    identity: dict[str, Any],
    folder: Path,
    settings: Settings,
    track: Track,
    teacher: Bundle | None,
) -> tuple[keras.Model, list[Training]]:
    """Train one face network from one or several seeds; returns the network with their average weights."""
    recipe = start.recipe
    # What decides a member leaves out how many there are: more can be added to those that are trained. All go on from
    # one warm-up, for weights can be averaged only where they began alike. Its seed is none of theirs: the head would
    # meet the same dropout on the same views again, and learn them by heart.
    alone = recipe.replace(soup_size=1)
    seeds = [settings.seed + number for number in range(recipe.soup_size + 1)]
    keys = [{**identity, "recipe": alone.settings(), "seed": seed} for seed in seeds]
    places = [folder / digest_json(key)[:12] for key in keys]
    warm_up = WarmUpState(places[0] / "warmup", seeds[0], keys[0])
    members = []
    for seed, key, place in zip(seeds[1:], keys[1:], places[1:], strict=True):
        parts = freeze_encoder(start.pretrained.file, start.pretrained.preprocessing, recipe)
        members.append(
            finetune(table, parts, alone, place, seed, key, settings.cache, track, warm_up, teacher)
        )
    network = members[0][0]
    network.set_weights(average_weights([member.get_weights() for member, _ in members]))
    return network, [training for _, training in members]
