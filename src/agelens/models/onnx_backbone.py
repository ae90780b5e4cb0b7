"""Networks in portable form: Keras to OpenVINO for the feature pass, Keras to ONNX for bundles, and ONNX surgery.

Whatever form, a network here takes plain RGB bytes, uint8 (faces, side, side, 3), under the name ``faces``.
"""

import contextlib
import logging
import shutil
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import keras
import numpy as np
import onnx
import openvino as ov
from onnx import compose, helper, numpy_helper, version_converter

from agelens.errors import AgeLensError
from agelens.models.backbones import Backbone, Shape
from agelens.models.outputs import Output, choose_output, leads_in_openvino, only_features
from agelens.models.registry import SCALINGS, BackboneSpec
from agelens.utils.environment import made_with
from agelens.utils.files import digest_json, replacing_file, replacing_folder

INPUT = "faces"
# Understood by every runtime of the last years and by OpenVINO; files in older dialects are converted to it.
OPSET = 18
IR_VERSION = 9
_PREFIX, _CHOSEN = "backbone/", "features"
# Count it up when the same network gives other features, so that none of the old ones are taken.
CONVERSION = 2


@contextlib.contextmanager
def _muffled() -> Iterator[None]:
    """Keep the converters' chatter (deprecations inside them, lists of nodes) from the person."""
    loggers = [logging.getLogger(name) for name in ("tf2onnx", "tensorflow", "absl")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


def to_openvino(backbone: Backbone, folder: Path) -> ov.Model:
    """The backbone as an OpenVINO model; a Keras one is converted once and kept in ``folder``.

    Returns:
        a model from uint8 (faces, side, side, 3) to float32 (faces, height, width, channels) or (faces, channels).
    """
    core = ov.Core()
    if backbone.model is None:
        assert backbone.spec.file is not None
        composed = scaled_onnx(backbone.spec, backbone.side)
        return core.read_model(composed.SerializeToString())
    made_by = digest_json([backbone.digest, CONVERSION, made_with("keras", "openvino")])[:16]
    kept = folder / f"{backbone.spec.name}-{backbone.side}-{made_by}"
    if not (kept / "backbone.xml").exists():
        with replacing_folder(kept) as temporary:
            _convert(backbone.model, backbone.spec.name, temporary / "backbone.xml", kept)
    return core.read_model(kept / "backbone.xml")


def _convert(model: keras.Model, name: str, target: Path, shown: Path) -> None:
    """Write a Keras model as OpenVINO reads it, with its features as its only output."""
    converted = target.parent / "converted"
    converted.mkdir()
    try:
        with _muffled():
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


def pooled(model: ov.Model) -> ov.Model:
    """The same model with its map averaged over height and width; a model that gives vectors stays as it is."""
    if len(model.outputs[0].get_partial_shape()) == 2:
        return model
    # The Result's own input is the map; a new Result behind a mean replaces it.
    source = model.get_results()[0].input(0).get_source_output()
    mean = ov.opset13.reduce_mean(source, np.array([1, 2], np.int64), keep_dims=False)
    return ov.Model([ov.opset13.result(mean)], model.get_parameters(), "pooled")


def export_onnx(model: keras.Model, outputs: str | Sequence[str], target: Path) -> None:
    """Write a Keras model as ONNX, with its input called ``faces`` and its outputs by the names given, in order.

    Raises:
        AgeLensError: the converter of the Keras backend in use is not installed.
    """
    # Keras exports only what has run once, and a network that was loaded has not.
    model(np.zeros((1, *model.input_shape[1:]), model.inputs[0].dtype))
    with replacing_file(target) as temporary, _muffled():
        try:
            model.export(str(temporary), format="onnx", opset_version=OPSET, verbose=False)
        except ImportError as error:
            raise AgeLensError(
                f"Writing ONNX with the Keras backend {keras.backend.backend()} needs a package "
                f"that is missing ({error}): tf2onnx for TensorFlow, jax2onnx for JAX, onnxscript for PyTorch."
            ) from None
        written = onnx.load(temporary)
        _rename(written.graph, written.graph.input[0].name, INPUT)
        for value, name in zip(
            written.graph.output, [outputs] if isinstance(outputs, str) else outputs, strict=True
        ):
            _rename(written.graph, value.name, name)
        onnx.save(written, temporary)


def append_onnx(spec: BackboneSpec, side: int, head: Path, target: Path) -> None:
    """Join a backbone that is an ONNX file, its scaling, and a head that `export_onnx` wrote, into one file."""
    first = scaled_onnx(spec, side)
    second = _modern(onnx.load(head))
    second = compose.add_prefix(second, "head/", rename_inputs=True, rename_outputs=False)
    joined = compose.merge_models(
        first, second, io_map=[(first.graph.output[0].name, second.graph.input[0].name)]
    )
    with replacing_file(target) as temporary:
        onnx.save(joined, temporary)


def inspect_onnx(spec: BackboneSpec, side: int) -> tuple[int, Shape, str]:
    """How many numbers an ONNX backbone holds, the shape of its features, and their output's name if it has several."""
    model = scaled_onnx(spec, side)
    parameters = sum(int(np.prod(tensor.dims)) for tensor in model.graph.initializer)
    with _naming(spec):
        network = ov.Core().read_model(model.SerializeToString())
        network.reshape([1, side, side, 3])
    shape = tuple(int(length) for length in network.outputs[0].get_shape()[1:])
    if len(shape) not in (1, 3):
        raise AgeLensError(f"{spec.file} gives features of shape {shape}, not a map or a vector.")
    return (
        parameters,
        shape,
        next((entry.value for entry in model.metadata_props if entry.key == _CHOSEN), ""),
    )


def read_onnx(path: Path) -> onnx.ModelProto:
    """Read and check an ONNX file, brought to OPSET.

    Raises:
        AgeLensError: it is not one.
    """
    try:
        network = _modern(onnx.load(path))
        onnx.checker.check_model(network)
    except (onnx.checker.ValidationError, ValueError, OSError, RuntimeError) as error:
        raise AgeLensError(f"{path} is not a usable ONNX file: {str(error).splitlines()[0]}") from None
    except Exception as error:
        # protobuf's DecodeError derives from Exception itself and lives under two names, by implementation.
        if type(error).__name__ != "DecodeError":
            raise
        raise AgeLensError(f"{path} is not an ONNX file.") from None
    return network


def scaled_onnx(spec: BackboneSpec, side: int) -> onnx.ModelProto:
    """An ONNX backbone with its scaling before it and its map, if it gives one, in height, width, channels behind."""
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
    if any(length not in (0, side) for length in declared):
        raise AgeLensError(
            f"{spec.file} takes images of {declared[1]} x {declared[0]} pixels, not {side}; say @{declared[0]}."
        )
    _free_batch(inputs[0])
    for value in body.graph.output:
        _free_batch(value)
    before = _scaling_graph(spec.scaling, side, channels_first)
    chosen = body.graph.output[_features_of(spec, body, inputs[0].name, side, channels_first)]
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
    spec: BackboneSpec, body: onnx.ModelProto, entrance: str, side: int, channels_first: bool
) -> int:
    """The place of that output of an ONNX network, for images of a side, that its features are."""
    with _naming(spec):
        network = ov.Core().read_model(body.SerializeToString())
        network.reshape({entrance: [1, 3, side, side] if channels_first else [1, side, side, 3]})
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
        reason = str(error).strip().splitlines()[-1]
        raise AgeLensError(f"{spec.file} cannot be used: {reason}") from None


