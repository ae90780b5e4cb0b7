"""From a float ONNX network to the one that is shipped: weights and maps in 8 bits.

8 bits make the file a quarter as large and, on processors that multiply bytes (VNNI), the network twice as fast.
What it costs in accuracy is measured by whoever calls this, on faces that trained nothing.
"""

import logging
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from agelens.files import replacing_file
from agelens.images import Pixels
from agelens.networks.portable import INPUT

# Layers whose inputs and weights become bytes; the head stays as it is, for its rows are few and its sums exact.
_BYTES = ["Conv", "Add", "Concat", "MaxPool", "Relu"]


def quantize(source: Path, target: Path, faces: Iterable[Pixels], keep: Iterable[str] = ()) -> None:
    """Write a network with 8-bit weights, one scale a channel, and 8-bit maps (Jacob et al. 2018).

    Args:
        source: an ONNX file from ``faces``, uint8 (faces, side, side, 3).
        faces: batches of that shape; the ranges of the maps are theirs.
        keep: name parts of nodes that stay in float.
    """
    with tempfile.TemporaryDirectory(dir=target.parent) as folder, _quiet():
        prepared = Path(folder) / "prepared.onnx"
        # Folds batch normalisation into the convolutions before it.
        quant_pre_process(source, prepared, skip_symbolic_shape=True)
        network = onnx.load(prepared)
        _fold_factors(network.graph)
        onnx.save(network, prepared)
        excluded = [node.name for node in network.graph.node if any(part in node.name for part in keep)]
        with replacing_file(target) as temporary:
            quantize_static(
                prepared,
                temporary,
                _Faces(faces),
                quant_format=QuantFormat.QDQ,
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                op_types_to_quantize=_BYTES,
                nodes_to_exclude=excluded,
                calibrate_method=CalibrationMethod.MinMax,
            )


class _Faces(CalibrationDataReader):
    def __init__(self, faces: Iterable[Pixels]) -> None:
        self._faces: Iterator[Pixels] = iter(faces)

    def get_next(self) -> dict[str, Pixels] | None:
        batch = next(self._faces, None)
        return None if batch is None else {INPUT: batch}


class _quiet:  # noqa: N801
    """Keep the converter's advice (to preprocess, which was done) from the person."""

    def __enter__(self) -> None:
        self._level = logging.root.level
        logging.root.setLevel(logging.ERROR)

    def __exit__(self, *error: object) -> None:
        logging.root.setLevel(self._level)


def _fold_factors(graph: onnx.GraphProto) -> None:
    """Multiply a constant factor behind a convolution into its weights, so that bytes need not leave the chain."""
    constants = {tensor.name: tensor for tensor in graph.initializer}
    makers = {name: node for node in graph.node for name in node.output}
    uses: dict[str, int] = {}
    for node in graph.node:
        for name in node.input:
            uses[name] = uses.get(name, 0) + 1
    for node in [node for node in graph.node if node.op_type == "Mul"]:
        data = [name for name in node.input if name not in constants]
        factors = [constants[name] for name in node.input if name in constants]
        maker = makers.get(data[0]) if len(data) == 1 else None
        if maker is None or maker.op_type != "Conv" or uses[data[0]] != 1 or len(factors) != 1:
            continue
        if int(np.prod(factors[0].dims)) != 1 or any(uses[name] != 1 for name in maker.input[1:]):
            continue
        factor = numpy_helper.to_array(factors[0]).reshape(-1)[0]
        for name in maker.input[1:]:
            scaled = numpy_helper.to_array(constants[name]) * factor
            constants[name].CopyFrom(numpy_helper.from_array(scaled.astype(np.float32), name))
        maker.output[0] = node.output[0]
        graph.node.remove(node)
