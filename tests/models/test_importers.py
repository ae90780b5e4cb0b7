from pathlib import Path

import keras
import numpy as np
import onnx
import openvino as ov
import pytest

from agelens.errors import AgeLensError
from agelens.models.importers import read_encoder
from agelens.models.layers import GroupedConv2D
from agelens.models.onnx_files import export_onnx
from tests.models.encoder_files import IMAGE_SIZE, write_h5, write_onnx

PIXELS = np.random.default_rng(0).normal(size=(3, IMAGE_SIZE, IMAGE_SIZE, 3)).astype(np.float32)


@pytest.mark.parametrize("mobile", [False, True])
def test_an_onnx_trunk_computes_what_its_file_does(mobile: bool, tmp_path: Path) -> None:
    file = write_onnx(tmp_path / "face.onnx", mobile=mobile)
    encoder = read_encoder(file)
    network = onnx.load(file)
    del network.graph.output[:]
    network.graph.output.append(onnx.helper.make_tensor_value_info("last_2_on", onnx.TensorProto.FLOAT, None))
    compiled = ov.Core().compile_model(
        ov.Core().read_model(network.SerializeToString()), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    expected = compiled(PIXELS.transpose(0, 3, 1, 2))[0].transpose(0, 2, 3, 1)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(encoder.model(PIXELS)), expected, atol=1e-4)
    assert np.abs(expected).max() > 0.1
    assert not mobile or expected.max() == 6


def test_a_grouped_convolution_is_that_of_keras_and_can_be_exported(tmp_path: Path) -> None:
    inputs = keras.Input((9, 8, 12))
    ours, theirs = GroupedConv2D(8, (3, 2), 4, strides=2), keras.layers.Conv2D(8, (3, 2), 2, groups=4)
    model, reference = keras.Model(inputs, ours(inputs)), keras.Model(inputs, theirs(inputs))
    assert model.output_shape == reference.output_shape
    theirs.bias.assign(np.arange(8, dtype="f4"))
    ours.set_weights(theirs.get_weights())
    maps = np.random.default_rng(0).normal(size=(2, 9, 8, 12)).astype("f4")
    expected = keras.ops.convert_to_numpy(reference(maps))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(model(maps)), expected, atol=1e-5)
    export_onnx(model, "maps", tmp_path / "grouped.onnx")
    compiled = ov.Core().compile_model(
        ov.Core().read_model(tmp_path / "grouped.onnx"), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    np.testing.assert_allclose(compiled(maps)[0], expected, atol=1e-4)
    model.save(tmp_path / "grouped.keras")
    again = keras.saving.load_model(tmp_path / "grouped.keras")
    np.testing.assert_allclose(keras.ops.convert_to_numpy(again(maps)), expected, atol=1e-5)
    with pytest.raises(ValueError, match="3 groups do not divide 12 and 8"):
        GroupedConv2D(8, (3, 3), 3)(inputs)


@pytest.mark.parametrize("kind", ["h5", "onnx"])
def test_a_trunk_can_be_run_at_another_side(kind: str, tmp_path: Path) -> None:
    file = (write_h5 if kind == "h5" else write_onnx)(tmp_path / f"face.{kind}")
    whole, small = read_encoder(file), read_encoder(file, 24)
    assert small.image_size == 24
    assert [tensor.shape[1] for tensor in small.last] == [12, 6, 3]
    for one, other in zip(whole.model.get_weights(), small.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_old_keras_trunk_computes_what_its_layers_say(tmp_path: Path) -> None:
    encoder = read_encoder(write_h5(tmp_path / "face.h5"))
    take = lambda name: encoder.model.get_layer(name)  # noqa: E731
    parts = keras.Model(
        encoder.model.input, [take("down_relu").output, take("branch_relu").output, take("sum").output]
    )
    down, branch, total = (keras.ops.convert_to_numpy(one) for one in parts(PIXELS))
    np.testing.assert_allclose(total, down + 0.2 * branch, rtol=1e-5)
    (kernel,) = take("stem").get_weights()
    beta, mean, variance = take("stem_bn").get_weights()
    stem = keras.Model(encoder.model.input, take("stem_relu").output)(PIXELS)
    raw = keras.ops.convert_to_numpy(keras.ops.conv(PIXELS, kernel, strides=2, padding="same"))
    expected = np.maximum((raw - mean) / np.sqrt(variance + 1e-3) + beta, 0)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(stem), expected, atol=1e-4)


@pytest.mark.parametrize("kind", ["h5", "onnx"])
def test_a_trunk_knows_its_resolutions(kind: str, tmp_path: Path) -> None:
    encoder = read_encoder((write_h5 if kind == "h5" else write_onnx)(tmp_path / f"face.{kind}"))
    assert encoder.image_size == IMAGE_SIZE
    assert [tensor.shape[1] for tensor in encoder.last] == [16, 8, 4]
    # The embedding and the average before it are left out; a branch is no place to cut.
    assert encoder.model.output is encoder.last[-1]
    assert [tensor.shape[-1] for tensor in encoder.last] == [8, 16, 24]
    for first, last in zip(encoder.first, encoder.last, strict=True):
        assert keras.Model(first, encoder.last[-1]).count_params() < encoder.model.count_params()
        assert first is not last


def test_code_in_a_file_is_never_run(tmp_path: Path) -> None:
    spoiled = tmp_path / "spoiled"
    file = write_h5(tmp_path / "face.h5", f"lambda x, scale: open({str(spoiled)!r}, 'w')")
    read_encoder(file).model(PIXELS)
    assert not spoiled.exists()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: folder / "none.h5", "does not exist"),
        (lambda folder: _written(folder / "face.txt", b"x"), "neither a .h5 nor an .onnx"),
        (lambda folder: _written(folder / "face.h5", b"not hdf5"), "cannot be read as a network"),
        (lambda folder: _written(folder / "face.onnx", b"\xff\xfe not onnx"), "is not an ONNX file"),
        (lambda folder: write_h5(folder / "a.h5", arguments={}), "is code of which only its arguments"),
        (lambda folder: _without_inputs(folder / "a.onnx"), "does not take one batch of images"),
        (lambda folder: write_onnx(folder / "a.onnx", "Selu"), "odd is a Selu, which is not known here"),
    ],
)  # fmt: skip
def test_what_is_no_trunk_gets_a_sentence(make, words: str, tmp_path: Path) -> None:
    with pytest.raises(AgeLensError, match=words) as caught:
        read_encoder(make(tmp_path))
    assert "\n" not in str(caught.value)


def _without_inputs(path: Path) -> Path:
    model = onnx.load(write_onnx(path))
    # What goes in is a constant of the file.
    pixels = onnx.numpy_helper.from_array(
        np.zeros((1, 3, IMAGE_SIZE, IMAGE_SIZE), np.float32), model.graph.input[0].name
    )
    model.graph.initializer.append(pixels)
    del model.graph.input[:]
    onnx.save(model, path)
    return path


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path
