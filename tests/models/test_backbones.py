import importlib
import shutil
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras.applications import imagenet_utils

from agelens.errors import AgeLensError
from agelens.models.backbones import build_backbone, fetch_backbone
from agelens.models.preprocessing import PREPROCESSINGS, preprocessing_layers
from agelens.models.registry import NOTEBOOK_SEVEN, REGISTRY, backbone_names, find_backbone
from agelens.models.standardization import LENGTHS, measure_moments, standardise

FACES = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3)).astype(np.uint8)


def test_the_registry_holds_the_notebooks_seven_and_the_two_newer_ones() -> None:
    assert NOTEBOOK_SEVEN == (
        "VGG16", "ResNet50V2", "ResNet152V2", "Xception", "InceptionV3", "MobileNetV3Small", "MobileNetV3Large",
    )  # fmt: skip
    assert {"EfficientNetV2B0", "ConvNeXtTiny", "SmallConv"} < set(REGISTRY)


@pytest.mark.parametrize("name", [name for name, spec in REGISTRY.items() if spec.imagenet])
def test_the_weights_are_the_ones_keras_itself_would_fetch(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}

    class Stop(Exception):  # noqa: N818
        pass

    def get_file(fname: str, origin: str, **options: Any) -> str:
        asked.update(name=fname, url=origin, **options)
        raise Stop

    spec = REGISTRY[name]
    file_utils = importlib.import_module("keras.src.utils.file_utils")
    monkeypatch.setattr(file_utils, "get_file", get_file)
    assert spec.builder is not None
    with pytest.raises(Stop):
        spec.builder(input_shape=(spec.image_size, spec.image_size, 3), include_top=False, weights="imagenet")
    assert spec.imagenet is not None
    assert spec.imagenet.url == asked["url"]
    assert spec.imagenet.name == asked["name"]
    assert spec.imagenet.digest.split(":")[1] == asked["file_hash"]


@pytest.mark.parametrize("mode", ["tf", "caffe", "torch"])
def test_scalings_equal_the_ones_of_keras_applications(mode: str) -> None:
    faces = keras.Input((32, 32, 3), dtype="uint8")
    network = keras.Model(faces, preprocessing_layers(PREPROCESSINGS[mode], faces))
    expected = imagenet_utils.preprocess_input(FACES.astype(np.float32), mode=mode)
    np.testing.assert_allclose(network.predict(FACES, verbose=0), expected, atol=1e-4)
    np.testing.assert_allclose(PREPROCESSINGS[mode].apply(FACES), expected, atol=1e-4)


@pytest.mark.parametrize("name", ["MobileNetV3Small", "EfficientNetV2B0", "ConvNeXtTiny"])
def test_backbones_that_rescale_inside_get_plain_bytes(name: str) -> None:
    body = REGISTRY[name].builder(input_shape=(64, 64, 3), include_top=False, weights=None)  # type: ignore[misc]
    assert REGISTRY[name].preprocessing == "raw"
    inside = [type(layer).__name__ for layer in body.layers] + [
        type(inner).__name__ for layer in body.layers for inner in getattr(layer, "layers", [])
    ]
    assert {"Rescaling", "Normalization"} & set(inside)


def test_a_built_backbone_knows_its_shape_and_is_the_same_for_the_same_seed() -> None:
    first = build_backbone(find_backbone("mobilenetv3small"), "random", 64)
    again = build_backbone(find_backbone("MobileNetV3Small"), "random", 64)
    other = build_backbone(find_backbone("MobileNetV3Small"), "random", 64, seed=7)
    assert first.feature_shape == (2, 2, 576)
    assert first.spec.features == 576
    assert first.digest == again.digest != other.digest
    assert first.model is not None
    assert first.model.input.dtype == "uint8"


def test_random_features_do_not_vanish_before_a_head() -> None:
    backbone = build_backbone(find_backbone("MobileNetV3Small"), "random", 64)
    assert backbone.model is not None
    faces = np.random.default_rng(1).integers(0, 256, (4, 64, 64, 3)).astype(np.uint8)
    features = backbone.model.predict(faces, verbose=0)
    # As Keras builds them the spread is about 1e-9, from which no head can learn.
    assert features.std() < 1e-6
    found = standardise(measure_moments(lambda rows: features[rows], len(features)), "age")
    lengths = np.linalg.norm((features * found.scale + found.offset).reshape(len(features), -1), axis=1)
    assert np.sqrt(np.square(lengths).mean()) == pytest.approx(LENGTHS["age"], rel=1e-3)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("VGG99", "no backbone 'VGG99'"),
        ("nowhere.onnx@112:tf", "does not exist"),
    ],
)
def test_an_unknown_backbone_is_named(text: str, words: str) -> None:
    with pytest.raises(AgeLensError, match=words):
        find_backbone(text)


