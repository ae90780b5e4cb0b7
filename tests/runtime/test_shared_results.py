"""8-bit layers whose result several others read, against ONNX Runtime, which scales it once."""

from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime
import openvino as ov
import pytest
from onnx import TensorProto, helper, numpy_helper

from agelens.bundles.bundle import BUNDLED, open_bundle
from agelens.errors import AgeLensError
from agelens.export.graph_passes import add_biases
from agelens.runtime import int8, shared_results

CHANNELS = 16
MAPS = np.random.default_rng(1).uniform(0, 1, (2, CHANNELS, 8, 8)).astype("f4")


class Graph:
    """Maps of 0 to 1 in 8 bits under the name ``bytes``, and what is built on them."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, np.ndarray] = {}
        self.round("maps", 1 / 255, "bytes")

    def constant(self, value: object, name: str = "") -> str:
        name = name or f"constant{len(self.constants)}"
        array = np.asarray(value)
        self.constants[name] = array.astype(np.float32) if array.dtype.kind == "f" else array
        return name

    def add(self, kind: str, *inputs: object, name: str = "", **settings: object) -> str:
        names = [one if isinstance(one, str) else self.constant(one) for one in inputs]
        name = name or f"{kind}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, names, [name], name=name, **settings))
        return name

    def round(self, source: str, step: float, name: str = "") -> str:
        scale, zero = self.constant(np.float32(step)), self.constant(np.uint8(0))
        rounded = self.add("QuantizeLinear", source, scale, zero)
        return self.add("DequantizeLinear", rounded, scale, zero, name=name)

    def weights(self, shape: tuple[int, ...], seed: int = 0) -> str:
        values = np.random.default_rng(seed).integers(-60, 61, shape, np.int8)
        scales, zeros = np.full(shape[0], 0.01, np.float32), np.zeros(shape[0], np.int8)
        return self.add("DequantizeLinear", self.constant(values, f"weights{seed}"), scales, zeros, axis=0)

    def convolution(
        self, source: str = "bytes", seed: int = 0, bias: object = None, groups: int = 1, name: str = ""
    ) -> str:
        inputs = [source, self.weights((CHANNELS, CHANNELS // groups, 3, 3), seed)]
        settings = {"pads": [1] * 4, "group": groups}
        return self.add("Conv", *inputs, *([] if bias is None else [bias]), name=name, **settings)

    def model(self, *outputs: str) -> onnx.ModelProto:
        shape = [None, *MAPS.shape[1:]]
        graph = helper.make_graph(
            self.nodes,
            "shared",
            [helper.make_tensor_value_info("maps", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
            [numpy_helper.from_array(array, name) for name, array in self.constants.items()],
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)


def twice_the_same(graph: Graph) -> list[str]:
    return [graph.add("Add", graph.convolution(), graph.convolution())]


def scaled_and_plain(graph: Graph) -> list[str]:
    sums = graph.convolution()
    return [graph.add("Add", graph.add("Mul", sums, np.float32(3)), graph.add("Relu", sums))]


def an_output_too(graph: Graph) -> list[str]:
    sums = graph.convolution(name="sums")
    return [sums, graph.add("Relu", sums, name="upper")]


def residual(graph: Graph) -> list[str]:
    sums = graph.convolution()
    return [graph.add("Add", sums, graph.convolution(graph.round(graph.add("Relu", sums), 0.05), 1))]


def weighted_by_its_mean(graph: Graph) -> list[str]:
    sums = graph.convolution()
    return [graph.add("Mul", sums, graph.add("GlobalAveragePool", sums))]


def in_groups(graph: Graph) -> list[str]:
    sums = graph.convolution(groups=CHANNELS)
    return [graph.add("Add", sums, graph.add("MaxPool", sums, kernel_shape=[3, 3], pads=[1] * 4))]


def scaled_in_steps(graph: Graph) -> list[str]:
    factors = np.linspace(0.5, 2, CHANNELS).reshape(1, -1, 1, 1)
    scaled = graph.add("Mul", graph.convolution(), factors)
    return [graph.add("Add", graph.add("Div", scaled, np.float32(4)), graph.add("Relu", scaled))]


def biases_of_zero(graph: Graph) -> list[str]:
    sums = graph.convolution(bias=np.zeros(CHANNELS))
    return [graph.add("Add", graph.add("Mul", sums, np.float32(3)), graph.add("Relu", sums))]


def biases_rounded_to_zero(graph: Graph) -> list[str]:
    steps = np.full(CHANNELS, 0.01 / 255, np.float32)
    bias = graph.add("DequantizeLinear", np.zeros(CHANNELS, np.int32), steps, axis=0)
    sums = graph.convolution(bias=bias)
    return [graph.add("Add", graph.add("Mul", sums, np.float32(3)), graph.add("Relu", sums))]


def weights_rounded_at_work(graph: Graph) -> list[str]:
    values = np.random.default_rng(0).integers(-60, 61, (CHANNELS, CHANNELS, 3, 3)) * np.float32(0.01)
    step, zero = graph.constant(np.float32(0.01)), graph.constant(np.int8(0))
    weights = graph.add("DequantizeLinear", graph.add("QuantizeLinear", values, step, zero), step, zero)
    sums = graph.add("Conv", "bytes", weights, pads=[1] * 4)
    return [graph.add("Add", graph.add("Mul", sums, np.float32(3)), graph.add("Relu", sums))]


def products(graph: Graph) -> list[str]:
    """Two maps, each in bytes, multiplied as attention does."""
    rows = graph.add("Reshape", "bytes", np.array([0, CHANNELS, 64], np.int64))
    left = graph.round(graph.add("Relu", rows), 1 / 200)
    sums = graph.add("MatMul", left, graph.add("Transpose", rows, perm=[0, 2, 1]))
    return [graph.add("Add", graph.add("Mul", sums, np.float32(3)), graph.add("Relu", sums))]


SHARED = (
    twice_the_same, scaled_and_plain, an_output_too, residual, weighted_by_its_mean, in_groups, scaled_in_steps,
    biases_of_zero, biases_rounded_to_zero, weights_rounded_at_work, products,
)  # fmt: skip


def with_a_bias(graph: Graph) -> list[str]:
    sums = graph.convolution(bias=np.linspace(-1, 1, CHANNELS))
    return [graph.add("Add", graph.add("Mul", sums, np.float32(3)), graph.add("Relu", sums))]


def scaled_before_its_bias(graph: Graph) -> list[str]:
    scaled = graph.add("Mul", graph.convolution(), np.linspace(0.5, 2, CHANNELS).reshape(1, -1, 1, 1))
    sums = graph.add("Add", scaled, np.linspace(-1, 1, CHANNELS).reshape(1, -1, 1, 1))
    return [graph.add("Add", sums, graph.add("Relu", sums))]


Form = Callable[[Graph], list[str]]


def built(form: Form) -> onnx.ModelProto:
    graph = Graph()
    return graph.model(*form(graph))


def read(model: onnx.ModelProto) -> ov.Model:
    return ov.Core().read_model(model.SerializeToString())


def outputs(network: ov.Model, precision: str = "f32") -> list[np.ndarray]:
    compiled = ov.Core().compile_model(network, "CPU", {"INFERENCE_PRECISION_HINT": precision})
    found = compiled([MAPS])
    return [found[number] for number in range(len(compiled.outputs))]


def expected(model: onnx.ModelProto) -> list[np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return list(session.run(None, {"maps": MAPS}))


@pytest.mark.parametrize("form", [*SHARED, with_a_bias, scaled_before_its_bias])
def test_a_result_that_several_read_is_scaled_once(form: Form) -> None:
    """On this processor, whatever it is; of OpenVINO alone most of the first list came out scaled twice."""
    model = built(form)
    network = int8.fit_processor(read(model))
    for found, right in zip(outputs(network), expected(model), strict=True):
        # Roundings that fall just between two bytes may differ.
        np.testing.assert_allclose(found, right, atol=0.002 * np.abs(right).max())


@pytest.mark.parametrize("form", SHARED)
def test_layers_without_a_bias_get_one(form: Form) -> None:
    network = read(built(form))
    names = [output.get_names() for output in network.outputs]
    assert shared_results.add_biases(network) >= 1
    assert shared_results.add_biases(network) == 0
    assert [output.get_names() for output in network.outputs] == names


@pytest.mark.parametrize("form", [with_a_bias, scaled_before_its_bias])
def test_layers_with_a_bias_stay_as_they_are(form: Form) -> None:
    network = read(built(form))
    before = [node.get_friendly_name() for node in network.get_ordered_ops()]
    assert shared_results.add_biases(network) == 0
    assert [node.get_friendly_name() for node in network.get_ordered_ops()] == before


def test_the_network_that_comes_with_agelens_needs_none() -> None:
    """So its ages are to the bit what they were."""
    network = ov.Core().read_model(open_bundle(BUNDLED).network)
    layers = list(shared_results.eight_bit_layers(network))
    assert len(layers) > 100
    assert all(shared_results._has_bias(layer) for layer in layers)
    assert shared_results.add_biases(network) == 0


def test_float_layers_are_no_business_of_this() -> None:
    graph = Graph()
    sums = graph.add("Conv", "maps", np.ones((4, CHANNELS, 3, 3), np.float32))
    network = read(graph.model(graph.add("Add", sums, graph.add("Relu", sums))))
    assert shared_results.add_biases(network) == 0


def test_a_network_that_comes_out_wrong_all_the_same_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shared_results.are_right()
    monkeypatch.setattr(shared_results, "are_right", lambda: False)
    with pytest.raises(AgeLensError, match=r"odd\.onnx has 8-bit layers without bias, and OpenVINO 2\d{3}\."):
        int8.fit_processor(read(built(residual)), "odd.onnx")
    int8.fit_processor(read(built(with_a_bias)), "odd.onnx")


def test_the_processor_is_asked_and_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its biases the trial finds what OpenVINO does by itself: wrong, or right where it has been mended."""
    network = read(built(scaled_and_plain))
    alone = outputs(network)[0]
    right = expected(built(scaled_and_plain))[0]
    wrong = np.abs(alone - right).max() > 0.01 * np.abs(right).max()
    monkeypatch.setattr(shared_results, "add_biases", lambda network: 0)
    assert shared_results.are_right.__wrapped__() != wrong


@pytest.mark.parametrize("form", [residual, biases_of_zero, biases_rounded_to_zero, in_groups])
def test_what_agelens_writes_has_biases_for_others_too(form: Form) -> None:
    """OpenVINO alone, without this module, reads it right."""
    model = built(form)
    right = expected(model)
    assert add_biases(model.graph) >= 1
    assert add_biases(model.graph) == 0
    for runs in (outputs(read(model)), expected(model)):
        for found, one in zip(runs, right, strict=True):
            np.testing.assert_allclose(found, one, atol=0.002 * np.abs(one).max())
