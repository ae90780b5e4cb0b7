"""Results of 8-bit layers that several others read.

OpenVINO moves the scale of an 8-bit convolution behind its sums, once for each reader of the result, and then takes
all these multiplications for the convolution's own scale (seen in OpenVINO 2026.4, whatever the processor): with two
readers the result is scaled twice, and 365.76 comes out as 0.014. Readers are also what OpenVINO makes of them: two
equal convolutions of one map become one. What is added behind the sums, a bias, keeps the scale where it belongs,
unless it is nothing but zeros, which OpenVINO takes out. So each 8-bit layer without such a bias gets one here, too
small to be seen.
"""

import functools
from collections.abc import Iterator

import numpy as np
import openvino as ov
from openvino import opset13 as op

from agelens.runtime.trial import compile_trial

_LAYERS = frozenset(
    {"Convolution", "GroupConvolution", "ConvolutionBackpropData", "GroupConvolutionBackpropData", "MatMul"}
)
# What stands between weights and the layer that takes them, or between a bias and its addition.
_STEPS = frozenset({"Broadcast", "Convert", "FakeQuantize", "Reshape", "Squeeze", "Transpose", "Unsqueeze"})
_ARITHMETIC = frozenset({"Add", "Divide", "Multiply", "Subtract"})
_BYTES = (ov.Type.i8, ov.Type.u8, ov.Type.i4, ov.Type.u4)
# The least normal number of float32, and of float16 the least of all, which is a normal one in float32.
_LEAST, _LEAST_HALF = float(np.finfo(np.float32).tiny), float(np.finfo(np.float16).smallest_subnormal)


def add_biases(network: ov.Model) -> int:
    """Give each 8-bit layer of a network that adds nothing to its sums a bias; changes it in place.

    Float32 sums stay what they are to the bit, but for a sum of 0, which becomes 1e-38.

    Returns:
        how many layers got one.
    """
    layers = [layer for layer in eight_bit_layers(network) if not _has_bias(layer)]
    for layer in layers:
        result = layer.output(0)
        readers, names = _readers(result), result.get_names()
        added = op.add(result, _bias(layer)).output(0)
        for reader in readers:
            reader.replace_source_output(added)
        if names:
            # They belong to what a caller gets.
            result.get_tensor().set_names(set())
            added.get_tensor().set_names(names)
    if layers:
        network.validate_nodes_and_infer_types()
    return len(layers)


@functools.cache
def are_right() -> bool:
    """Whether results with two readers come out right on this processor once they have a bias: found by trying it."""
    channels = 16
    # With a batch of a length that is given OpenVINO does otherwise, and rightly.
    pixels = op.parameter([-1, channels, 4, 4], np.float32)
    low, high = np.float32(0), np.float32(255)
    bytes_ = op.fake_quantize(pixels, low, high, low, high, 256)
    whole, grouped = (
        op.multiply(op.convert(op.constant(np.full(shape, 2, np.int8)), "f32"), op.constant(np.float32(0.25)))
        for shape in ((channels, channels, 1, 1), (channels, 1, 1, 1, 1))
    )
    window: tuple[list[int], ...] = ([1, 1], [0, 0], [0, 0], [1, 1])
    sums = (op.convolution(bytes_, whole, *window), op.group_convolution(bytes_, grouped, *window))
    three = op.constant(np.float32(3))
    outputs = [read for one in sums for read in (op.relu(one), op.multiply(one, three))]
    network = ov.Model([op.result(output) for output in outputs], [pixels], "shared results")
    add_biases(network)
    compiled = compile_trial(network)
    found = compiled([np.full((1, channels, 4, 4), 100, np.float32)])
    right = (800, 2400, 50, 150)
    return all(np.allclose(found[number], value, rtol=0.01) for number, value in enumerate(right))


def eight_bit_layers(network: ov.Model) -> Iterator[ov.Node]:
    """The layers of a network whose weights, or the second of the maps that they multiply, are bytes."""
    for node in network.get_ordered_ops():
        if node.get_type_name() in _LAYERS and _is_in_bytes(node.input_value(1).get_node()):
            yield node


def _is_in_bytes(node: ov.Node) -> bool:
    """Whether weights, or a map in their place, come as bytes that are converted, or are rounded to as many values."""
    while True:
        kind = node.get_type_name()
        if kind == "FakeQuantize" or node.get_element_type() in _BYTES:
            return True
        if kind not in _STEPS | _ARITHMETIC:
            return False
        node = node.input_value(0).get_node()


def _readers(result: ov.Output) -> list[ov.Input]:
    """The inputs that take a result; what asks for its shape alone does not."""
    return [reader for reader in result.get_target_inputs() if reader.get_node().get_type_name() != "ShapeOf"]


def _has_bias(layer: ov.Node) -> bool:
    """Whether all that reads the sums of a layer, scaled or not, is one addition of a constant that is not 0."""
    result = layer.output(0)
    while True:
        readers = _readers(result)
        if len(readers) != 1:
            return False
        reader, kind = readers[0].get_node(), readers[0].get_node().get_type_name()
        if kind not in ("Add", "Multiply"):
            return False
        constant = _constant(reader.input_value(1 - readers[0].get_index()).get_node())
        if constant is None:
            return False
        if kind == "Add":
            return bool(constant.data.any())
        result = reader.output(0)


def _constant(node: ov.Node) -> ov.Node | None:
    """The constant that a node is made of, before it was converted, shaped and scaled by others."""
    while node.get_type_name() in _STEPS | _ARITHMETIC:
        if node.get_type_name() in _ARITHMETIC and _constant(node.input_value(1).get_node()) is None:
            return None
        node = node.input_value(0).get_node()
    return node if node.get_type_name() == "Constant" else None


def _bias(layer: ov.Node) -> ov.Node:
    shape, kind = layer.get_output_partial_shape(0), layer.get_output_element_type(0)
    lengths = [1] * len(shape)
    axis = len(shape) - 1 if layer.get_type_name() == "MatMul" else 1
    # One number for each channel, as biases are: only these are left alone by what OpenVINO does to additions.
    if shape[axis].is_static:
        lengths[axis] = shape[axis].get_length()
    return op.constant(np.full(lengths, _LEAST_HALF if kind == ov.Type.f16 else _LEAST), dtype=kind)
