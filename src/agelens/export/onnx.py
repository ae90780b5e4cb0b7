"""From a trained network to one ONNX file."""

from pathlib import Path

import keras
import onnx
from onnx import compose

from agelens.models.backbones import Backbone
from agelens.models.onnx_backbone import preprocessed_onnx
from agelens.models.onnx_files import export_onnx, modern
from agelens.models.registry import BackboneSpec
from agelens.training.recipes import Recipe
from agelens.training.transfer import join
from agelens.utils.files import replacing_file

HEAD_OUTPUTS = {"age": "age_years", "gender": "p_female"}


def append_onnx(spec: BackboneSpec, image_size: int, head: Path, target: Path) -> None:
    """Join a backbone that is an ONNX file, its preprocessing, and a head that `export_onnx` wrote, into one file."""
    first = preprocessed_onnx(spec, image_size)
    second = modern(onnx.load(head))
    second = compose.add_prefix(second, "head/", rename_inputs=True, rename_outputs=False)
    joined = compose.merge_models(
        first, second, io_map=[(first.graph.output[0].name, second.graph.input[0].name)]
    )
    with replacing_file(target) as temporary:
        onnx.save(joined, temporary)


def write_network(
    backbone: Backbone, network: keras.Model | None, head: keras.Model, recipe: Recipe, target: Path
) -> None:
    output = HEAD_OUTPUTS[recipe.task]
    if backbone.model is not None:
        export_onnx(network or join(backbone, head), output, target)
        return
    head_file = target.with_name("head.onnx")
    export_onnx(head, output, head_file)
    append_onnx(backbone.spec, backbone.image_size, head_file, target)
