"""From RGB bytes to what a network expects, as Keras layers and as an ONNX graph."""

from dataclasses import dataclass

import keras
import numpy as np
import onnx
from onnx import helper, numpy_helper

from agelens.models.onnx_files import INPUT, IR_VERSION, OPSET

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Scaling:
    """From RGB bytes to what a network expects: ``channels * scale + offset``, after turning RGB into BGR if asked.

    Attributes:
        bgr: the network was trained on blue, green, red.
        scale, offset: one number for each channel, in the network's own order of channels.
    """

    bgr: bool
    scale: tuple[float, float, float]
    offset: tuple[float, float, float]


# The names are those of keras.applications.imagenet_utils.preprocess_input, whose results these equal.
SCALINGS = {
    "raw": Scaling(False, (1.0,) * 3, (0.0,) * 3),
    "unit": Scaling(False, (1 / 255,) * 3, (0.0,) * 3),
    "tf": Scaling(False, (1 / 127.5,) * 3, (-1.0,) * 3),
    "caffe": Scaling(True, (1.0,) * 3, (-103.939, -116.779, -123.68)),
    "torch": Scaling(
        False,
        tuple(1 / (255 * s) for s in _STD),  # type: ignore[arg-type]
        tuple(-m / s for m, s in zip(_MEAN, _STD, strict=True)),  # type: ignore[arg-type]
    ),
}


def scale_layers(scaling: Scaling, faces: keras.KerasTensor) -> keras.KerasTensor:
    """Apply a scaling to RGB bytes inside a network; gives float32."""
    pixels = keras.ops.cast(faces, "float32")
    if scaling.bgr:
        pixels = keras.ops.flip(pixels, axis=-1)
    if scaling == SCALINGS["raw"]:
        return pixels
    return keras.layers.Rescaling(list(scaling.scale), offset=list(scaling.offset))(pixels)


def scaling_graph(name: str, side: int, channels_first: bool) -> onnx.ModelProto:
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
