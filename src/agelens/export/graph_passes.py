"""Layers that an exporter has written as several nodes, or as larger ones than they are, found again in an ONNX graph.

What the graph computes stays the same; runtimes compute it faster, above all with 8-bit numbers, where every node that
cannot join its neighbours goes through memory in float.
"""

from collections import Counter

import numpy as np
import onnx
from onnx import helper, numpy_helper

# Fewer channels than these are computed no faster.
_LEAST_GROUP = 8


def simplify(graph: onnx.GraphProto) -> None:
    """Bring a graph to fewer and smaller nodes, in place."""
    _find_prelu(graph)
    _find_padding(graph)
    _find_groups(graph)
    _fold_factors(graph)
    used = {name for node in graph.node for name in node.input}
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in used]:
        graph.initializer.remove(tensor)


class _Links:
    """Who makes and who takes each tensor of a graph."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self.constants = {tensor.name: tensor for tensor in graph.initializer}
        self.makers = {name: node for node in graph.node for name in node.output}
        self.uses = Counter(name for node in graph.node for name in node.input)
        self.uses.update(value.name for value in graph.output)

    def made_by(self, name: str, kind: str) -> onnx.NodeProto | None:
        """The node that makes a tensor, if it is of this kind."""
        node = self.makers.get(name)
        return node if node is not None and node.op_type == kind else None

    def constant_behind(self, name: str) -> onnx.TensorProto | None:
        """The constant that a tensor is, or that it is scaled from."""
        maker = self.made_by(name, "DequantizeLinear")
        return self.constants.get(maker.input[0] if maker is not None else name)

    def split(self, node: onnx.NodeProto) -> tuple[list[str], list[str]]:
        """The inputs of a node that are computed, and those that are constants."""
        computed = [name for name in node.input if name not in self.constants]
        return computed, [name for name in node.input if name in self.constants]


def add_biases(graph: onnx.GraphProto) -> int:
    """Give 8-bit convolutions that add nothing to their sums a bias that is too small to be seen, in place.

    OpenVINO scales the results of those without one twice where several layers read them;
    `agelens.runtime.shared_results` does the same to networks that are read.

    Returns:
        how many convolutions got one.
    """
    links = _Links(graph)
    bare = []
    for node in graph.node:
        if node.op_type in ("Conv", "ConvTranspose") and links.made_by(node.input[1], "DequantizeLinear"):
            bias = links.constant_behind(node.input[2]) if len(node.input) > 2 else None
            if len(node.input) < 3 or (bias is not None and not numpy_helper.to_array(bias).any()):
                bare.append(node)
    for node in bare:
        kernel = links.constant_behind(node.input[1])
        if kernel is None:
            continue
        groups = next((entry.i for entry in node.attribute if entry.name == "group"), 1)
        outputs = kernel.dims[0] if node.op_type == "Conv" else kernel.dims[1] * groups
        name = f"{node.output[0]}_bias"
        least = np.full(outputs, np.finfo(np.float32).tiny, np.float32)
        graph.initializer.append(numpy_helper.from_array(least, name))
        node.input[:] = [*node.input[:2], name]
    return len(bare)


def _find_prelu(graph: onnx.GraphProto) -> None:
    """relu(x) + slope * -relu(-x), as Keras computes it, is PRelu."""
    links = _Links(graph)
    for node in [node for node in graph.node if node.op_type == "Add"]:
        for positive, negative in (tuple(node.input), tuple(node.input)[::-1]):
            found = _prelu_parts(links, positive, negative)
            if found is None:
                continue
            source, slope, parts = found
            values = -numpy_helper.to_array(links.constants[slope])
            name = f"{node.output[0]}_slope"
            # Slopes of channels come as (1, channels, 1, 1); PRelu takes them without the first axis.
            graph.initializer.append(
                numpy_helper.from_array(np.ascontiguousarray(values.reshape(values.shape[-3:])), name)
            )
            joined = helper.make_node("PRelu", [source, name], list(node.output), name=f"{node.name}_prelu")
            graph.node.insert(list(graph.node).index(node), joined)
            for part in (node, *parts):
                graph.node.remove(part)
            break


def _prelu_parts(
    links: _Links, positive: str, negative: str
) -> tuple[str, str, tuple[onnx.NodeProto, ...]] | None:
    """The input, the slope with its sign turned, and the nodes, if two summands are those of a PReLU."""
    upper, scaled = links.made_by(positive, "Relu"), links.made_by(negative, "Mul")
    if upper is None or scaled is None:
        return None
    computed, slopes = links.split(scaled)
    lower = links.made_by(computed[0], "Relu") if len(computed) == 1 and len(slopes) == 1 else None
    turned = links.made_by(lower.input[0], "Neg") if lower is not None else None
    if lower is None or turned is None or turned.input[0] != upper.input[0]:
        return None
    parts = (upper, scaled, lower, turned)
    if any(links.uses[part.output[0]] != 1 for part in parts):
        return None
    return upper.input[0], slopes[0], parts


def _find_padding(graph: onnx.GraphProto) -> None:
    """Zeros around a map before a convolution are the convolution's own padding."""
    links = _Links(graph)
    for node in [node for node in graph.node if node.op_type == "Conv"]:
        pad = links.made_by(node.input[0], "Pad")
        if pad is None or links.uses[pad.output[0]] != 1 or len(pad.input) > 2 or pad.attribute:
            continue
        if pad.input[1] not in links.constants:
            continue
        pads = numpy_helper.to_array(links.constants[pad.input[1]]).tolist()
        settings = {entry.name: helper.get_attribute_value(entry) for entry in node.attribute}
        if len(pads) != 8 or any((*pads[:2], *pads[4:6], *settings.get("pads", ()))):
            continue
        for entry in [entry for entry in node.attribute if entry.name in ("pads", "auto_pad")]:
            node.attribute.remove(entry)
        node.attribute.append(helper.make_attribute("pads", [*pads[2:4], *pads[6:]]))
        node.input[0] = pad.input[0]
        graph.node.remove(pad)


