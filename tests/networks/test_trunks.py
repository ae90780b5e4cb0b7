from pathlib import Path

import keras
import numpy as np
import onnx
import openvino as ov
import pytest

from agelens.errors import AgeLensError
from agelens.networks.trunks import read_trunk
from tests.networks.trunk_files import SIDE, write_h5, write_onnx

PIXELS = np.random.default_rng(0).normal(size=(3, SIDE, SIDE, 3)).astype(np.float32)


def test_an_onnx_trunk_computes_what_its_file_does(tmp_path: Path) -> None:
    file = write_onnx(tmp_path / "face.onnx")
    trunk = read_trunk(file)
    network = onnx.load(file)
    del network.graph.output[:]
    network.graph.output.append(onnx.helper.make_tensor_value_info("last_2_on", onnx.TensorProto.FLOAT, None))
    compiled = ov.Core().compile_model(
        ov.Core().read_model(network.SerializeToString()), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    expected = compiled(PIXELS.transpose(0, 3, 1, 2))[0].transpose(0, 2, 3, 1)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(trunk.model(PIXELS)), expected, atol=1e-4)
    assert np.abs(expected).max() > 0.1


def test_an_old_keras_trunk_computes_what_its_layers_say(tmp_path: Path) -> None:
    trunk = read_trunk(write_h5(tmp_path / "face.h5"))
    take = lambda name: trunk.model.get_layer(name)  # noqa: E731
    parts = keras.Model(
        trunk.model.input, [take("down_relu").output, take("branch_relu").output, take("sum").output]
    )
    down, branch, total = (keras.ops.convert_to_numpy(one) for one in parts(PIXELS))
    np.testing.assert_allclose(total, down + 0.2 * branch, rtol=1e-5)
    (kernel,) = take("stem").get_weights()
    beta, mean, variance = take("stem_bn").get_weights()
    stem = keras.Model(trunk.model.input, take("stem_relu").output)(PIXELS)
    raw = keras.ops.convert_to_numpy(keras.ops.conv(PIXELS, kernel, strides=2, padding="same"))
    expected = np.maximum((raw - mean) / np.sqrt(variance + 1e-3) + beta, 0)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(stem), expected, atol=1e-4)


@pytest.mark.parametrize("kind", ["h5", "onnx"])
def test_a_trunk_knows_its_resolutions(kind: str, tmp_path: Path) -> None:
    trunk = read_trunk((write_h5 if kind == "h5" else write_onnx)(tmp_path / f"face.{kind}"))
    assert trunk.side == SIDE
    assert [tensor.shape[1] for tensor in trunk.last] == [16, 8, 4]
    # The embedding and the average before it are left out; a branch is no place to cut.
    assert trunk.model.output is trunk.last[-1]
    assert [tensor.shape[-1] for tensor in trunk.last] == [8, 16, 24]
    for first, last in zip(trunk.first, trunk.last, strict=True):
        assert keras.Model(first, trunk.last[-1]).count_params() < trunk.model.count_params()
        assert first is not last


def test_code_in_a_file_is_never_run(tmp_path: Path) -> None:
    spoiled = tmp_path / "spoiled"
    file = write_h5(tmp_path / "face.h5", f"lambda x, scale: open({str(spoiled)!r}, 'w')")
    read_trunk(file).model(PIXELS)
    assert not spoiled.exists()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: folder / "none.h5", "does not exist"),
        (lambda folder: _written(folder / "face.txt", b"x"), "neither a .h5 nor an .onnx"),
        (lambda folder: _written(folder / "face.h5", b"not hdf5"), "cannot be read as a network"),
        (lambda folder: _written(folder / "face.onnx", b"\xff\xfe not onnx"), "is not an ONNX file"),
        (lambda folder: write_h5(folder / "a.h5", arguments={}), "is code of which only its arguments"),
        (lambda folder: write_onnx(folder / "a.onnx", "Selu"), "odd is a Selu, which is not known here"),
    ],
)  # fmt: skip
def test_what_is_no_trunk_gets_a_sentence(make, words: str, tmp_path: Path) -> None:
    with pytest.raises(AgeLensError, match=words) as caught:
        read_trunk(make(tmp_path))
    assert "\n" not in str(caught.value)


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path
