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
        file: ONNX, from ``faces``, uint8 (faces, side, side, 3), to the outputs that are averaged and FEATURES.
        image_size: of its faces, pixels.
        ensemble_weights: how much it counts for each output, relative to the others; 1 where it is not named.
    """

    file: Path
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
        graph = compose.add_prefix(onnx.load(one.file), prefix).graph
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
