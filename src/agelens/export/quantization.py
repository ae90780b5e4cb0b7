"""From a float ONNX network to the one that is shipped: weights and maps in 8 bits.

8 bits make the file a quarter as large and, on processors that multiply bytes (VNNI), the network twice as fast.
What it costs in accuracy is measured by whoever calls this, on faces that trained nothing.
"""

import logging
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from agelens.export.graph_passes import add_biases, simplify
from agelens.models.onnx_files import INPUT
from agelens.utils.files import replacing_file
from agelens.utils.images import Pixels

# Layers whose inputs and weights become bytes; the head stays as it is, for its rows are few and its sums exact.
_BYTES = ["Conv", "Add", "Concat", "MaxPool", "Relu"]
_FLOAT_OUTPUTS = ["Conv", "Add"]


def quantize(source: Path, target: Path, faces: Iterable[Pixels]) -> None:
    """Write a network with 8-bit weights, one scale a channel, and 8-bit maps (Jacob et al. 2018).

    Args:
        source: an ONNX file from ``faces``, uint8 (faces, side, side, 3).
        faces: batches of that shape; the ranges of the maps are theirs.
    """
    with tempfile.TemporaryDirectory(dir=target.parent) as folder, _quiet():
        prepared = Path(folder) / "prepared.onnx"
        # Folds batch normalisation into the convolutions before it.
        quant_pre_process(source, prepared, skip_symbolic_shape=True)
        network = onnx.load(prepared)
        simplify(network.graph)
        onnx.save(network, prepared)
        constants = {tensor.name for tensor in network.graph.initializer}
        excluded = [
            node.name
            for node in network.graph.node
            # A constant is added where bytes become pixels, which are exact already.
            if node.op_type == "Add" and not constants.isdisjoint(node.input)
        ]
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
                # What a convolution or a sum gives stays in float up to the layer that takes it: what stands between,
                # a PReLU above all, then runs in one step with it, without rounding before.
                extra_options={"OpTypesToExcludeOutputQuantization": _FLOAT_OUTPUTS},
                calibrate_method=CalibrationMethod.MinMax,
            )
            written = onnx.load(temporary)
            if add_biases(written.graph):
                onnx.save(written, temporary)


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