@pytest.mark.parametrize("names", ["", " , ,", [], (), [" "], [5], [None]])
def test_some_backbone_must_be_named(names: list[str]) -> None:
    with pytest.raises(AgeLensError, match=r"No backbone is named; give some of VGG16|is given by its name"):
        backbone_names(names)
    assert backbone_names(" VGG16,SmallConv,") == backbone_names(["VGG16", "SmallConv"])


def test_a_file_needs_its_side_and_scaling(tmp_path: Path) -> None:
    file = tmp_path / "mine.onnx"
    file.write_bytes(b"not a network")
    for text in (str(file), f"{file}@112", f"{file}@112:nonsense"):
        with pytest.raises(AgeLensError, match="IMAGE_SIZE:PREPROCESSING"):
            find_backbone(text)
    with pytest.raises(AgeLensError, match=r"not an? (usable )?ONNX file"):
        build_backbone(find_backbone(f"{file}@112:tf"))


def test_a_keras_file_becomes_a_backbone(tmp_path: Path) -> None:
    keras.utils.set_random_seed(1)
    mine = keras.Sequential([keras.Input((40, 40, 3)), keras.layers.Conv2D(4, 3, strides=4)])
    file = tmp_path / "mine.keras"
    mine.save(file)
    backbone = build_backbone(find_backbone(f"{file}@40:unit"))
    faces = np.random.default_rng(0).integers(0, 256, (2, 40, 40, 3)).astype(np.uint8)
    assert backbone.model is not None
    np.testing.assert_allclose(
        backbone.model.predict(faces, verbose=0), mine.predict(faces / np.float32(255), verbose=0), atol=1e-5
    )
    with pytest.raises(
        AgeLensError, match=r"takes \(None, 40, 40, 3\) and not one batch of images of 32 x 32"
    ):
        build_backbone(find_backbone(f"{file}@32:unit"))
    two = [keras.Input((40, 40, 3)), keras.Input((40, 40, 3))]
    keras.Model(two, keras.layers.Add()(two)).save(file)
    with pytest.raises(AgeLensError, match="not one batch of images"):
        build_backbone(find_backbone(f"{file}@40:unit"))
    with zipfile.ZipFile(file, "w") as empty:
        empty.writestr("metadata.json", "{}")
    with pytest.raises(AgeLensError, match="cannot be loaded as a Keras file"):
        build_backbone(find_backbone(f"{file}@40:unit"))
    file.write_bytes(b"broken")
    with pytest.raises(AgeLensError, match="cannot be loaded as a Keras file"):
        build_backbone(find_backbone(f"{file}@40:unit"))


def test_sides_below_the_least_are_refused() -> None:
    with pytest.raises(AgeLensError, match="at least 75 pixels"):
        build_backbone(find_backbone("InceptionV3"), "random", 64)


def test_weights_come_from_a_file_and_must_fit(tmp_path: Path) -> None:
    spec = find_backbone("MobileNetV3Small")
    keras.utils.set_random_seed(5)
    body = spec.builder(input_shape=(64, 64, 3), include_top=False, weights=None)  # type: ignore[misc]
    file = tmp_path / "mine.weights.h5"
    body.save_weights(file)
    backbone = build_backbone(spec, str(file), 64)
    assert backbone.weights == file.name
    assert backbone.model is not None
    ours = backbone.model.get_weights()
    for mine, theirs in zip(ours, body.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    with pytest.raises(AgeLensError, match="does not hold weights of VGG16"):
        build_backbone(find_backbone("VGG16"), str(file), 64)
    with pytest.raises(AgeLensError, match="does not exist"):
        build_backbone(spec, str(tmp_path / "none.h5"), 64)


def test_a_network_without_imagenet_weights_says_so() -> None:
    with pytest.raises(AgeLensError, match="SmallConv has no ImageNet weights"):
        build_backbone(find_backbone("SmallConv"))
    with pytest.raises(AgeLensError, match="SmallConv has no ImageNet weights"):
        fetch_backbone("SmallConv")


def test_a_folder_of_weights_is_taken_as_imagenet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import dataclasses
    import hashlib

    from agelens.models import registry as specs
    from agelens.models.weights import WeightsFile

    spec = find_backbone("MobileNetV3Small")
    keras.utils.set_random_seed(5)
    body = spec.builder(input_shape=(64, 64, 3), include_top=False, weights=None)  # type: ignore[misc]
    body.save_weights(tmp_path / "stand-in.weights.h5")
    folder = tmp_path / "weights"
    folder.mkdir()
    shutil.copy(tmp_path / "stand-in.weights.h5", folder / "stand-in.weights.h5")
    digest = hashlib.md5((folder / "stand-in.weights.h5").read_bytes()).hexdigest()
    fake = WeightsFile("https://example.invalid/stand-in.weights.h5", f"md5:{digest}")
    stand_in = dataclasses.replace(spec, imagenet=fake)
    monkeypatch.setitem(specs.REGISTRY, spec.name, stand_in)
    assert build_backbone(stand_in, str(folder), 64).weights == "imagenet"
