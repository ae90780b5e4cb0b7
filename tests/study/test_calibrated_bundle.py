from pathlib import Path
from typing import Any

import pytest

from agelens.bundles.bundle import NETWORK, write_bundle
from agelens.evaluation import calibration
from agelens.study.calibrated_bundle import finished_card
from agelens.utils.files import digest_json

IDENTITY = {"table": "abc", "seed": 42}


def write(folder: Path, **entries: Any) -> Path:
    """A bundle of IDENTITY without a network that runs."""
    network = folder.with_name("network")
    network.write_bytes(b"a network")
    card = {"task": "age", "identity": digest_json(IDENTITY), "network": {"image_size": 32}, **entries}
    write_bundle(folder, network, card, {})
    return folder


def calibrated(version: int = calibration.VERSION) -> dict[str, Any]:
    fingerprint = digest_json({"version": version, "identity": digest_json(IDENTITY)})
    return {"calibrated": {"fingerprint": fingerprint}}


def test_a_whole_calibrated_bundle_of_the_same_making_is_finished(tmp_path: Path) -> None:
    folder = write(tmp_path / "age", **calibrated())
    card = finished_card(folder, IDENTITY)
    assert card is not None
    assert card == finished_card(folder)
    assert card["identity"] == digest_json(IDENTITY)
    assert finished_card(folder, {**IDENTITY, "seed": 43}) is None


@pytest.mark.parametrize("entries", [{}, calibrated(calibration.VERSION + 1)], ids=["none", "other version"])
def test_one_that_is_not_calibrated_or_otherwise_is_not(tmp_path: Path, entries: dict[str, Any]) -> None:
    assert finished_card(write(tmp_path / "age", **entries), IDENTITY) is None


def test_one_that_is_damaged_or_absent_is_not(tmp_path: Path) -> None:
    folder = write(tmp_path / "age", **calibrated())
    (folder / NETWORK).write_bytes(b"another")
    assert finished_card(folder) is None
    assert finished_card(tmp_path / "nowhere") is None
