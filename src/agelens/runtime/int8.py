"""Networks in 8 bits, made to compute what they say on the processor at hand.

Two things go wrong without a word. Scales are applied twice where several read a result
(`agelens.runtime.shared_results`). And not all processors add products of bytes exactly: those with VNNI or AMX add
the products of an unsigned and a signed byte in 32 bits, but older ones (AVX2, and AVX-512 without VNNI) add two of
them in 16 bits, which holds 32,767 and no more: 255 x 127 + 255 x 127 comes out as half of what it is. Where a
processor does so, weights are halved here to 7 bits, so that no sum of two can overflow.

Weights are understood as ONNX's DequantizeLinear has them, without a zero point, which is how AgeLens writes them.
Layers whose float weights a network rounds itself while it runs compute in float there.
"""

import functools
from collections.abc import Iterator
from importlib.metadata import version

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as op

from agelens.errors import AgeLensError
from agelens.runtime import shared_results
from agelens.runtime.trial import compile_trial

# The largest weight with which two products of bytes fit: 2 x 255 x 64 = 32,640.
_SAFE = 64


def fit_processor(network: ov.Model, name: str = "The network") -> ov.Model:
    """Make a network with 8-bit layers compute what it says here; changes it in place, and returns it.

    Layers whose result OpenVINO could scale twice get a bias that is too small to be seen, and 8-bit weights become
    7-bit ones if this processor needs that. Other networks stay as they are.

    Args:
        name: what the sentence calls it if it must be refused.

    Raises:
        AgeLensError: it has layers whose results come out wrong all the same.
    """
    if shared_results.add_biases(network) and not shared_results.are_right():
        raise AgeLensError(
            f"{name} has 8-bit layers without bias, and OpenVINO {version('openvino')} computes wrong results of such "
            "layers on this processor; use the network in float, or another version of OpenVINO."
        )
    weights, rounded = list(_weights(network)), list(_rounded(network))
    if (weights or rounded) and overflows():
        for reader in rounded:
            reader.replace_source_output(_computed(reader.get_source_output()).output(0))
        for reader, scaled in weights:
            halved = op.constant(reduce_range(reader.get_source_output().get_node().data))
            reader.replace_source_output(halved.output(0))
            scale = scaled.input_value(1)
            doubled = op.multiply(scale, op.constant(2, dtype=scale.get_element_type()))
            scaled.input(1).replace_source_output(doubled.output(0))
    return network


@functools.cache
def overflows() -> bool:
    """Whether sums of products of bytes overflow on this processor: found by letting it add the largest of them."""
    channels = 16
    pixels = op.parameter([1, channels, 1, 1], np.float32)
    low, high = np.float32(0), np.float32(255)
    bytes_ = op.fake_quantize(pixels, low, high, low, high, 256)
    weights = op.constant(np.full((channels, channels, 1, 1), 127, np.int8))
    scaled = op.multiply(op.convert(weights, "f32"), op.constant(np.ones((channels, 1, 1, 1), np.float32)))
    sums = op.convolution(bytes_, scaled, [1, 1], [0, 0], [0, 0], [1, 1])
    compiled = compile_trial(ov.Model([op.result(sums)], [pixels], "sums"))
    found = compiled([np.full((1, channels, 1, 1), 255, np.float32)])[0]
    return float(found.min()) < 0.9 * 255 * 127 * channels


def reduce_range(weights: NDArray[np.int8]) -> NDArray[np.int8]:
    """Half of each weight, rounded down and up in turn where it is odd.

    So the sum of the weights of an output stays what it was (within a half): maps are positive on the whole, and if all
    were rounded alike, what they add up to would shift.

    Args:
        weights: int8, of any shape.

    Returns:
        int8 of the same shape, -64 to 64.
    """
    flat = weights.ravel()
    odd = flat & np.int8(1)
    # 1 at each second odd weight.
    up = odd & ~np.bitwise_xor.accumulate(odd)
    return ((flat >> 1) + up).reshape(weights.shape)


def _weights(network: ov.Model) -> Iterator[tuple[ov.Input, ov.Node]]:
    """Where 8-bit weights that are too large are read, each with the multiplication that scales them there."""
    for node in network.get_ordered_ops():
        if node.get_type_name() != "Constant" or node.get_element_type() != ov.Type.i8 or len(node.shape) < 2:
            continue
        if np.abs(node.data.astype(np.int16)).max(initial=0) <= _SAFE:
            continue
        for reader in node.output(0).get_target_inputs():
            scaled = _scaled(reader)
            if scaled is not None:
                yield reader, scaled


def _scaled(reader: "ov.Input | None") -> ov.Node | None:
    """The multiplication behind weights that are converted, less a zero point of 0."""
    while reader is not None and reader.get_index() == 0:
        node = reader.get_node()
        kind = node.get_type_name()
        if kind == "Multiply":
            return node
        if kind == "Subtract":
            if not _is_zero(node.input_value(1).get_node()):
                return None
        elif kind not in ("Convert", "Reshape"):
            return None
        readers = list(node.output(0).get_target_inputs())
        reader = readers[0] if len(readers) == 1 else None
    return None


def _rounded(network: ov.Model) -> Iterator[ov.Input]:
    """Where layers read weights that are rounded to as many values as a byte has, from float numbers in the network."""
    for layer in shared_results.eight_bit_layers(network):
        kinds = set()
        node = layer.input_value(1).get_node()
        while node.get_input_size() > 0:
            kinds.add(node.get_type_name())
            node = node.input_value(0).get_node()
        if "FakeQuantize" in kinds and node.get_type_name() == "Constant":
            yield layer.input(1)


def _computed(output: ov.Output) -> ov.Node:
    """What comes out of a part of a network that takes nothing, as a constant."""
    part = ov.Model([op.result(output)], [], "weights")
    hints = {"INFERENCE_PRECISION_HINT": "f32"}
    return op.constant(ov.Core().compile_model(part, "CPU", hints)([])[0].copy())


def _is_zero(node: ov.Node) -> bool:
    while node.get_type_name() != "Constant" and node.get_input_size() > 0:
        node = node.input_value(0).get_node()
    return node.get_type_name() == "Constant" and not node.data.any()