def _find_groups(graph: onnx.GraphProto) -> None:
    """A convolution whose weights are zeros between groups of channels is one in groups."""
    links = _Links(graph)
    for node in [node for node in graph.node if node.op_type == "Conv"]:
        entry = next((entry for entry in node.attribute if entry.name == "group"), None)
        if (entry is not None and entry.i != 1) or node.input[1] not in links.constants:
            continue
        kernel = numpy_helper.to_array(links.constants[node.input[1]])
        groups = _groups(kernel)
        if groups == 1 or links.uses[node.input[1]] != 1:
            continue
        if entry is not None:
            node.attribute.remove(entry)
        node.attribute.append(helper.make_attribute("group", groups))
        outputs, inputs = kernel.shape[0] // groups, kernel.shape[1] // groups
        blocks = [
            kernel[group * outputs : (group + 1) * outputs, group * inputs : (group + 1) * inputs]
            for group in range(groups)
        ]
        links.constants[node.input[1]].CopyFrom(
            numpy_helper.from_array(np.concatenate(blocks), node.input[1])
        )


def _groups(kernel: np.ndarray) -> int:
    """How many groups the channels of (outputs, inputs, height, width) fall into, of _LEAST_GROUP or more each."""
    outputs, inputs = kernel.shape[:2]
    linked = np.argwhere(kernel.any(axis=(2, 3)))
    most = min(outputs, inputs) // _LEAST_GROUP
    for groups in range(most, 1, -1):
        if outputs % groups or inputs % groups:
            continue
        if np.array_equal(linked[:, 0] // (outputs // groups), linked[:, 1] // (inputs // groups)):
            return groups
    return 1


def _fold_factors(graph: onnx.GraphProto) -> None:
    """Multiply a constant factor behind a convolution into its weights, so that bytes need not leave the chain."""
    links = _Links(graph)
    constants, uses = links.constants, links.uses
    for node in [node for node in graph.node if node.op_type == "Mul"]:
        data, names = links.split(node)
        factors = [constants[name] for name in names]
        maker = links.made_by(data[0], "Conv") if len(data) == 1 else None
        if maker is None or uses[data[0]] != 1 or len(factors) != 1:
            continue
        if int(np.prod(factors[0].dims)) != 1 or any(uses[name] != 1 for name in maker.input[1:]):
            continue
        factor = numpy_helper.to_array(factors[0]).reshape(-1)[0]
        for name in maker.input[1:]:
            scaled = numpy_helper.to_array(constants[name]) * factor
            constants[name].CopyFrom(numpy_helper.from_array(scaled.astype(np.float32), name))
        maker.output[0] = node.output[0]
        graph.node.remove(node)
