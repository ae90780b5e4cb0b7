"""Networks that learned faces elsewhere, taken from a file as a Keras model whose layers can go on learning.

Two kinds of file are read: Keras's old ``.h5`` and ONNX. Neither is executed: the layers are built anew from what the
file says of them, one by one, and a layer that is not listed here is refused. Old Keras files of FaceNet keep a
multiplication as marshalled Python code; it is replaced by what it computes, from its recorded factor.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import onnx
from onnx import numpy_helper

from agelens.errors import AgeLensError
from agelens.models.layers import GroupedConv2D
from agelens.models.onnx_files import read_onnx
from agelens.utils.onnx_digests import digest_network
from agelens.utils.reasons import first_line

Array = np.ndarray


@dataclass(frozen=True)
class Encoder:
    """A network from scaled pixels to maps of features at several resolutions.

    Attributes:
        name: of its file.
        digest: SHA-256 of its file.
        image_size: pixels of the square input.
        model: float32 (faces, side, side, 3), scaled as it was trained, to its last map.
        first, last: for each resolution that all data pass through, from fine to coarse, the first and the last
            tensor of that resolution, of the widest if they differ in width, (faces, height, width, channels).
    """

    name: str
    digest: str
    image_size: int
    model: keras.Model
    first: tuple[keras.KerasTensor, ...]
    last: tuple[keras.KerasTensor, ...]


def read_encoder(path: Path, image_size: int | None = None) -> Encoder:
    """Read a face network from ``.h5`` or ``.onnx``; what stands behind its last map (an embedding) is left out.

    Args:
        image_size: pixels of the square input; None is what the file says.

    Raises:
        AgeLensError: no such file, not such a file, or a layer that is not known here.
    """
    if not path.is_file():
        raise AgeLensError(f"The network {path} does not exist; give a file with --pretrained.")
    readers: dict[str, Callable[[Path, int | None], keras.Model]] = {".h5": _read_keras, ".onnx": _read_onnx}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise AgeLensError(f"{path} is neither a .h5 nor an .onnx file.")
    try:
        model = reader(path, image_size)
    except (OSError, KeyError, ValueError) as error:
        raise AgeLensError(f"{path} cannot be read as a network: {first_line(error)}.") from None
    image_size = model.input_shape[1]
    if model.input_shape != (None, image_size, image_size, 3):
        raise AgeLensError(f"{path} does not take square images of three channels: {model.input_shape}.")
    first, last = _resolutions(model)
    return Encoder(path.name, digest_network(path), image_size, model, first, last)


def _resolutions(model: keras.Model) -> tuple[tuple[keras.KerasTensor, ...], tuple[keras.KerasTensor, ...]]:
    first: dict[int, keras.KerasTensor] = {}
    last: dict[int, keras.KerasTensor] = {}
    for layer in _intermediate_layers(model):
        tensor = layer.output
        # A map with zeros around it is on its way into a convolution.
        if len(tensor.shape) == 4 and not isinstance(layer, keras.layers.ZeroPadding2D):
            first.setdefault(tensor.shape[1], tensor)
            before = last.get(tensor.shape[1])
            # A narrow map at the end prepares an embedding and tells less than the wide one before it.
            if before is None or tensor.shape[-1] >= before.shape[-1]:
                last[tensor.shape[1]] = tensor
    # A resolution that only one tensor has is a step on the way to the next, not a stage of the network.
    stages = [size for size in first if first[size] is not last[size]]
    return tuple(first[size] for size in stages), tuple(last[size] for size in stages)


def _intermediate_layers(model: keras.Model) -> Iterator[keras.layers.Layer]:
    """The layers on whose outputs alone everything behind them depends, in order: no branch or shortcut passes by."""
    layers = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    order = {id(layer.output): number for number, layer in enumerate(layers)}
    furthest = list(range(len(layers)))
    for number, layer in enumerate(layers):
        for tensor in keras.tree.flatten(layer.input):
            source = order.get(id(tensor))
            if source is not None:
                furthest[source] = number
    reach = -1
    for number, layer in enumerate(layers):
        if reach <= number:
            yield layer
        reach = max(reach, furthest[number])


def _pixels(shape: tuple[int, ...], image_size: int | None) -> keras.KerasTensor:
    return keras.Input(shape if image_size is None else (image_size, image_size, shape[2]), name="pixels")


# --- Keras's old files ------------------------------------------------------------------------------------------


def _read_keras(path: Path, image_size: int | None) -> keras.Model:
    with h5py.File(path) as file:
        configuration = file.attrs.get("model_config")
        if configuration is None:
            raise ValueError("it holds weights alone, without their layers")
        entries = json.loads(configuration)["config"]["layers"]
        tensors: dict[str, keras.KerasTensor] = {}
        maps: list[keras.KerasTensor] = []
        start = None
        for entry in entries:
            name, kind, config = entry["name"], entry["class_name"], entry["config"]
            if kind == "InputLayer":
                shape = config.get("batch_input_shape") or config["batch_shape"]
                start = tensors[name] = _pixels(shape[1:], image_size)
                continue
            sources = [tensors[node[0]] for node in entry["inbound_nodes"][0]]
            output = _keras_layer(kind, name, config)(sources if len(sources) > 1 else sources[0])
            tensors[name] = output
            if len(output.shape) == 4:
                maps.append(output)
        if start is None or not maps:
            raise ValueError("it is not a network over images")
        model = keras.Model(start, maps[-1])
        for layer in model.layers:
            if layer.weights:
                stored = file["model_weights"][layer.name]
                layer.set_weights([stored[key][()] for key in stored.attrs["weight_names"]])
    return model


def _keras_layer(kind: str, name: str, config: dict[str, Any]) -> keras.layers.Layer:
    """A layer as an old file describes it; only what decides its output is taken over."""
    take = lambda *keys: {key: config[key] for key in keys if key in config}  # noqa: E731
    layers = keras.layers
    if kind == "Lambda":
        factors = config.get("arguments") or {}
        if set(factors) != {"scale"}:
            raise ValueError(f"{name} is code of which only its arguments {factors} are known")
        return layers.Rescaling(float(factors["scale"]), name=name)
    if kind == "BatchNormalization":
        axis = config["axis"]
        axis = axis[0] if isinstance(axis, list) else axis
        return layers.BatchNormalization(axis, **take("momentum", "epsilon", "center", "scale"), name=name)
    if kind == "Conv2D":
        options = take("filters", "kernel_size", "strides", "padding", "dilation_rate", "groups", "use_bias")
        return layers.Conv2D(**options, activation=config["activation"], name=name)
    if kind == "Dense":
        return layers.Dense(config["units"], config["activation"], use_bias=config["use_bias"], name=name)
    if kind in ("MaxPooling2D", "AveragePooling2D"):
        return getattr(layers, kind)(**take("pool_size", "strides", "padding"), name=name)
    simple: dict[str, Callable[[], keras.layers.Layer]] = {
        "Activation": lambda: layers.Activation(config["activation"], name=name),
        "Add": lambda: layers.Add(name=name),
        "Concatenate": lambda: layers.Concatenate(config["axis"], name=name),
        "Dropout": lambda: layers.Dropout(config["rate"], name=name),
        "Flatten": lambda: layers.Flatten(name=name),
        "GlobalAveragePooling2D": lambda: layers.GlobalAveragePooling2D(name=name),
    }
    if kind not in simple:
        raise ValueError(f"{name} is a {kind}, which is not known here")
    return simple[kind]()


# --- ONNX -------------------------------------------------------------------------------------------------------


def _read_onnx(path: Path, image_size: int | None) -> keras.Model:
    graph = read_onnx(path).graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in constants]
    shape = [dim.dim_value for dim in inputs[0].type.tensor_type.shape.dim] if len(inputs) == 1 else []
    if len(shape) != 4 or shape[1] != 3:
        raise ValueError("it does not take one batch of images, channels first")
    start = _pixels((shape[2], shape[3], 3), image_size)
    tensors: dict[str, keras.KerasTensor] = {inputs[0].name: start}
    weights: list[tuple[keras.layers.Layer, list[Array]]] = []
    last = start
    for node in graph.node:
        if node.op_type in ("Flatten", "Reshape", "GlobalAveragePool"):
            break
        sources = [tensors[name] for name in node.input if name in tensors]
        layer, values, padding = _onnx_layer(node, [constants[n] for n in node.input if n in constants])
        if padding != _NO_PADDING:
            sources = [keras.layers.ZeroPadding2D(padding)(sources[0])]
        last = tensors[node.output[0]] = layer(sources if len(sources) > 1 else sources[0])
        weights.append((layer, values))
    for layer, values in weights:
        layer.set_weights(values)
    return keras.Model(start, last)


# Pixels of zeros above, below, left and right of a map.
Padding = tuple[tuple[int, int], tuple[int, int]]
_NO_PADDING: Padding = ((0, 0), (0, 0))


def _onnx_layer(
    node: onnx.NodeProto, constants: list[Array]
) -> tuple[keras.layers.Layer, list[Array], Padding]:
    """A layer, its weights turned to channels last, and the zeros that go around its input."""
    settings = {entry.name: onnx.helper.get_attribute_value(entry) for entry in node.attribute}
    layers = keras.layers
    if node.op_type == "Conv":
        return _onnx_conv(node.name, settings, constants)
    if node.op_type == "PRelu":
        return layers.PReLU(shared_axes=[1, 2]), [constants[0].reshape(1, 1, -1)], _NO_PADDING
    if node.op_type == "BatchNormalization":
        return layers.BatchNormalization(epsilon=settings.get("epsilon", 1e-5)), constants, _NO_PADDING
    if node.op_type == "Relu" and not constants:
        return layers.ReLU(), [], _NO_PADDING
    if node.op_type == "Clip" and len(constants) == 2 and constants[0] == 0:
        return layers.ReLU(max_value=float(constants[1])), [], _NO_PADDING
    if node.op_type == "Add" and not constants:
        return layers.Add(), [], _NO_PADDING
    raise ValueError(f"{node.name} is a {node.op_type}, which is not known here")


def _onnx_conv(
    name: str, settings: dict[str, Any], constants: list[Array]
) -> tuple[keras.layers.Layer, list[Array], Padding]:
    kernel, bias = constants[0], constants[1:]
    strides = set(settings.get("strides", [1]))
    if len(strides) != 1 or set(settings.get("dilations", [1])) != {1}:
        raise ValueError(f"{name} moves unevenly, which is not known here")
    top, left, bottom, right = settings.get("pads", [0] * 4)
    padding = ((top, bottom), (left, right))
    outputs, inputs, height, width = kernel.shape
    groups = settings.get("group", 1)
    options: dict[str, Any] = {"strides": strides.pop(), "use_bias": bool(bias)}
    if groups == outputs and inputs == 1 and groups > 1:
        layer = keras.layers.DepthwiseConv2D((height, width), **options)
        return layer, [kernel.transpose(2, 3, 0, 1), *bias], padding
    layer = (
        GroupedConv2D(outputs, (height, width), groups, **options)
        if groups > 1
        else keras.layers.Conv2D(outputs, (height, width), **options)
    )
    return layer, [kernel.transpose(2, 3, 1, 0), *bias], padding
