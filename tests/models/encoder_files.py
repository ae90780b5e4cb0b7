"""Small face networks as files: what a stranger's .h5 and .onnx look like, with the layers of the real ones."""

import base64
import json
import marshal
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import onnx
from onnx import helper, numpy_helper

IMAGE_SIZE = 32


def write_h5(path: Path, code: str = "lambda x, scale: x * scale", arguments: Any = None) -> Path:
    """An old Keras file: convolutions, batch normalisation with a list for its axis, and a residual with a Lambda."""
    chance = np.random.default_rng(1)
    layers: list[dict[str, Any]] = []
    weights: dict[str, list[tuple[str, np.ndarray]]] = {}

    def add(kind: str, name: str, sources: list[str], config: dict[str, Any]) -> str:
        nodes = [[[source, 0, 0, {}] for source in sources]] if sources else []
        layers.append(
            {"class_name": kind, "name": name, "config": {"name": name, **config}, "inbound_nodes": nodes}
        )
        return name

    def convolution(name: str, source: str, inputs: int, outputs: int, size: int, stride: int) -> str:
        add(
            "Conv2D", name, [source],
            {"filters": outputs, "kernel_size": [size, size], "strides": [stride, stride], "padding": "same",
             "use_bias": False, "activation": "linear"},
        )  # fmt: skip
        weights[name] = [("kernel:0", chance.normal(0, 0.3, (size, size, inputs, outputs)).astype("f4"))]
        add(
            "BatchNormalization", f"{name}_bn", [name],
            {"axis": [3], "momentum": 0.99, "epsilon": 1e-3, "center": True, "scale": False},
        )  # fmt: skip
        weights[f"{name}_bn"] = [
            ("beta:0", chance.normal(0, 0.1, outputs).astype("f4")),
            ("moving_mean:0", chance.normal(0, 0.1, outputs).astype("f4")),
            ("moving_variance:0", chance.uniform(0.5, 1.5, outputs).astype("f4")),
        ]
        return add("Activation", f"{name}_relu", [f"{name}_bn"], {"activation": "relu"})

    add("InputLayer", "input_1", [], {"batch_input_shape": [None, IMAGE_SIZE, IMAGE_SIZE, 3]})
    tip = convolution("stem", "input_1", 3, 8, 3, 2)
    tip = convolution("fine", tip, 8, 8, 3, 1)
    tip = convolution("down", tip, 8, 16, 3, 2)
    branch = convolution("branch", tip, 16, 16, 3, 1)
    function = base64.b64encode(marshal.dumps(eval(code).__code__)).decode()
    add(
        "Lambda", "scaled", [branch],
        {"function": [function, None, None], "arguments": {"scale": 0.2} if arguments is None else arguments},
    )  # fmt: skip
    tip = add("Add", "sum", [tip, "scaled"], {})
    tip = convolution("last", tip, 16, 24, 3, 2)
    tip = convolution("last_2", tip, 24, 24, 3, 1)
    add("GlobalAveragePooling2D", "pool", [tip], {})
    add("Dense", "embedding", ["pool"], {"units": 4, "activation": "linear", "use_bias": False})
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps({"class_name": "Functional", "config": {"layers": layers}})
        for name, arrays in weights.items():
            group = file.create_group(f"model_weights/{name}")
            group.attrs["weight_names"] = [key for key, _ in arrays]
            for key, array in arrays:
                group[key] = array
    return path


def write_onnx(path: Path, extra: str = "", mobile: bool = False) -> Path:
    """Convolutions with PReLU, depthwise and grouped ones, a shortcut, and an embedding behind.

    Args:
        mobile: as EfficientNet-Lite has them, cut off at 6 instead of PReLU, and steps of 2 padded on one side.
    """
    chance = np.random.default_rng(2)
    nodes, constants = [], []

    def constant(name: str, shape: tuple[int, ...]) -> str:
        constants.append(numpy_helper.from_array(chance.normal(0, 0.3, shape).astype("f4"), name))
        return name

    def convolution(
        source: str, name: str, outputs: int, inputs: int, stride: int = 1, groups: int = 1
    ) -> str:
        kernel = constant(f"{name}_kernel", (outputs, inputs // groups, 3, 3))
        nodes.append(
            helper.make_node(
                "Conv", [source, kernel, constant(f"{name}_bias", (outputs,))], [name], name=name,
                kernel_shape=[3, 3], strides=[stride] * 2, pads=[0, 0, 1, 1] if mobile and stride == 2 else [1] * 4,
                group=groups,
            )
        )  # fmt: skip
        if mobile:
            nodes.append(helper.make_node("Clip", [name, "least", "most"], [f"{name}_on"]))
            return f"{name}_on"
        nodes.append(
            helper.make_node("PRelu", [name, constant(f"{name}_slope", (outputs, 1, 1))], [f"{name}_on"])
        )
        return f"{name}_on"

    constants += [
        numpy_helper.from_array(np.array(value, "f4"), name)
        for name, value in (("least", 0), ("most", 6))
        if mobile
    ]
    tip = convolution("x", "stem", 8, 3, 2)
    tip = convolution(tip, "grouped", 8, 8, 1, 4)
    tip = convolution(tip, "down", 16, 8, 2)
    branch = convolution(tip, "depth", 16, 16, 1, 16)
    nodes.append(helper.make_node("Add", [tip, branch], ["sum"]))
    tip = convolution("sum", "last", 24, 16, 2)
    tip = convolution(tip, "last_2", 24, 24, 1)
    if extra:
        nodes.append(helper.make_node(extra, [tip], ["odd"], name="odd"))
        tip = "odd"
    nodes.append(helper.make_node("Flatten", [tip], ["flat"]))
    nodes.append(helper.make_node("Gemm", ["flat", constant("w", (24 * 16, 4))], ["embedding"]))
    values = [
        helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [None, 3, IMAGE_SIZE, IMAGE_SIZE]),
        helper.make_tensor_value_info("embedding", onnx.TensorProto.FLOAT, [None, 4]),
    ]
    graph = helper.make_graph(nodes, "face", values[:1], values[1:], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=7), path)
    return path
