from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from onnx import TensorProto, helper, numpy_helper

from agelens import eight_bits

CHANNELS = 32


@pytest.fixture
def overflows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eight_bits, "saturates", lambda: True)


def large_weights() -> np.ndarray:
    """Of a convolution, among them the largest that there are, side by side."""
    weights = np.random.default_rng(0).integers(-127, 128, (CHANNELS, CHANNELS, 3, 3), np.int8)
    weights[0] = 127
    weights[1] = -127
    return weights


def network(weights: np.ndarray, zero: int = 0) -> ov.Model:
    """Maps of 0 to 1 in 8 bits, then a convolution with 8-bit weights, as a quantized ONNX file says it."""
    constants = {
        "step": np.float32(1 / 255),
        "low": np.uint8(0),
        "weights": weights,
        "scale": np.full(len(weights), 0.01, np.float32),
        "zero": np.full(len(weights), zero, np.int8),
    }
    nodes = [
        helper.make_node("QuantizeLinear", ["maps", "step", "low"], ["bytes"]),
        helper.make_node("DequantizeLinear", ["bytes", "step", "low"], ["rounded"]),
        helper.make_node("DequantizeLinear", ["weights", "scale", "zero"], ["scaled"], axis=0),
        helper.make_node("Conv", ["rounded", "scaled"], ["sums"]),
    ]
    shape = (None, weights.shape[1], 8, 8)
    graph = helper.make_graph(
        nodes,
        "bytes",
        [helper.make_tensor_value_info("maps", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("sums", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    return ov.Core().read_model(model.SerializeToString())


def sums(model: ov.Model, maps: np.ndarray) -> np.ndarray:
    hints = {"INFERENCE_PRECISION_HINT": "f32"}
    return np.asarray(ov.Core().compile_model(model, "CPU", hints)([maps])[0])


def expected(weights: np.ndarray, maps: np.ndarray) -> np.ndarray:
    rounded = np.round(maps * 255) / 255
    windows = np.lib.stride_tricks.sliding_window_view(rounded, (3, 3), axis=(2, 3))
    return np.einsum("nchwij,ocij->nohw", windows, weights * 0.01, optimize=True)


def high_maps() -> np.ndarray:
    maps = np.random.default_rng(1).uniform(0, 1, (2, CHANNELS, 8, 8)).astype("f4")
    maps[0] = 1
    return maps


def test_sums_of_bytes_are_right_on_this_processor() -> None:
    """Whatever it is: on one that overflows the first outputs would be half of this."""
    weights, maps = large_weights(), high_maps()
    right = expected(weights, maps)
    found = sums(eight_bits.fit_processor(network(weights)), maps)
    assert np.abs(found - right).max() < 0.01 * np.abs(right).max()


def test_the_processor_is_judged_by_what_it_gives() -> None:
    weights = np.full((CHANNELS, CHANNELS, 3, 3), 127, np.int8)
    maps = np.ones((1, CHANNELS, 8, 8), np.float32)
    short = sums(network(weights), maps).max() < 0.9 * expected(weights, maps).max()
    assert eight_bits.saturates() == short


@pytest.mark.usefixtures("overflows")
def test_weights_of_seven_bits_give_nearly_the_same() -> None:
    weights, maps = large_weights(), high_maps()
    model = eight_bits.fit_processor(network(weights))
    constants = [node for node in model.get_ordered_ops() if node.get_type_name() == "Constant"]
    (halved,) = [
        node.data for node in constants if node.get_element_type() == ov.Type.i8 and len(node.shape) > 1
    ]
    assert np.abs(halved.astype(int)).max() == 64
    right = expected(weights, maps)
    np.testing.assert_allclose(sums(model, maps), right, atol=0.01 * np.abs(right).max())


@pytest.mark.usefixtures("overflows")
def test_other_networks_stay_as_they_are() -> None:
    """Weights that are small enough, weights with a zero point, and none in 8 bits."""
    for weights, zero in ((large_weights() // 2, 0), (large_weights(), 3)):
        model = network(weights, zero)
        before = [node.get_type_name() for node in model.get_ops()]
        assert [node.get_type_name() for node in eight_bits.fit_processor(model).get_ops()] == before
    pixels = ov.opset13.parameter([1], np.float32)
    plain = ov.Model([ov.opset13.result(ov.opset13.relu(pixels))], [pixels], "plain")
    assert eight_bits.fit_processor(plain) is plain


def test_a_processor_that_adds_exactly_keeps_eight_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eight_bits, "saturates", lambda: False)
    model = network(large_weights())
    before = [node.get_type_name() for node in model.get_ops()]
    assert [node.get_type_name() for node in eight_bits.fit_processor(model).get_ops()] == before


def test_halves_keep_the_sum_of_each_output() -> None:
    weights = np.random.default_rng(2).integers(-128, 128, (64, 48, 3, 3), np.int8)
    halved = eight_bits.halve(weights)
    assert halved.dtype == np.int8
    assert halved.shape == weights.shape
    exact = weights / 2
    assert np.abs(halved - exact).max() == 0.5
    assert np.abs((halved - exact).sum((1, 2, 3))).max() <= 0.5
    assert halved.min() == -64
    assert halved.max() == 64


def test_the_bundled_network_is_fitted(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of its convolutions are found; a converter that writes them in another way would be found here."""
    import agelens
    from agelens.estimate.bundle import BUNDLED

    monkeypatch.setattr(eight_bits, "saturates", lambda: True)
    model = ov.Core().read_model(Path(BUNDLED) / "network.onnx")
    large = sum(
        node.get_element_type() == ov.Type.i8 and len(node.shape) > 1
        for node in model.get_ops()
        if node.get_type_name() == "Constant"
    )
    assert large > 100
    eight_bits.fit_processor(model)
    assert not list(eight_bits._weights(model))
    face = np.random.default_rng(0).integers(0, 256, (100, 100, 3), np.uint8)
    assert agelens.load().estimate(face, crops=True)[0].faces[0].age_years >= 0
