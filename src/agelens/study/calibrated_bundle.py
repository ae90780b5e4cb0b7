"""The bundle of a network that a study trained: written once, its card complete with geometry and intervals."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from agelens.bundles.bundle import CARD, Bundle, intact_card, write_bundle
from agelens.data.splits import CALIBRATION, learning_splits
from agelens.data.table import ORIGINAL_COLUMNS, image_digests
from agelens.errors import AgeLensError
from agelens.evaluation.calibration import calibration_entries, is_calibrated
from agelens.study.folder import StudyFolder
from agelens.utils.files import digest_json, read_json
from agelens.utils.progress import Track, quiet


def finished_card(target: Path, identity: dict[str, Any] | None = None) -> dict[str, Any] | None:
    """Return the card of a bundle that is whole and calibrated; None where there is none.

    Args:
        identity: what the bundle must have been made of, as its card's ``identity`` is the digest of; anything if None.
    """
    card = intact_card(target)
    if card is None or not is_calibrated(card):
        return None
    return card if identity is None or card["identity"] == digest_json(identity) else None


def forget_unfinished(run: StudyFolder, task: str) -> None:
    """Count the training of a task as not done where its bundle is not whole and calibrated."""
    if finished_card(run.folder / task) is None:
        run.forget(f"train-{task}")


def refuse_known_validation(table: pd.DataFrame, bundle: Bundle) -> None:
    """Refuse a table with validation faces that a bundle, which a training goes on from, has learned from."""
    rows = table[table["split"].isin(("validation", CALIBRATION))]
    trained = {digest for digest, split in bundle.training_images.items() if split == "train"}
    columns = [rows[name] for name in ("digest", ORIGINAL_COLUMNS[1]) if name in rows.columns]
    known = int(np.any([column.isin(trained) for column in columns], axis=0).sum())
    if known:
        raise AgeLensError(
            f"{bundle.folder} has learned from {known:,} of the {len(rows):,} faces of the validation split; split the "
            "faces as they were split for it (--seed and --split-ratios of its card, or a column split)."
        )


def write_calibrated(
    target: Path,
    network: Path,
    card: dict[str, Any],
    table: pd.DataFrame,
    inherited: dict[str, str] | None = None,
    track: Track = quiet,
) -> dict[str, Any]:
    """Calibrate a network on the table that it was trained on, and write its bundle.

    Args:
        target: folder of the bundle.
        network: the ONNX file; it is moved into the bundle.
        card: what else the card holds, ``task``, ``identity`` and ``network.image_size`` among it.
        table: a face table that is split.
        inherited: split by digest of the images that made the backbone.

    Returns:
        the card as it was written.
    """
    splits = learning_splits(table)
    own = {
        digest: name
        for name in (CALIBRATION, "validation", "train")
        for digest in image_digests(splits[name])
    }
    training_images = {**(inherited or {}), **own}
    entries = calibration_entries(Bundle(target, card, network.read_bytes(), training_images), table, track)
    write_bundle(target, network, {**card, **entries}, training_images)
    return dict(read_json(target / CARD))
