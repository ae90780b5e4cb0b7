"""The heads in a bundle's network: read as arrays, and put back with other weights.

A network of `agelens.export.ensemble` holds one or several encoders; the features of each go through a hidden layer of
ReLUs to the logits of the ages and to the logit of female. What the encoders say is averaged by fixed weights.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from agelens.errors import AgeLensError

Floats = NDArray[np.float32]
# What the head of each task is called in the network.
OUTPUTS = {"age": "age_distribution", "gender": "female_logit"}


@dataclass(frozen=True)
class Dense:
    """A layer of weights: ``kernel``, float32 (inputs, units), and ``bias``, float32 (units,)."""

    kernel: Floats
    bias: Floats


@dataclass(frozen=True)
class Head:
    """What stands on one encoder.

    Attributes:
        hidden: the layer of ReLUs that the features go through.
        outputs: the layer behind it for each task, "age" (logits) and "gender" (the logit of female).
        ensemble_weights: how much each task counts beside the other encoders; over all of them 1.
    """

    hidden: Dense
    outputs: Mapping[str, Dense]
    ensemble_weights: Mapping[str, float]

    @property
    def features(self) -> int:
        """How many features it takes."""
        return int(self.hidden.kernel.shape[0])

    def widths(self, tasks: Sequence[str]) -> dict[str, int]:
        """Return how many numbers the network's output of each task has, by its name."""
        return {OUTPUTS[task]: len(self.outputs[task].bias) for task in tasks}

    def scaled(self, weight: float) -> "Head":
        """Return the head of a network that is averaged with others, and counts this much."""
        return replace(
            self, ensemble_weights={task: weight * own for task, own in self.ensemble_weights.items()}
        )


def read_heads(network: bytes, name: str) -> list[Head]:
    """Return the heads of a network, in the order in which their features are joined.

    Args:
        network: an ONNX file of `agelens.export.ensemble.average_networks`.
        name: how errors call it.

    Raises:
        AgeLensError: its heads are not of that form.
    """
    graph = onnx.load_from_string(network).graph
    return [_head(graph, prefix, places, name) for prefix, places in _places(graph, name)]


def replace_heads(network: bytes, heads: Sequence[Head], name: str) -> onnx.ModelProto:
    """Return a network with the weights of other heads of the same sizes; how encoders are averaged stays."""
    model = onnx.load_from_string(network)
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    for (_, places), head in zip(_places(model.graph, name), heads, strict=True):
        for node, dense in (
            (places["hidden"], head.hidden),
            *((places[t], d) for t, d in head.outputs.items()),
        ):
            kernel = dense.kernel.T if _transposed(node) else dense.kernel
            for tensor, value in ((node.input[1], kernel), (node.input[2], dense.bias)):
                written = numpy_helper.from_array(np.ascontiguousarray(value, np.float32), tensor)
                if list(tensors[tensor].dims) != list(written.dims):
                    raise ValueError(f"{tensor} has the shape {tensors[tensor].dims}, not {written.dims}.")
                tensors[tensor].CopyFrom(written)
    return model


_Places = dict[str, onnx.NodeProto]


def _places(graph: onnx.GraphProto, name: str) -> Iterator[tuple[str, _Places]]:
    """The layers of each encoder's head, by "hidden" and the tasks, with the prefix of its names."""
    makers = {output: node for node in graph.node for output in node.output}
    prefixes = sorted({node.split("/", 1)[0] for node in makers if node.startswith("network_")}, key=_number)
    tasks = [task for task, output in OUTPUTS.items() if any(one.name == output for one in graph.output)]
    if not prefixes or not tasks:
        raise _not_adaptable(name)
    for prefix in prefixes:
        places = {task: _layer(makers, f"{prefix}/{OUTPUTS[task]}", name) for task in tasks}
        hidden = {
            id(layer): layer for layer in (_layer(makers, places[task].input[0], name) for task in tasks)
        }
        if len(hidden) != 1:
            raise _not_adaptable(name)
        yield prefix, {"hidden": next(iter(hidden.values())), **places}


def _number(prefix: str) -> int:
    return int(prefix.rpartition("_")[2])


def _layer(makers: Mapping[str, onnx.NodeProto], tensor: str, name: str) -> onnx.NodeProto:
    """The layer of weights that a tensor comes from, by way of a softmax, a ReLU or a copy."""
    node = makers.get(tensor)
    while node is not None and node.op_type in ("Softmax", "Relu", "Identity"):
        node = makers.get(node.input[0])
    if node is None or node.op_type != "Gemm" or len(node.input) != 3:
        raise _not_adaptable(name)
    return node


def _transposed(node: onnx.NodeProto) -> bool:
    return any(one.name == "transB" and helper.get_attribute_value(one) for one in node.attribute)


def _head(graph: onnx.GraphProto, prefix: str, places: _Places, name: str) -> Head:
    values = {tensor.name: tensor for tensor in graph.initializer}

    def dense(node: onnx.NodeProto) -> Dense:
        if not all(one in values for one in node.input[1:]):
            raise _not_adaptable(name)
        kernel, bias = (numpy_helper.to_array(values[one]).astype(np.float32) for one in node.input[1:])
        return Dense(kernel.T if _transposed(node) else kernel, bias)

    tasks = [task for task in places if task != "hidden"]
    counts = {task: f"{prefix}/share_of_{OUTPUTS[task]}_counts" for task in tasks}
    return Head(
        dense(places["hidden"]),
        {task: dense(places[task]) for task in tasks},
        {task: float(numpy_helper.to_array(values[counts[task]])) for task in tasks},
    )


def _not_adaptable(name: str) -> AgeLensError:
    return AgeLensError(
        f"The network of {name} has no heads that can be adapted; give a bundle that --recipe finetune made, or "
        "agelens."
    )
