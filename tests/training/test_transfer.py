from pathlib import Path
from typing import Any

import keras
import numpy as np
import openvino as ov
import pandas as pd
import pytest

from agelens.bundles.bundle import open_bundle
from agelens.data.loaders import read_faces_at
from agelens.errors import AgeLensError
from agelens.inference.predictor import Predictor
from agelens.models.backbones import build_backbone
from agelens.models.registry import find_backbone
from agelens.study.train_network import train_network
from agelens.training import transfer as module
from agelens.training.recipes import find_recipe
from agelens.training.transfer import Settings
from agelens.utils.images import load_face


def settings(cache: Path) -> Settings:
    return Settings(weights="random", image_size=32, precision="f32", cache=cache, source="drawn")


def best_state(folder: Path, card: dict[str, Any]) -> Path:
    (making,) = folder.iterdir()
    return making / f"epoch-{card['training']['best_epoch']:03d}.keras"


def test_a_frozen_network_becomes_a_bundle_that_estimates_the_same(
    table: pd.DataFrame, tmp_path: Path
) -> None:
    recipe = find_recipe("notebook", "gender").replace(epochs=2, backbone="SmallConv")
    target = tmp_path / "gender"
    card = train_network(
        table, recipe, find_backbone("SmallConv"), tmp_path / "state", target, settings(tmp_path / "cache")
    )
    bundle = open_bundle(target)
    assert bundle.card == card
    assert card["network"]["frozen"] is True
    assert card["network"]["head"][0] == "Standardise"
    assert card["data"]["images"] == {"train": 45, "validation": 15}
    assert set(bundle.training_images.values()) == {"train", "validation"}
    assert bundle.training_images == dict(zip(table["digest"], table["split"], strict=True))
    # The shipped file against Keras: backbone and head put together from the state of the best epoch.
    backbone = build_backbone(find_backbone("SmallConv"), "random", 32)
    head = keras.saving.load_model(best_state(tmp_path / "state", card))
    faces = read_faces_at(table["path"].tolist()[:8], 32)
    expected = module.join(backbone, head).predict(faces, verbose=0)[:, 0]
    predictor = Predictor([bundle], "f32")
    ours = [face.p_female for face in predictor.predict(list(faces), crops=True).faces]
    np.testing.assert_allclose(np.array(ours, float), expected, atol=1e-5)
    files = [face.p_female for face in predictor.predict(list(table["path"][:8]), crops=True).faces]
    np.testing.assert_allclose(np.array(files, float), expected, atol=1e-5)


def test_a_network_that_learns_whole_changes_its_backbone(table: pd.DataFrame, tmp_path: Path) -> None:
    recipe = find_recipe("scratch", "age").replace(epochs=2)
    spec, target = find_backbone("SmallConv"), tmp_path / "age"
    card = train_network(table, recipe, spec, tmp_path / "state", target, settings(tmp_path / "cache"))
    assert card["network"]["frozen"] is False
    assert len(card["training"]["history"]["val_mae"]) == 2
    start = build_backbone(spec, "random", 32)
    trained = keras.saving.load_model(best_state(tmp_path / "state", card))
    assert not np.allclose(trained.layers[1].get_weights()[0], start.model.get_weights()[0])  # type: ignore[union-attr]
    network = ov.Core().compile_model(
        str(target / "network.onnx"), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    face = load_face(Path(table["path"][0]), 32)[None]
    assert network.outputs[0].get_any_name() == "age_years"
    np.testing.assert_allclose(network([face])[0], trained.predict(face, verbose=0), rtol=1e-4)
    before = (target / "network.onnx").stat().st_mtime_ns
    train_network(table, recipe, spec, tmp_path / "state", target, settings(tmp_path / "cache"))
    assert (target / "network.onnx").stat().st_mtime_ns == before


def test_a_table_without_parts_is_refused(table: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(AgeLensError, match="split it first"):
        train_network(
            table.assign(split="train"), find_recipe("scratch", "age"), find_backbone("SmallConv"),
            tmp_path / "state", tmp_path / "age", settings(tmp_path),
        )  # fmt: skip


def test_a_damaged_bundle_is_made_again(table: pd.DataFrame, tmp_path: Path) -> None:
    recipe = find_recipe("notebook", "gender").replace(epochs=1, backbone="SmallConv")
    spec, target = find_backbone("SmallConv"), tmp_path / "gender"

    def make() -> dict[str, Any]:
        return train_network(table, recipe, spec, tmp_path / "state", target, settings(tmp_path / "cache"))

    first = make()
    (target / "network.onnx").write_bytes(b"half")
    assert make() == first
    assert open_bundle(target).card == first
