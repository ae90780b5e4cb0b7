"""Bundles with other cards, for tests."""

from pathlib import Path
from typing import Any

from agelens.bundles.bundle import NETWORK, open_bundle, write_bundle


def amend_card(folder: Path, entries: dict[str, Any]) -> None:
    """Write a bundle anew with other entries in its card."""
    bundle = open_bundle(folder)
    card = {key: value for key, value in bundle.card.items() if key != "format"} | entries
    network = folder.with_name(f"{folder.name}-{NETWORK}")
    network.write_bytes(bundle.network)
    write_bundle(folder, network, card, bundle.training_images)
