"""Backbones that are ONNX files: plain RGB bytes in, uint8 (faces, side, side, 3), under the name ``faces``."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import onnx
import openvino as ov
from onnx import compose, helper

from agelens.errors import AgeLensError
from agelens.models.onnx_files import INPUT, export_onnx, muffled, read_onnx
from agelens.models.outputs import Output, choose_output, leads_in_openvino, only_features
from agelens.models.preprocessing import preprocessing_graph
from agelens.models.registry import BackboneSpec, Shape
from agelens.utils.reasons import last_line

_PREFIX, _CHOSEN = "backbone/", "features"
# Count it up when the same network gives other features, so that none of the old ones are taken.
CONVERSION = 2


def _convert(model: keras.Model, name: str, target: Path, shown: Path) -> None:
    """Write a Keras model as OpenVINO reads it, with its features as its only output."""
    converted = target.parent / "converted"
    converted.mkdir()
    try:
        with muffled():
            # OpenVINO reads what TensorFlow and PyTorch compute directly, but JAX only by way of ONNX.
            if keras.backend.backend() == "jax":
                file = converted / "backbone.onnx"
                export_onnx(model, "features", file)
            else:
                file = converted / "backbone.xml"
                model.export(str(file), format="openvino", verbose=False)
        ov.serialize(only_features(ov.Core().read_model(file), model, name), target)
    except RuntimeError as error:
        # OpenVINO writes through C++ streams, which say no more than that they failed.
        if "iostream" not in str(error):
            raise
        raise AgeLensError(f"{shown} cannot be written; make room there or give another --cache.") from None
    shutil.rmtree(converted)


def inspect_onnx(spec: BackboneSpec, image_size: int) -> tuple[int, Shape, str]:
    """How many numbers an ONNX backbone holds, the shape of its features, and their output's name if it has several."""
    model = preprocessed_onnx(spec, image_size)
    parameters = sum(int(np.prod(tensor.dims)) for tensor in model.graph.initializer)
    with _naming(spec):
        network = ov.Core().read_model(model.SerializeToString())
        network.reshape([1, image_size, image_size, 3])
    shape = tuple(int(length) for length in network.outputs[0].get_shape()[1:])
    if len(shape) not in (1, 3):
        raise AgeLensError(f"{spec.file} gives features of shape {shape}, not a map or a vector.")
    return (
        parameters,
        shape,
        next((entry.value for entry in model.metadata_props if entry.key == _CHOSEN), ""),
    )


def preprocessed_onnx(spec: BackboneSpec, image_size: int) -> onnx.ModelProto:
    """An ONNX backbone behind its preprocessing; its map, if it gives one, comes as height, width, channels."""
    assert spec.file is not None
    body = read_onnx(spec.file)
    if spec.output:
        # A network of AgeLens's own, which takes bytes and scales them itself.
        return onnx.utils.Extractor(body).extract_model([INPUT], [spec.output])
    body = compose.add_prefix(body, _PREFIX)
    inputs = [
        value for value in body.graph.input if value.name not in {t.name for t in body.graph.initializer}
    ]
    shape = [dim.dim_value for dim in inputs[0].type.tensor_type.shape.dim] if len(inputs) == 1 else []
    if len(shape) != 4 or 3 not in (shape[1], shape[3]):
        raise AgeLensError(f"{spec.file} does not take one batch of images with three channels.")
    # Where both could be the channels, they come first, as in most files.
    channels_first = shape[1] == 3
    declared = shape[2:] if channels_first else shape[1:3]
    # 0 stands for a side that the file leaves open.
    if any(length not in (0, image_size) for length in declared):
        raise AgeLensError(
            f"{spec.file} takes images of {declared[1]} x {declared[0]} pixels, not {image_size}; say @{declared[0]}."
        )
    _free_batch(inputs[0])
    for value in body.graph.output:
        _free_batch(value)
    before = preprocessing_graph(spec.preprocessing, image_size, channels_first)
    chosen = body.graph.output[_features_of(spec, body, inputs[0].name, image_size, channels_first)]
    joined = compose.merge_models(before, body, io_map=[("scaled", inputs[0].name)], outputs=[chosen.name])
    if len(body.graph.output) > 1:
        entry = joined.metadata_props.add()
        entry.key, entry.value = _CHOSEN, chosen.name.removeprefix(_PREFIX)
    if channels_first and len(chosen.type.tensor_type.shape.dim) == 4:
        output = joined.graph.output[0]
        joined.graph.node.append(helper.make_node("Transpose", [output.name], ["map"], perm=[0, 2, 3, 1]))
        dims = [dim.dim_value or None for dim in output.type.tensor_type.shape.dim]
        del joined.graph.output[:]
        joined.graph.output.append(
            helper.make_tensor_value_info("map", onnx.TensorProto.FLOAT, [None, dims[2], dims[3], dims[1]])
        )
    return joined


def _features_of(
    spec: BackboneSpec, body: onnx.ModelProto, entrance: str, image_size: int, channels_first: bool
) -> int:
    """The place of that output of an ONNX network, for images of a side, that its features are."""
    with _naming(spec):
        network = ov.Core().read_model(body.SerializeToString())
        network.reshape(
            {entrance: [1, 3, image_size, image_size] if channels_first else [1, image_size, image_size, 3]}
        )
    found, nodes = [], []
    for value in body.graph.output:
        port = network.output(value.name)
        shape = [length.get_length() if length.is_static else 0 for length in port.get_partial_shape()][1:]
        if channels_first and len(shape) == 3:
            shape = [*shape[1:], shape[0]]
        found.append(
            Output(value.name.removeprefix(_PREFIX), tuple(shape), port.get_element_type().is_real())
        )
        nodes.append(port.get_node().input_value(0).get_node())
    return choose_output(found, spec.typed, spec.named, leads_in_openvino(nodes))


@contextlib.contextmanager
def _naming(spec: BackboneSpec) -> Iterator[None]:
    """Let what OpenVINO cannot read be told by the file's name."""
    try:
        yield
    except RuntimeError as error:
        # OpenVINO's first lines are places in its own source; the reason comes last.
        raise AgeLensError(f"{spec.file} cannot be used: {last_line(error)}.") from None


def _free_batch(value: onnx.ValueInfoProto) -> None:
    """Let the first axis of an input or output be of any length."""
    if value.type.tensor_type.shape.dim:
        value.type.tensor_type.shape.dim[0].Clear()
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
