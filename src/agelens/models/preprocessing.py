"""From RGB bytes to what a network expects, as Keras layers and as an ONNX graph."""

from dataclasses import dataclass

import keras
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from agelens.models.onnx_files import INPUT, IR_VERSION, OPSET

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Preprocessing:
    """From RGB bytes to what a network expects: ``channels * scale + offset``, after turning RGB into BGR if asked.

    Attributes:
        bgr: the network was trained on blue, green, red.
        scale, offset: one number for each channel, in the network's own order of channels.
    """

    bgr: bool
    scale: tuple[float, float, float]
    offset: tuple[float, float, float]

    def apply(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return RGB bytes, uint8 (..., 3), as a network expects them: float32 of the same shape."""
        channels = images[..., ::-1] if self.bgr else images
        scale, offset = np.array(self.scale, np.float32), np.array(self.offset, np.float32)
        return channels.astype(np.float32) * scale + offset


# The names are those of keras.applications.imagenet_utils.preprocess_input, whose results these equal.
PREPROCESSINGS = {
    "raw": Preprocessing(False, (1.0,) * 3, (0.0,) * 3),
    "unit": Preprocessing(False, (1 / 255,) * 3, (0.0,) * 3),
    "tf": Preprocessing(False, (1 / 127.5,) * 3, (-1.0,) * 3),
    "caffe": Preprocessing(True, (1.0,) * 3, (-103.939, -116.779, -123.68)),
    "torch": Preprocessing(
        False,
        tuple(1 / (255 * s) for s in _STD),  # type: ignore[arg-type]
        tuple(-m / s for m, s in zip(_MEAN, _STD, strict=True)),  # type: ignore[arg-type]
    ),
}


def preprocessing_layers(preprocessing: Preprocessing, faces: keras.KerasTensor) -> keras.KerasTensor:
    """Apply a preprocessing to RGB bytes inside a network; gives float32."""
    pixels = keras.ops.cast(faces, "float32")
    if preprocessing.bgr:
        pixels = keras.ops.flip(pixels, axis=-1)
    if preprocessing == PREPROCESSINGS["raw"]:
        return pixels
    return keras.layers.Rescaling(list(preprocessing.scale), offset=list(preprocessing.offset))(pixels)


def preprocessing_graph(name: str, image_size: int, channels_first: bool) -> onnx.ModelProto:
    preprocessing = PREPROCESSINGS[name]
    constants: dict[str, np.ndarray] = {
        "scale": np.array(preprocessing.scale, np.float32),
        "offset": np.array(preprocessing.offset, np.float32),
        "order": np.array([2, 1, 0] if preprocessing.bgr else [0, 1, 2], np.int64),
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
    shape = [None, 3, image_size, image_size] if channels_first else [None, image_size, image_size, 3]
    graph = helper.make_graph(
        nodes,
        "preprocessing",
        [helper.make_tensor_value_info(INPUT, onnx.TensorProto.UINT8, [None, image_size, image_size, 3])],
        [helper.make_tensor_value_info("scaled", onnx.TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(array, key) for key, array in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
