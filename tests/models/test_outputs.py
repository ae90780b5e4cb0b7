"""Networks with several outputs: the features are those of the right layer, in every form of file."""

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
from agelens.models.backbones import build_backbone
from agelens.models.onnx_files import export_onnx
from agelens.models.outputs import Output, choose_output, only_features
from agelens.models.registry import find_backbone
from agelens.training.feature_cache import extract

IMAGE_SIZE = 32
FINE, COARSE, POOLED, ANSWER = (
    Output("fine", (16, 16, 24)),
    Output("coarse", (8, 8, 12)),
    Output("avg-pool", (1, 1, 12)),
    Output("answer", (10,)),
)


@pytest.mark.parametrize(
    ("outputs", "right"),
    [
        ([ANSWER], ANSWER),
        ([ANSWER, COARSE], COARSE),
        ([FINE, COARSE, ANSWER], COARSE),
        ([COARSE, FINE, POOLED], COARSE),
        ([POOLED, Output("label", (), numbers=False)], POOLED),
        ([Output("narrow", (8, 8, 4)), COARSE], COARSE),
        ([Output("places", (8, 8, 900), numbers=False), FINE], FINE),
        ([Output("tokens", (49, 768)), ANSWER], ANSWER),
    ],
)
def test_the_map_at_the_end_is_taken(outputs: list[Output], right: Output) -> None:
    assert outputs[choose_output(outputs, "mine.onnx@32:tf")] is right


@pytest.mark.parametrize(
    "outputs", [[ANSWER, Output("embedding", (512,))], [COARSE, Output("other", (8, 8, 12))]]
)
def test_what_cannot_be_told_apart_is_asked_for(outputs: list[Output]) -> None:
    with pytest.raises(AgeLensError, match=r"gives .*(10|8 x 8 x 12).*name one, as mine\.onnx@32:tf:"):
        choose_output(outputs, "mine.onnx@32:tf")
    for number, output in enumerate(outputs):
        assert choose_output(outputs, "mine.onnx@32:tf", output.name) == number


def test_of_equals_the_last_map_and_the_first_vector_are_taken() -> None:
    """What comes after a map is nearer the end; what comes after a vector is an answer."""

    def in_order(first: int, second: int) -> bool:
        return first > second

    maps = [COARSE, Output("before", (8, 8, 12)), Output("first", (8, 8, 12))]
    assert choose_output(maps, "mine", leads=in_order) == 0
    vectors = [ANSWER, Output("scores", (10,)), Output("embedding", (512,))]
    assert choose_output(vectors, "mine", leads=in_order) == 2
    with pytest.raises(AgeLensError, match="not clear"):
        choose_output([ANSWER, Output("gender", (1,))], "mine", leads=lambda first, second: False)


def several(order: tuple[str, ...]) -> keras.Model:
    """Swish, whose converted form has outputs of its own; a fine map, a coarse one, their mean and an answer."""
    keras.utils.set_random_seed(0)
    pixels = keras.Input((IMAGE_SIZE, IMAGE_SIZE, 3))
    tip = keras.layers.Conv2D(24, 3, 2, "same", activation="silu")(pixels)
    tensors = {"fine": tip}
    tip = keras.layers.Conv2D(12, 3, 2, "same", activation="silu")(tip)
    # Of the same shape as the features, and not they.
    tip = keras.layers.Conv2D(12, 1, activation="silu")(tip)
    tensors["coarse"] = tip = keras.layers.Conv2D(12, 1, activation="silu")(tip)
    tensors["avg-pool"] = keras.layers.GlobalAveragePooling2D(keepdims=True)(tip)
    tensors["answer"] = keras.layers.Dense(10, activation="softmax")(keras.layers.Flatten()(tip))
    named = [keras.layers.Identity(name=name)(tensors[name]) for name in order]
    return keras.Model(pixels, named if len(named) > 1 else named[0])


