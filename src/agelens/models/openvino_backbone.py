"""Backbones as OpenVINO models, for the pass over all images."""

import json
from pathlib import Path

import numpy as np
import openvino as ov

from agelens.models.backbones import Backbone
from agelens.models.onnx_backbone import CONVERSION, _convert, preprocessed_onnx
from agelens.utils.environment import made_with
from agelens.utils.files import digest_file, digest_json, replacing_folder, write_json

_SUMS = "sums.json"


def to_openvino(backbone: Backbone, folder: Path) -> ov.Model:
    """The backbone as an OpenVINO model; a Keras one is converted once and kept in ``folder``.

    Returns:
        a model from uint8 (faces, side, side, 3) to float32 (faces, height, width, channels) or (faces, channels).
    """
    core = ov.Core()
    if backbone.model is None:
        assert backbone.spec.file is not None
        composed = preprocessed_onnx(backbone.spec, backbone.image_size)
        return core.read_model(composed.SerializeToString())
    made_by = digest_json([backbone.digest, CONVERSION, made_with("keras", "openvino")])[:16]
    kept = folder / f"{backbone.spec.name}-{backbone.image_size}-{made_by}"
    if not _is_whole(kept):
        with replacing_folder(kept) as temporary:
            _convert(backbone.model, backbone.spec.name, temporary / "backbone.xml", kept)
            write_json(temporary / _SUMS, _sums(temporary))
    return core.read_model(kept / "backbone.xml")


def _is_whole(kept: Path) -> bool:
    """Whether a converted network stands there as it was written: a flipped bit would change features in silence."""
    try:
        return bool(json.loads((kept / _SUMS).read_text(encoding="utf-8")) == _sums(kept))
    except (OSError, ValueError):
        return False


def _sums(folder: Path) -> dict[str, str]:
    return {name: digest_file(folder / name) for name in ("backbone.xml", "backbone.bin")}


def pooled(model: ov.Model) -> ov.Model:
    """The same model with its map averaged over height and width; a model that gives vectors stays as it is."""
    if len(model.outputs[0].get_partial_shape()) == 2:
        return model
    # The Result's own input is the map; a new Result behind a mean replaces it.
    source = model.get_results()[0].input(0).get_source_output()
    mean = ov.opset13.reduce_mean(source, np.array([1, 2], np.int64), keep_dims=False)
    return ov.Model([ov.opset13.result(mean)], model.get_parameters(), "pooled")
