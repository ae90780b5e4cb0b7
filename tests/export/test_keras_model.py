"""The Keras model beside a bundle: what its ONNX file computes, loaded without AgeLens and without trust."""

import zipfile
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import onnxruntime
import pytest

from agelens.errors import AgeLensError
from agelens.export.keras_model import has_keras_model, keras_file, read_keras_model, write_keras_model
from agelens.export.onnx import write_network
from agelens.models.backbones import Backbone, build_backbone
from agelens.models.heads import build_head
from agelens.models.preprocessing import PREPROCESSINGS
from agelens.models.registry import find_backbone
from agelens.models.standardization import Standardisation
from agelens.training.recipes import find_recipe
from agelens.training.transfer import join

IMAGE_SIZE = 32
FACES = np.random.default_rng(4).integers(0, 256, (5, IMAGE_SIZE, IMAGE_SIZE, 3), np.uint8)


def backbone_of(preprocessing: str) -> Backbone:
    spec = replace(find_backbone("SmallConv"), preprocessing=preprocessing)
    return build_backbone(spec, "random", IMAGE_SIZE, seed=1)


def onnx_estimates(file: Path) -> np.ndarray:
    session = onnxruntime.InferenceSession(file)
    return np.asarray(session.run(None, {session.get_inputs()[0].name: FACES})[0])


@pytest.mark.parametrize("preprocessing", PREPROCESSINGS)
def test_the_keras_model_of_a_frozen_backbone_is_the_onnx_network(tmp_path: Path, preprocessing: str) -> None:
    backbone, recipe = backbone_of(preprocessing), find_recipe("notebook", "age")
    channels = backbone.feature_shape[-1]
    scale = Standardisation(np.full(channels, 3.0), np.linspace(-1, 1, channels))
    keras.utils.set_random_seed(5)
    head = build_head(recipe, backbone.feature_shape, 30.0, scale)
    write_network(backbone, None, head, recipe, tmp_path / "network.onnx")
    write_keras_model(backbone, None, head, tmp_path / "age.keras")
    model = read_keras_model(tmp_path / "age.keras")
    estimates = model.predict(FACES, verbose=0)
    assert estimates.shape == (5, 1)
    assert np.ptp(estimates) > 0.01
    np.testing.assert_allclose(estimates, onnx_estimates(tmp_path / "network.onnx"), rtol=1e-4, atol=1e-3)


def test_a_network_that_learned_whole_is_saved_without_its_optimizer(tmp_path: Path) -> None:
    backbone, recipe = backbone_of("tf"), find_recipe("scratch", "gender")
    head = build_head(recipe, backbone.feature_shape)
    network = join(backbone, head)
    network.compile("adam", "binary_crossentropy")
    network.fit(FACES, np.array([0, 1, 0, 1, 1.0]), verbose=0)
    write_network(backbone, network, head, recipe, tmp_path / "network.onnx")
    write_keras_model(backbone, network, head, tmp_path / "gender.keras")
    model = read_keras_model(tmp_path / "gender.keras")
    np.testing.assert_allclose(
        model.predict(FACES, verbose=0), onnx_estimates(tmp_path / "network.onnx"), atol=1e-5
    )
    network.save(tmp_path / "compiled.keras")
    assert (tmp_path / "gender.keras").stat().st_size < 0.6 * (tmp_path / "compiled.keras").stat().st_size


def test_the_file_needs_no_code_of_agelens(tmp_path: Path) -> None:
    backbone, recipe = backbone_of("caffe"), find_recipe("notebook", "gender")
    write_keras_model(backbone, None, build_head(recipe, backbone.feature_shape), tmp_path / "gender.keras")
    with zipfile.ZipFile(tmp_path / "gender.keras") as file:
        config = file.read("config.json").decode()
    assert '"keras' in config
    assert "agelens" not in config
    assert "Lambda" not in config


def test_a_network_on_an_onnx_file_has_no_keras_model_and_leaves_no_older_one(tmp_path: Path) -> None:
    backbone, head = backbone_of("raw"), build_head(find_recipe("notebook", "age"), (1, 1, 96))
    (tmp_path / "age.keras").write_bytes(b"of an older network")
    write_keras_model(replace(backbone, model=None), None, head, tmp_path / "age.keras")
    with pytest.raises(
        AgeLensError,
        match=r"age\.keras does not exist: fine-tuned and adapted networks, and networks on ONNX",
    ):
        read_keras_model(tmp_path / "age.keras")
    assert not has_keras_model(replace(backbone.spec, file=tmp_path / "network.onnx"))
    assert has_keras_model(replace(backbone.spec, file=tmp_path / "network.keras"))
    assert has_keras_model(backbone.spec)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "age.keras").write_bytes(b"no zip")
    with pytest.raises(AgeLensError, match=r"age\.keras cannot be loaded as a Keras model"):
        read_keras_model(tmp_path / "age.keras")


def test_the_keras_model_stands_beside_its_bundle() -> None:
    assert keras_file(Path("study/age")) == Path("study/age.keras")
