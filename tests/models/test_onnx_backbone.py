"""A backbone that is an ONNX file, from features to the bundle's network."""

from pathlib import Path

import keras
import numpy as np
import onnx
import openvino as ov
import pandas as pd
import pytest
from onnx import helper, numpy_helper

from agelens.data.loaders import read_faces_at
from agelens.errors import AgeLensError
from agelens.export.onnx import append_onnx
from agelens.models.backbones import build_backbone
from agelens.models.heads import build_head
from agelens.models.onnx_files import export_onnx
from agelens.models.preprocessing import PREPROCESSINGS
from agelens.models.registry import find_backbone
from agelens.training.feature_cache import extract
from agelens.training.recipes import comparison_recipe

KERNEL = np.random.default_rng(0).normal(size=(5, 3, 4, 4)).astype(np.float32)


def write_convolution(path: Path, channels_first: bool, opset: int) -> None:
    """An ONNX file of one 4x4 convolution with stride 4 and five channels, for a batch of one."""
    nodes = [helper.make_node("Conv", ["x", "kernel"], ["y"], strides=[4, 4])]
    shapes = {"x": [1, 3, 32, 32], "y": [1, 5, 8, 8]}
    if not channels_first:
        nodes = [
            helper.make_node("Transpose", ["image"], ["x"], perm=[0, 3, 1, 2]),
            *nodes,
            helper.make_node("Transpose", ["y"], ["map"], perm=[0, 2, 3, 1]),
        ]
        shapes = {"image": [1, 32, 32, 3], "map": [1, 8, 8, 5]}
    values = [
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name, shape in shapes.items()
    ]
    graph = helper.make_graph(nodes, "g", values[:1], values[1:], [numpy_helper.from_array(KERNEL, "kernel")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.save(model, path)


def by_hand(faces: np.ndarray, preprocessing: str) -> np.ndarray:
    """The same convolution in NumPy, from bytes: blocks of 4x4 pixels times the kernel."""
    rule = PREPROCESSINGS[preprocessing]
    pixels = faces.astype(np.float64)[..., ::-1] if rule.bgr else faces.astype(np.float64)
    pixels = pixels * rule.scale + rule.offset
    blocks = pixels.reshape(len(faces), 8, 4, 8, 4, 3)
    return np.einsum("nhiwjc,ocij->nhwo", blocks, KERNEL)


@pytest.mark.parametrize("channels_first", [True, False])
@pytest.mark.parametrize(("preprocessing", "opset"), [("tf", 13), ("caffe", 18)])
def test_an_onnx_file_is_a_backbone(
    channels_first: bool, preprocessing: str, opset: int, table: pd.DataFrame, tmp_path: Path
) -> None:
    file = tmp_path / "mine.onnx"
    write_convolution(file, channels_first, opset)
    backbone = build_backbone(find_backbone(f"{file}@32:{preprocessing}"))
    assert backbone.feature_shape == (8, 8, 5)
    features = extract(backbone, table.iloc[:6], "f32", cache=tmp_path / "cache")
    expected = by_hand(read_faces_at(table["path"].tolist()[:6], 32), preprocessing)
    np.testing.assert_allclose(features.read(slice(None)), expected, rtol=1e-4, atol=1e-3)


def test_a_side_that_the_file_does_not_take_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "mine.onnx"
    write_convolution(file, True, 13)
    with pytest.raises(AgeLensError, match="32 x 32 pixels, not 64; say @32"):
        build_backbone(find_backbone(f"{file}@64:tf"))


def test_scaling_is_part_of_what_features_are_kept_under(table: pd.DataFrame, tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    mine = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Conv2D(4, 3, strides=4)])
    file, cache = tmp_path / "mine.keras", tmp_path / "cache"
    mine.save(file)
    for preprocessing in ("tf", "caffe"):
        backbone = build_backbone(find_backbone(f"{file}@32:{preprocessing}"))
        assert backbone.model is not None
        expected = backbone.model.predict(read_faces_at(table["path"].tolist()[:3], 32), verbose=0)
        ours = extract(backbone, table.iloc[:3], "f32", cache=cache).read(slice(None))
        np.testing.assert_allclose(ours, expected, rtol=1e-3, atol=1e-3)


def test_an_onnx_backbone_and_a_head_become_one_network(table: pd.DataFrame, tmp_path: Path) -> None:
    file = tmp_path / "mine.onnx"
    write_convolution(file, True, 13)
    spec = find_backbone(f"{file}@32:tf")
    head = build_head(comparison_recipe("age", "flatten", 1), (8, 8, 5))
    export_onnx(head, "age_years", tmp_path / "head.onnx")
    append_onnx(spec, 32, tmp_path / "head.onnx", tmp_path / "whole.onnx")
    network = ov.Core().compile_model(
        str(tmp_path / "whole.onnx"), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    assert [port.get_any_name() for port in network.inputs] == ["faces"]
    assert [port.get_any_name() for port in network.outputs] == ["age_years"]
    faces = read_faces_at(table["path"].tolist()[:5], 32)
    expected = head.predict(by_hand(faces, "tf").astype(np.float32), verbose=0)
    np.testing.assert_allclose(network([faces])[0], expected, rtol=1e-4, atol=1e-4)