def vectors(order: tuple[str, ...], named: bool) -> keras.Model:
    """An embedding, two answers from it of which one is the other after a softmax, and one from elsewhere."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    pixels = keras.Input((IMAGE_SIZE, IMAGE_SIZE, 3))
    tip = layers.Conv2D(8, 3, 2, "same", activation="silu")(pixels)
    tensors = {"embedding": layers.GlobalAveragePooling2D(name="embedding")(tip)}
    tensors["scores"] = layers.Dense(5, name="scores")(tensors["embedding"])
    tensors["answer"] = layers.Softmax(name="answer")(tensors["scores"])
    tensors["other"] = layers.Dense(5, name="other")(layers.Flatten()(tip))
    if named:
        tensors = {name: layers.Identity(name=f"{name}_given")(tensor) for name, tensor in tensors.items()}
    return keras.Model(pixels, [tensors[name] for name in order])


@pytest.mark.parametrize("suffix", [".keras", ".onnx"])
@pytest.mark.parametrize("named", [False, True])
def test_the_vector_that_answers_are_computed_from_is_taken(
    named: bool, suffix: str, table: pd.DataFrame, tmp_path: Path
) -> None:
    order = ("answer", "scores", "embedding")
    model = vectors(order, named)
    file = tmp_path / f"mine{suffix}"
    write(model, order, file)
    some = table.iloc[:4]
    pixels = read_faces_at(some["path"].tolist(), IMAGE_SIZE) / np.float32(255)
    backbone = build_backbone(find_backbone(f"{file}@{IMAGE_SIZE}:unit"))
    found = extract(backbone, some, "f32", cache=tmp_path / "cache").read(slice(None))
    np.testing.assert_allclose(found, model.predict(pixels, verbose=0)[2], rtol=1e-3, atol=1e-5)
    order = ("answer", "other", "embedding")
    write(vectors(order, named), order, file)
    with pytest.raises(
        AgeLensError, match=r"answer\w* \(5\), other\w* \(5\), embedding\w* \(8\), and it is not clear"
    ):
        build_backbone(find_backbone(f"{file}@{IMAGE_SIZE}:unit"))


def write(model: keras.Model, order: tuple[str, ...], file: Path) -> None:
    if file.suffix == ".keras":
        model.save(file)
    else:
        export_onnx(model, order, file)


ORDERS = [("coarse",), ("answer", "fine", "coarse", "avg-pool"), ("coarse", "answer"), ("avg-pool", "coarse")]


@pytest.mark.parametrize("suffix", [".keras", ".onnx"])
@pytest.mark.parametrize("order", ORDERS, ids=" ".join)
def test_features_of_a_file_equal_those_of_keras(
    order: tuple[str, ...], suffix: str, table: pd.DataFrame, tmp_path: Path
) -> None:
    model = several(order)
    file = tmp_path / f"mine{suffix}"
    write(model, order, file)
    some = table.iloc[:6]
    pixels = read_faces_at(some["path"].tolist(), IMAGE_SIZE) / np.float32(255)
    given = dict(zip(order, keras.tree.flatten(model.predict(pixels, verbose=0)), strict=True))
    for named in ("", *order):
        text = f"{file}@{IMAGE_SIZE}:unit" + (f":{named}" if named else "")
        backbone = build_backbone(find_backbone(text))
        right = given[named or "coarse"]
        assert backbone.feature_shape == right.shape[1:]
        several_told = f"{file.name}, output {named or 'coarse'}"
        assert backbone.weights == (
            several_told if len(order) > 1 or (named and suffix == ".keras") else file.name
        )
        found = extract(backbone, some, "f32", cache=tmp_path / "cache").read(slice(None))
        np.testing.assert_allclose(found, right, rtol=1e-3, atol=1e-4)


def test_an_output_that_is_not_there_is_named(tmp_path: Path) -> None:
    order = ("answer", "coarse")
    for suffix in (".keras", ".onnx"):
        file = tmp_path / f"mine{suffix}"
        write(several(order), order, file)
        with pytest.raises(
            AgeLensError, match=r"has no output 'top'; it gives answer \(10\), coarse \(8 x 8"
        ):
            build_backbone(find_backbone(f"{file}@{IMAGE_SIZE}:unit:top"))


def test_two_outputs_of_a_file_are_two_backbones(table: pd.DataFrame, tmp_path: Path) -> None:
    file, order = tmp_path / "mine.keras", ("fine", "coarse")
    several(order).save(file)
    specs = [find_backbone(f"{file}@{IMAGE_SIZE}:unit:{name}") for name in order]
    assert [spec.name for spec in specs] == ["mine-fine", "mine-coarse"]
    widths = [
        extract(build_backbone(spec), table.iloc[:2], "f32", cache=tmp_path / "cache").shape[-1]
        for spec in specs
    ]
    assert widths == [24, 12]


def write_channels_first(path: Path) -> np.ndarray:
    """An answer first, whole numbers second and the map last, channels first; returns the kernel of the map."""
    kernel = np.random.default_rng(0).normal(size=(5, 3, 4, 4)).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["x", "kernel"], ["map"], strides=[4, 4]),
        helper.make_node("GlobalAveragePool", ["map"], ["pool"]),
        helper.make_node("Flatten", ["pool"], ["answer"]),
        helper.make_node("ArgMax", ["answer"], ["label"], axis=1, keepdims=0),
    ]
    float32, whole = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64
    graph = helper.make_graph(
        nodes,
        "several",
        [helper.make_tensor_value_info("x", float32, [1, 3, IMAGE_SIZE, IMAGE_SIZE])],
        [
            helper.make_tensor_value_info("answer", float32, [1, 5]),
            helper.make_tensor_value_info("label", whole, [1]),
            helper.make_tensor_value_info("map", float32, [1, 5, 8, 8]),
        ],
        [numpy_helper.from_array(kernel, "kernel")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, path)
    return kernel


def test_channels_that_come_first_go_last(table: pd.DataFrame, tmp_path: Path) -> None:
    file = tmp_path / "mine.onnx"
    kernel = write_channels_first(file)
    some = table.iloc[:4]
    blocks = (read_faces_at(some["path"].tolist(), IMAGE_SIZE) / 255.0).reshape(4, 8, 4, 8, 4, 3)
    right = np.einsum("nhiwjc,ocij->nhwo", blocks, kernel)
    for named, expected in (("", right), (":map", right), (":answer", right.mean((1, 2)))):
        backbone = build_backbone(find_backbone(f"{file}@{IMAGE_SIZE}:unit{named}"))
        found = extract(backbone, some, "f32", cache=tmp_path / "cache").read(slice(None))
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_a_conversion_that_computes_something_else_is_refused() -> None:
    model = several(("coarse",))
    faces = keras.Input((IMAGE_SIZE, IMAGE_SIZE, 3), dtype="uint8")
    model = keras.Model(faces, model(keras.layers.Rescaling(1 / 255)(faces)))
    pixels = ov.opset13.parameter([-1, IMAGE_SIZE, IMAGE_SIZE, 3], np.uint8)
    zeros = ov.opset13.constant(np.zeros((2, 8, 8, 12), np.float32))
    mean = ov.opset13.reduce_mean(ov.opset13.convert(pixels, "f32"), np.array([1, 2, 3]), keep_dims=True)
    wrong = ov.Model([ov.opset13.result(ov.opset13.add(mean, zeros))], [pixels], "wrong")
    with pytest.raises(AgeLensError, match="Mine cannot be used: OpenVINO does not compute the features"):
        only_features(wrong, model, "Mine")