def _scaling_graph(name: str, side: int, channels_first: bool) -> onnx.ModelProto:
    scaling = SCALINGS[name]
    constants: dict[str, np.ndarray] = {
        "scale": np.array(scaling.scale, np.float32),
        "offset": np.array(scaling.offset, np.float32),
        "order": np.array([2, 1, 0] if scaling.bgr else [0, 1, 2], np.int64),
    }
    nodes = [
        helper.make_node("Cast", [INPUT], ["pixels"], to=onnx.TensorProto.FLOAT),
        helper.make_node("Gather", ["pixels", "order"], ["ordered"], axis=3),
        helper.make_node("Mul", ["ordered", "scale"], ["product"]),
        helper.make_node("Add", ["product", "offset"], ["sum"]),
        helper.make_node("Transpose", ["sum"], ["scaled"], perm=[0, 3, 1, 2])
        if channels_first
        else helper.make_node("Identity", ["sum"], ["scaled"]),
    ]
    shape = [None, 3, side, side] if channels_first else [None, side, side, 3]
    graph = helper.make_graph(
        nodes,
        "scaling",
        [helper.make_tensor_value_info(INPUT, onnx.TensorProto.UINT8, [None, side, side, 3])],
        [helper.make_tensor_value_info("scaled", onnx.TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(array, key) for key, array in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)


def _modern(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model in OPSET and IR_VERSION, so that graphs from different tools can be joined."""
    opset = next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    if opset != OPSET:
        model = version_converter.convert_version(model, OPSET)
    model.ir_version = IR_VERSION
    return model


def _free_batch(value: onnx.ValueInfoProto) -> None:
    """Let the first axis of an input or output be of any length."""
    if value.type.tensor_type.shape.dim:
        value.type.tensor_type.shape.dim[0].Clear()
        value.type.tensor_type.shape.dim[0].dim_param = "batch"


def _rename(graph: onnx.GraphProto, old: str, new: str) -> None:
    for value in (*graph.input, *graph.output, *graph.value_info):
        if value.name == old:
            value.name = new
    for node in graph.node:
        node.input[:] = [new if name == old else name for name in node.input]
        node.output[:] = [new if name == old else name for name in node.output]
