"""One ONNX file from one or several networks: faces of any size in, the average of what the networks say out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
from onnx import compose, helper, numpy_helper

from agelens.models.onnx_files import INPUT, IR_VERSION, OPSET
from agelens.models.registry import FEATURES
from agelens.utils.files import replacing_file

_NETWORK = "network_{}/"


@dataclass(frozen=True)
class EnsembleMember:
    """A network that is averaged with others.

    Attributes:
        file: ONNX, from ``faces``, uint8 (faces, side, side, 3), to the outputs that are averaged and FEATURES, or such
            a network itself.
        image_size: of its faces, pixels.
        ensemble_weights: how much it counts for each output, relative to the others; 1 where it is not named.
    """

    file: Path | onnx.ModelProto
    image_size: int
    ensemble_weights: Mapping[str, float] = field(default_factory=dict)

    def weight(self, output: str) -> float:
        """How much it counts for an output."""
        return self.ensemble_weights.get(output, 1.0)


def average_networks(networks: Sequence[EnsembleMember], target: Path, outputs: Sequence[str]) -> None:
    """Write a network that takes faces of any size, uint8 (faces, height, width, 3), and averages several networks.

    Each face is brought to the side of each network: shrinking is antialiased, and faces of a network's own side pass
    unchanged.

    Args:
        outputs: tensors that are averaged; FEATURES of all are joined, and stay in the file as a tensor.
    """
    nodes = [
        helper.make_node("Cast", [INPUT], ["pixels"], to=onnx.TensorProto.FLOAT),
        helper.make_node("Transpose", ["pixels"], ["channels_first"], perm=[0, 3, 1, 2]),
    ]
    constants: list[onnx.TensorProto] = []
    known: list[onnx.ValueInfoProto] = []
    given: dict[str, onnx.ValueInfoProto] = {}
    widths = []
    for number, one in enumerate(networks):
        prefix = _NETWORK.format(number)
        model = onnx.load(one.file) if isinstance(one.file, Path) else one.file
        graph = compose.add_prefix(model, prefix).graph
        constants += [
            *graph.initializer,
            numpy_helper.from_array(np.array([one.image_size, one.image_size], np.int64), f"{prefix}sides"),
        ]
        nodes += [*_resized(prefix), *graph.node]
        known += graph.value_info
        given |= {value.name.removeprefix(prefix): value for value in graph.output}
        widths.append(given[FEATURES].type.tensor_type.shape.dim[1].dim_value)
    prefixes = [_NETWORK.format(number) for number in range(len(networks))]
    for name in outputs:
        total = sum(one.weight(name) for one in networks)
        ensemble_weights = [f"{prefix}share_of_{name}" for prefix in prefixes]
        for one, prefix, share in zip(networks, prefixes, ensemble_weights, strict=True):
            counts = np.array(one.weight(name) / total, np.float32)
            constants.append(numpy_helper.from_array(counts, f"{share}_counts"))
            nodes.append(helper.make_node("Mul", [f"{prefix}{name}", f"{share}_counts"], [share]))
        nodes.append(helper.make_node("Sum", ensemble_weights, [name]))
    nodes.append(
        helper.make_node("Concat", [f"{prefix}{FEATURES}" for prefix in prefixes], [FEATURES], axis=1)
    )
    known.append(helper.make_tensor_value_info(FEATURES, onnx.TensorProto.FLOAT, ["faces", sum(widths)]))
    shapes = {name: [dim.dim_value for dim in given[name].type.tensor_type.shape.dim[1:]] for name in outputs}
    graph = helper.make_graph(
        nodes,
        "averaged",
        [helper.make_tensor_value_info(INPUT, onnx.TensorProto.UINT8, ["faces", "height", "width", 3])],
        [
            helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["faces", *shapes[name]])
            for name in outputs
        ],
        constants,
        value_info=known,
    )
    network = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(network)
    with replacing_file(target) as temporary:
        onnx.save(network, temporary)


def members_of(network: bytes, widths: Sequence[Mapping[str, int]]) -> list[EnsembleMember]:
    """Return the networks that `average_networks` averaged, as they were.

    Args:
        network: a file that it wrote.
        widths: of each network the width of its outputs and of FEATURES, by name.
    """
    graph = onnx.load_from_string(network).graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    found = []
    for number, outputs in enumerate(widths):
        prefix = _NETWORK.format(number)
        weights = {
            name: float(numpy_helper.to_array(constants[f"{prefix}share_of_{name}_counts"]))
            for name in outputs
            if name != FEATURES
        }
        side = int(numpy_helper.to_array(constants[f"{prefix}sides"])[0])
        found.append(EnsembleMember(_alone(graph, prefix, outputs, side), side, weights))
    return found


def _alone(graph: onnx.GraphProto, prefix: str, outputs: Mapping[str, int], side: int) -> onnx.ModelProto:
    """One network of an ensemble, from its bytes of its own side to its outputs, without the prefix of its names."""
    makers = {output: node for node in graph.node for output in node.output if output}
    nodes: dict[int, onnx.NodeProto] = {}
    pending = [f"{prefix}{name}" for name in outputs]
    while pending:
        tensor = pending.pop()
        node = makers.get(tensor)
        if tensor == f"{prefix}{INPUT}" or node is None or id(node) in nodes:
            continue
        nodes[id(node)] = node
        pending.extend(node.input)
    ordered = [node for node in graph.node if id(node) in nodes]
    used = {name for node in ordered for name in node.input}
    part = helper.make_graph(
        ordered,
        "member",
        [helper.make_tensor_value_info(f"{prefix}{INPUT}", onnx.TensorProto.UINT8, ["faces", side, side, 3])],
        [
            helper.make_tensor_value_info(f"{prefix}{name}", onnx.TensorProto.FLOAT, ["faces", width])
            for name, width in outputs.items()
        ],
        [tensor for tensor in graph.initializer if tensor.name in used],
    )
    for node in part.node:
        node.name = node.name.removeprefix(prefix)
        node.input[:] = [name.removeprefix(prefix) for name in node.input]
        node.output[:] = [name.removeprefix(prefix) for name in node.output]
    for named in (*part.initializer, *part.input, *part.output):
        named.name = named.name.removeprefix(prefix)
    return helper.make_model(part, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)


def _resized(prefix: str) -> list[onnx.NodeProto]:
    """From the common pixels to the input of one network."""
    name = lambda step: f"{prefix}{step}"  # noqa: E731
    return [
        helper.make_node(
            "Resize",
            ["channels_first", "", "", name("sides")],
            [name("resized")],
            axes=[2, 3],
            mode="linear",
            antialias=1,
            coordinate_transformation_mode="half_pixel",
        ),
        helper.make_node("Round", [name("resized")], [name("rounded")]),
        helper.make_node("Transpose", [name("rounded")], [name("last")], perm=[0, 2, 3, 1]),
        helper.make_node("Cast", [name("last")], [name(INPUT)], to=onnx.TensorProto.UINT8),
    ]
