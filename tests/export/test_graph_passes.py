from pathlib import Path

import keras
import numpy as np
import onnx
import openvino as ov

from agelens.export.graph_passes import simplify
from agelens.models.layers import GroupedConv2D
from agelens.models.onnx_files import export_onnx


def run(network: onnx.ModelProto, faces: np.ndarray) -> np.ndarray:
    onnx.checker.check_model(network)
    model = ov.Core().read_model(network.SerializeToString())
    return np.asarray(ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(faces)[0])


def test_layers_are_found_again_and_compute_the_same(tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    faces = keras.Input((12, 12, 3), dtype="uint8")
    tip = keras.layers.Conv2D(32, 3)(keras.layers.Rescaling(1 / 255)(faces))
    tip = keras.layers.PReLU(
        shared_axes=[1, 2], alpha_initializer=keras.initializers.RandomUniform(0.1, 0.9)
    )(tip)
    tip = keras.layers.ZeroPadding2D(1)(tip)
    tip = GroupedConv2D(32, (3, 3), 16)(tip)
    branch = keras.layers.Rescaling(0.25)(keras.layers.Conv2D(32, 1)(tip))
    model = keras.Model(faces, keras.layers.Add()([tip, branch]))
    export_onnx(model, "maps", tmp_path / "network.onnx")
    network = onnx.load(tmp_path / "network.onnx")
    pixels = np.random.default_rng(0).integers(0, 256, (2, 12, 12, 3), np.uint8)
    expected = run(network, pixels)
    before = [node.op_type for node in network.graph.node]
    assert "PRelu" not in before
    simplify(network.graph)
    np.testing.assert_allclose(run(network, pixels), expected, atol=1e-5)
    after = [node.op_type for node in network.graph.node]
    assert after.count("PRelu") == 1
    assert not {"Neg", "Relu"} & set(after)
    # Groups of two channels are widened to eight, the least that is worth it.
    groups = {entry.i for node in network.graph.node for entry in node.attribute if entry.name == "group"}
    assert groups == {1, 4}
    # One factor before the network, and none behind its convolutions.
    assert after.count("Mul") == 1
    names = {name for node in network.graph.node for name in node.input}
    assert all(tensor.name in names for tensor in network.graph.initializer)


def test_zeros_around_a_map_become_the_padding_of_the_convolution() -> None:
    network = padded(None)
    maps = np.random.default_rng(1).normal(size=(1, 2, 4, 4)).astype("f4")
    expected = run(network, maps)
    simplify(network.graph)
    assert network.graph.node[0].op_type == "Conv"
    np.testing.assert_allclose(run(network, maps), expected, atol=1e-5)


def test_what_only_looks_like_a_layer_stays() -> None:
    """A padding with ones, and a slope behind another input."""
    network = padded(1.0)
    kinds = [node.op_type for node in network.graph.node]
    simplify(network.graph)
    assert [node.op_type for node in network.graph.node] == kinds


def padded(value: float | None) -> onnx.ModelProto:
    """A padding, a convolution, and what resembles a PReLU but has relu(-relu(x)) for its lower part."""
    helper, float32 = onnx.helper, onnx.TensorProto.FLOAT
    constant = onnx.numpy_helper.from_array
    nodes = [
        helper.make_node("Pad", ["x", "pads"] if value is None else ["x", "pads", "value"], ["padded"]),
        helper.make_node("Conv", ["padded", "kernel"], ["maps"]),
        helper.make_node("Relu", ["maps"], ["upper"]),
        helper.make_node("Neg", ["upper"], ["turned"]),
        helper.make_node("Relu", ["turned"], ["lower"]),
        helper.make_node("Mul", ["lower", "slope"], ["scaled"]),
        helper.make_node("Add", ["upper", "scaled"], ["y"]),
    ]
    values = [
        helper.make_tensor_value_info("x", float32, [1, 2, 4, 4]),
        helper.make_tensor_value_info("y", float32, [1, 2, 4, 4]),
    ]
    constants = [
        constant(np.array([0, 0, 1, 1, 0, 0, 1, 1]), "pads"),
        constant(np.float32(value or 0), "value"),
        constant(np.random.default_rng(0).normal(size=(2, 2, 3, 3)).astype("f4"), "kernel"),
        constant(np.full((1, 2, 1, 1), -0.5, "f4"), "slope"),
    ]
    graph = helper.make_graph(nodes, "odd", values[:1], values[1:], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def test_a_file_does_not_tell_what_its_process_had_converted_before(tmp_path: Path) -> None:
    """A training that was killed and goes on writes the same bytes as one that nothing disturbed."""
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 3, name="maps")])
    export_onnx(model, "maps", tmp_path / "network.onnx")
    assert onnx.load(tmp_path / "network.onnx").graph.doc_string == ""
