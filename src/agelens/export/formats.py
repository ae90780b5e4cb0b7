"""A bundle in the forms that other programs serve, each compared with the bundle on synthetic faces before it counts.

    onnx          network.onnx and card.json
    openvino      network.xml, network.bin and card.json
    ovms          agelens/1/: a model repository of OpenVINO Model Server
    triton        agelens/config.pbtxt and agelens/1/: one of Triton with its OpenVINO backend
    huggingface   the bundle itself, with a README.md that the hub shows and reads

LiteRT and Core ML are not written: none of their converters is kept up for Keras 3 and 8-bit ONNX networks alike.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov

from agelens.bundles.bundle import CARD, NETWORK, PAGE, SUMS, TRAINING_IMAGES, Bundle
from agelens.data.synthetic.dataset import synthesize_face
from agelens.errors import AgeLensError
from agelens.export.hub_page import hub_page
from agelens.runtime.execution import run_outputs
from agelens.runtime.session import Shapes, compile_bundle, compile_on_device
from agelens.utils.files import replacing_folder, write_json
from agelens.utils.images import Pixels

# The name under which servers serve the network.
MODEL = "agelens"
FACES = 200
# Largest difference of any output that counts as none: the file holds the same 8-bit or float weights.
TOLERANCE = 1e-4
_BATCH = 50


def export_format(bundle: Bundle, target: Path, form: str) -> float:
    """Write a bundle in another form into a folder, once it says what the bundle says.

    Args:
        target: a folder that does not exist yet, or an empty one.
        form: one of FORMATS.

    Returns:
        the largest difference of any output on FACES synthetic faces.

    Raises:
        AgeLensError: something stands in the folder, or the two differ by more than TOLERANCE.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise AgeLensError(f"{target} is not empty; give another folder.")
    if form not in FORMATS:
        raise AgeLensError(f"--format is one of {', '.join(FORMATS)}, and not {form!r}.")
    with replacing_folder(target) as folder:
        written = FORMATS[form](bundle, folder)
        difference = compare(bundle, written)
        if difference > TOLERANCE:
            raise AgeLensError(
                f"What was written differs from the bundle by {difference:.2g} on {FACES} faces, so it is not kept."
            )
    return difference


def compare(bundle: Bundle, file: Path) -> float:
    """Return the largest difference of any output between a bundle and a network in a file, both in float32."""
    ours = compile_bundle(bundle, "f32")
    theirs = compile_on_device(ov.Core().read_model(file), "f32", str(file))
    shapes: Shapes = ours.outputs
    drawn = _draw(FACES, bundle.image_size)
    largest = 0.0
    for start in range(0, FACES, _BATCH):
        batch = drawn[start : start + _BATCH]
        other = run_outputs(theirs, batch, list(shapes.values()))
        for mine, its in zip(ours.run(batch).values(), other, strict=True):
            largest = max(largest, float(np.abs(mine - its).max()))
    return largest


def _draw(faces: int, image_size: int) -> Pixels:
    chance = np.random.default_rng(0)
    return np.stack(
        [np.asarray(synthesize_face(number % 90, number % 2, chance, image_size)) for number in range(faces)]
    )


def _write_onnx(bundle: Bundle, folder: Path) -> Path:
    file = folder / NETWORK
    file.write_bytes(bundle.network)
    write_json(folder / CARD, bundle.card)
    return file


def _write_openvino(bundle: Bundle, folder: Path) -> Path:
    file = folder / "network.xml"
    _save(bundle, file)
    write_json(folder / CARD, bundle.card)
    return file


def _write_ovms(bundle: Bundle, folder: Path) -> Path:
    file = folder / MODEL / "1" / "model.xml"
    _save(bundle, file)
    models = [{"config": {"name": MODEL, "base_path": f"/models/{MODEL}"}}]
    write_json(folder / "config.json", {"model_config_list": models})
    write_json(folder / CARD, bundle.card)
    return file


def _write_triton(bundle: Bundle, folder: Path) -> Path:
    file = folder / MODEL / "1" / "model.xml"
    _save(bundle, file)
    network = compile_bundle(bundle, "f32")
    model = ov.Core().read_model(bundle.network)
    inputs = [_tensor(model.inputs[0].get_any_name(), "TYPE_UINT8", [-1, -1, 3])]
    outputs = [_tensor(name, "TYPE_FP32", list(shape) or [1]) for name, shape in network.outputs.items()]
    lines = [
        f"name: {json.dumps(MODEL)}", 'backend: "openvino"', "max_batch_size: 64",
        f"input [{', '.join(inputs)}]", f"output [{', '.join(outputs)}]", "dynamic_batching { }",
    ]  # fmt: skip
    (folder / MODEL / "config.pbtxt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    write_json(folder / CARD, bundle.card)
    return file


def _tensor(name: str, kind: str, shape: list[int]) -> str:
    return f"{{ name: {json.dumps(name)} data_type: {kind} dims: {shape} }}"


def _save(bundle: Bundle, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    # As the bundle has it: what a processor needs changed is the server's to know.
    ov.save_model(ov.Core().read_model(bundle.network), file, compress_to_fp16=False)


def _write_huggingface(bundle: Bundle, folder: Path) -> Path:
    for name in (NETWORK, CARD, TRAINING_IMAGES, PAGE, SUMS):
        if (bundle.folder / name).is_file():
            shutil.copyfile(bundle.folder / name, folder / name)
    (folder / "README.md").write_text(hub_page(bundle.card, (folder / PAGE).is_file()), encoding="utf-8")
    return folder / NETWORK


FORMATS: dict[str, Callable[[Bundle, Path], Path]] = {
    "onnx": _write_onnx,
    "openvino": _write_openvino,
    "ovms": _write_ovms,
    "triton": _write_triton,
    "huggingface": _write_huggingface,
}


def next_step(form: str, target: Path, card: dict[str, Any]) -> str:
    """Return the line that serves what was written, or what it is for."""
    place = target.absolute()
    return {
        "ovms": f"docker run -p 9000:9000 -v {place}:/models openvino/model_server --config_path /models/config.json "
        "--port 9000",
        "triton": f"docker run -p 8000:8000 -v {place}:/models nvcr.io/nvidia/tritonserver tritonserver "
        "--model-repository /models",
        "huggingface": f"hf upload OWNER/NAME {place}",
    }.get(form, f"{card['task']} network of {card['network']['image_size']} pixels in {place}")
