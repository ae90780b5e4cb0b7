from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import openvino as ov
import pytest
from onnx import TensorProto, helper, numpy_helper

from agelens.bundles.bundle import BUNDLED, open_bundle
from agelens.detection import base
from agelens.detection.detector import find_detector
from agelens.models.backbones import build_backbone
from agelens.models.registry import find_backbone
from agelens.runtime import int8, session
from agelens.runtime.session import compile_bundle
from agelens.training import feature_cache as features

CHANNELS = 32


@pytest.fixture
def overflows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(int8, "overflows", lambda: True)


def large_weights() -> np.ndarray:
    """Of a convolution, among them the largest that there are, side by side."""
    weights = np.random.default_rng(0).integers(-127, 128, (CHANNELS, CHANNELS, 3, 3), np.int8)
    weights[0] = 127
    weights[1] = -127
    return weights


def network(weights: np.ndarray, zero: int = 0, form: str = "plain") -> ov.Model:
    """Maps of 0 to 1 in 8 bits, then a convolution with 8-bit weights, as a quantized ONNX file says it.

    Args:
        form: in "rounded" the weights are float and the network rounds them; "half" has scales in float16; in "twice"
            two convolutions read the weights, each through a scaling of its own, and the result is their average; in
            "reshaped" the weights come flat.
    """
    half, floats = form == "half", weights * np.float32(0.01)
    constants = {
        "step": np.float32(1 / 255),
        "low": np.uint8(0),
        "weights": weights.reshape(len(weights), -1) if form == "reshaped" else weights,
        "floats": floats,
        "shape": np.array(weights.shape, np.int64),
        "full": np.full(len(weights), 0.01, np.float32),
        "scale": np.full(len(weights), 0.01, np.float16 if half else np.float32),
        "zero": np.full(len(weights), zero, np.int8),
        "two": np.float32(2),
    }
    nodes = [
        helper.make_node("QuantizeLinear", ["maps", "step", "low"], ["bytes"]),
        helper.make_node("DequantizeLinear", ["bytes", "step", "low"], ["rounded"]),
        helper.make_node("Reshape", ["weights", "shape"], ["square"]),
        helper.make_node("QuantizeLinear", ["floats", "full", "zero"], ["found"], axis=0),
    ]
    for number in range(2 if form == "twice" else 1):
        read = [{"reshaped": "square", "rounded": "found"}.get(form, "weights"), "scale", "zero"]
        nodes += [
            helper.make_node("DequantizeLinear", read, [f"scaled{number}"], axis=0),
            helper.make_node("Cast", [f"scaled{number}"], [f"float{number}"], to=TensorProto.FLOAT),
            helper.make_node(
                "Conv", ["rounded", f"float{number}" if half else f"scaled{number}"], [f"sums{number}"]
            ),
        ]
    if form == "twice":
        nodes += [
            helper.make_node("Add", ["sums0", "sums1"], ["both"]),
            helper.make_node("Div", ["both", "two"], ["sums"]),
        ]
    else:
        nodes.append(helper.make_node("Identity", ["sums0"], ["sums"]))
    shape = (None, weights.shape[1], 8, 8)
    graph = helper.make_graph(
        nodes,
        "bytes",
        [helper.make_tensor_value_info("maps", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("sums", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
    return ov.Core().read_model(model.SerializeToString())


def sums(model: ov.Model, maps: np.ndarray) -> np.ndarray:
    hints = {"INFERENCE_PRECISION_HINT": "f32"}
    return np.asarray(ov.Core().compile_model(model, "CPU", hints)([maps])[0])


def expected(weights: np.ndarray, maps: np.ndarray) -> np.ndarray:
    rounded = np.round(maps * 255) / 255
    windows = np.lib.stride_tricks.sliding_window_view(rounded, (3, 3), axis=(2, 3))
    return np.einsum("nchwij,ocij->nohw", windows, weights * 0.01, optimize=True)


def weights_of(model: ov.Model) -> list[np.ndarray]:
    constants = [node for node in model.get_ordered_ops() if node.get_type_name() == "Constant"]
    return [node.data for node in constants if node.get_element_type() == ov.Type.i8 and len(node.shape) > 1]


def high_maps() -> np.ndarray:
    maps = np.random.default_rng(1).uniform(0, 1, (2, CHANNELS, 8, 8)).astype("f4")
    maps[0] = 1
    return maps


@pytest.mark.parametrize("form", ["plain", "half", "twice", "reshaped", "rounded"])
def test_sums_of_bytes_are_right_on_this_processor(form: str) -> None:
    """Whatever it is: on one that overflows the first outputs would be half of this."""
    weights, maps = large_weights(), high_maps()
    right = expected(weights, maps)
    found = sums(int8.fit_processor(network(weights, form=form)), maps)
    assert np.abs(found - right).max() < 0.01 * np.abs(right).max()


def test_the_processor_is_judged_by_what_it_gives() -> None:
    weights = np.full((CHANNELS, CHANNELS, 3, 3), 127, np.int8)
    maps = np.ones((1, CHANNELS, 8, 8), np.float32)
    short = sums(network(weights), maps).max() < 0.9 * expected(weights, maps).max()
    assert int8.overflows() == short


@pytest.mark.usefixtures("overflows")
@pytest.mark.parametrize("form", ["plain", "half", "twice", "reshaped", "rounded"])
def test_weights_of_seven_bits_give_nearly_the_same(form: str) -> None:
    weights, maps = large_weights(), high_maps()
    model = int8.fit_processor(network(weights, form=form))
    assert not list(int8._weights(model))
    right = expected(weights, maps)
    np.testing.assert_allclose(sums(model, maps), right, atol=0.01 * np.abs(right).max())


@pytest.mark.usefixtures("overflows")
@pytest.mark.parametrize(("largest", "becomes"), [(64, 64), (65, 33)])
def test_weights_are_halved_from_where_two_products_overflow(largest: int, becomes: int) -> None:
    weights = np.full((CHANNELS, CHANNELS, 3, 3), largest, np.int8)
    model = int8.fit_processor(network(weights))
    (halved,) = weights_of(model)
    assert halved.max() == becomes


@pytest.mark.usefixtures("overflows")
def test_weights_of_other_networks_stay_as_they_are() -> None:
    """Weights that are small enough, weights with a zero point, and none in 8 bits."""
    for weights, zero in ((large_weights() // 2, 0), (large_weights(), 3)):
        (kept,) = weights_of(int8.fit_processor(network(weights, zero)))
        np.testing.assert_array_equal(kept, weights)
    pixels = ov.opset13.parameter([1], np.float32)
    plain = ov.Model([ov.opset13.result(ov.opset13.relu(pixels))], [pixels], "plain")
    before = [node.get_type_name() for node in plain.get_ops()]
    assert int8.fit_processor(plain) is plain
    assert [node.get_type_name() for node in plain.get_ops()] == before


def test_a_processor_that_adds_exactly_keeps_eight_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(int8, "overflows", lambda: False)
    (kept,) = weights_of(int8.fit_processor(network(large_weights())))
    np.testing.assert_array_equal(kept, large_weights())


def test_halves_keep_the_sum_of_each_output() -> None:
    weights = np.random.default_rng(2).integers(-128, 128, (64, 48, 3, 3), np.int8)
    halved = int8.reduce_range(weights)
    assert halved.dtype == np.int8
    assert halved.shape == weights.shape
    exact = weights / 2
    assert np.abs(halved - exact).max() == 0.5
    assert np.abs((halved - exact).sum((1, 2, 3))).max() <= 0.5
    # Inputs that come first, as in a multiplication of matrices, are not all rounded the same way either.
    errors = (halved - exact).reshape(64, -1).sum(0)
    assert abs(errors).max() < 20
    assert halved.min() == -64
    assert halved.max() == 64


@pytest.mark.usefixtures("overflows")
def test_networks_of_bundles_are_fitted() -> None:
    """All convolutions of the bundled one are found; a converter that writes them in another way would be seen."""
    bundle = open_bundle(BUNDLED)
    assert len(list(int8._weights(ov.Core().read_model(bundle.network)))) > 100
    faces = np.random.default_rng(0).integers(0, 256, (2, bundle.image_size, bundle.image_size, 3), np.uint8)
    found = compile_bundle(bundle, "f32").compiled([faces])
    by_hand = int8.fit_processor(ov.Core().read_model(bundle.network))
    right = ov.Core().compile_model(by_hand, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})([faces])
    np.testing.assert_allclose(found["female_logit"], right["female_logit"], atol=1e-3)


def test_every_network_from_a_file_is_fitted(monkeypatch: pytest.MonkeyPatch) -> None:
    fitted = []

    def fit(model: ov.Model, name: str = "") -> ov.Model:
        fitted.append(model)
        return model

    for module in (session, base):
        monkeypatch.setattr(module, "fit_processor", fit)
    model = network(large_weights())
    session.compile_on_device(model, "f32")
    assert fitted == [model]
    # Bundles and detectors are compiled when they are first used.
    assert compile_bundle(open_bundle(BUNDLED), "f32").compiled is not None
    assert len(fitted) == 2
    find_detector().detect(np.zeros((64, 64, 3), np.uint8))
    assert len(fitted) == 3


def test_features_of_seven_bits_are_kept_apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A cache may be older than this, or be shared between machines."""
    own = build_backbone(find_backbone("agelens"))
    backbones = (own, replace(own, model=keras.Sequential()))

    def folders(seven: bool) -> list[Path]:
        monkeypatch.setattr(features, "overflows", lambda: seven)
        return [features._Store(tmp_path, backbone, "f32", True, None).folder for backbone in backbones]

    (file, in_keras), (fitted_file, same) = folders(False), folders(True)
    assert file != fitted_file
    assert in_keras == same
