"""How a backbone is built with its own preprocessing inside.

Every backbone takes plain RGB bytes, uint8 (faces, side, side, 3), and gives a feature map, float32 (faces, height,
width, channels). What preprocessing its weights expect stands in its record and becomes part of the network, so that no
caller can get it wrong.
"""

import hashlib
import warnings
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from agelens.errors import AgeLensError
from agelens.models.onnx_backbone import inspect_onnx
from agelens.models.outputs import Output, choose_output, leads_in_keras
from agelens.models.preprocessing import PREPROCESSINGS, preprocessing_layers
from agelens.models.registry import BackboneSpec, Shape, find_backbone
from agelens.models.weights import about_bare, about_gone, fetch_weights
from agelens.utils.files import digest_file, digest_json
from agelens.utils.onnx_digests import digest_network
from agelens.utils.reasons import first_line


@dataclass(frozen=True)
class Backbone:
    """A backbone that is ready to use.

    Attributes:
        spec: its record.
        image_size: pixels of the square input.
        weights: "imagenet", "random", or the name of the file they came from, and of its output if it has several.
        digest: SHA-256 of all that decides its features but the image size: weights, preprocessing, its file.
        parameters: how many numbers it holds.
        feature_shape: (height, width, channels), or (channels,) for a file that pools by itself.
        model: uint8 (faces, side, side, 3) to features; None for an ONNX file.
    """

    spec: BackboneSpec
    image_size: int
    weights: str
    digest: str
    parameters: int
    feature_shape: Shape
    model: keras.Model | None


def fetch_backbone(name: str, folder: Path | None = None) -> Path:
    """The local file of a backbone's ImageNet weights, downloaded into ``folder`` (None: Keras's own) if need be.

    Raises:
        AgeLensError: there are none, or they cannot be downloaded.
    """
    spec = find_backbone(name)
    if spec.imagenet is None:
        raise AgeLensError(about_bare(spec.name))
    return fetch_weights(spec.imagenet, folder)


def build_backbone(
    spec: BackboneSpec,
    weights: str = "imagenet",
    image_size: int | None = None,
    seed: int = 42,
) -> Backbone:
    """Build a backbone with its preprocessing inside.

    Args:
        spec: from `find_backbone`.
        weights: "imagenet" (fetched once, into Keras's own cache), a folder that holds those files, "random" (from
            the seed), or the path of a Keras weights file without top.
            A backbone that is a file brings its own.
        image_size: pixels; None is the record's.
        seed: of random weights.

    Raises:
        AgeLensError: the side is too small, the weights cannot be had or do not fit.
    """
    image_size = image_size or spec.image_size
    if image_size < spec.min_image_size:
        raise AgeLensError(
            f"{spec.name} needs images of at least {spec.min_image_size} pixels a side, not {image_size}."
        )
    if spec.file is not None:
        return _from_file(spec, image_size)
    assert spec.builder is not None
    keras.utils.set_random_seed(seed)
    body = spec.builder(input_shape=(image_size, image_size, 3), include_top=False, weights=None)
    if weights != "random" and (weights == "imagenet" or Path(weights).is_dir()):
        folder = None if weights == "imagenet" else Path(weights)
        _load(body, fetch_backbone(spec.name, folder), spec.name)
        weights = "imagenet"
    elif weights != "random":
        _load(body, Path(weights), spec.name)
        weights = Path(weights).name
    return _with_preprocessing(spec, body, image_size, weights)


def _from_file(spec: BackboneSpec, image_size: int) -> Backbone:
    assert spec.file is not None
    if spec.file.suffix == ".onnx":
        parameters, feature_shape, output = inspect_onnx(spec, image_size)
        digest = digest_json([digest_network(spec.file), spec.preprocessing, spec.named])
        return Backbone(spec, image_size, _told(spec.file, output), digest, parameters, feature_shape, None)
    try:
        body = keras.saving.load_model(spec.file, compile=False)
    except (ValueError, TypeError, OSError, KeyError) as error:
        raise AgeLensError(
            f"{spec.file} cannot be loaded as a Keras file ({first_line(error)}); "
            "code inside a file is never run."
        ) from None
    # Of several inputs Keras gives a list of shapes.
    shape = body.input_shape if isinstance(body.input_shape, tuple) else ()
    if len(shape) != 4 or any(
        fits not in (None, asked) for fits, asked in zip(shape[1:], (image_size, image_size, 3), strict=True)
    ):
        raise AgeLensError(
            f"{spec.file} takes {body.input_shape} and not one batch of images of {image_size} x {image_size} "
            f"pixels, channels "
            "last; give its own side after @."
        )
    body, output = _with_one_output(spec, body)
    return _with_preprocessing(spec, body, image_size, _told(spec.file, output))


def _told(file: Path, output: str) -> str:
    return f"{file.name}, output {output}" if output else file.name


def _with_one_output(spec: BackboneSpec, body: keras.Model) -> tuple[keras.Model, str]:
    """The network up to the output that its features are, and the name of that output where there are several."""
    if len(body.outputs) == 1 and not spec.named:
        return body, ""
    # Networks that are chains of layers have no names of outputs.
    names = getattr(body, "output_names", [f"output_{number}" for number in range(len(body.outputs))])
    outputs = [
        Output(name, tuple(length or 0 for length in tensor.shape[1:]), "float" in str(tensor.dtype))
        for name, tensor in zip(names, body.outputs, strict=True)
    ]
    chosen = choose_output(outputs, spec.typed, spec.named, leads_in_keras(body, names))
    return keras.Model(body.inputs, body.outputs[chosen]), names[chosen]


def _load(body: keras.Model, path: Path, name: str) -> None:
    if not path.is_file():
        raise AgeLensError(about_gone(path))
    try:
        with warnings.catch_warnings():
            # Keras warns of what does not fit before it refuses the file.
            warnings.simplefilter("ignore")
            body.load_weights(path)
    except (ValueError, OSError, KeyError) as error:
        raise AgeLensError(
            f"{path} does not hold weights of {name} without its top: {first_line(error)}."
        ) from None


def _with_preprocessing(spec: BackboneSpec, body: keras.Model, image_size: int, weights: str) -> Backbone:
    faces = keras.Input((image_size, image_size, 3), dtype="uint8", name="faces")
    features = body(preprocessing_layers(PREPROCESSINGS[spec.preprocessing], faces))
    if len(features.shape) not in (2, 4):
        raise AgeLensError(f"{spec.name} gives features of shape {features.shape}, not a map or a vector.")
    model = keras.Model(faces, features, name=f"{spec.name}_from_bytes")
    # Weights do not say what is done with them: strides and activations stand in the file alone.
    file = digest_file(spec.file) if spec.file else ""
    digest = digest_json([digest_weights(model), spec.preprocessing, file, spec.named])
    return Backbone(
        spec, image_size, weights, digest, int(model.count_params()), tuple(features.shape[1:]), model
    )


def fitting_image_size(spec: BackboneSpec, image_size: int | None) -> int:
    """The side asked for, raised to the least that the backbone takes; its own where none is asked for."""
    return max(image_size or spec.image_size, spec.min_image_size)


def content_digest(spec: BackboneSpec, weights: str) -> str:
    """What stands for the files behind a backbone in the settings of a step: their content, not their names.

    Raises:
        AgeLensError: the weights file does not exist.
    """
    if spec.file:
        return digest_network(spec.file)
    if weights == "random":
        # The Keras backends draw different numbers from the same seed.
        return f"random on {keras.backend.backend()}"
    if weights == "imagenet" or Path(weights).is_dir():
        return "imagenet"
    if not Path(weights).is_file():
        raise AgeLensError(about_gone(weights))
    return digest_file(Path(weights))


def digest_weights(model: keras.Model) -> str:
    """SHA-256 over the shapes and bytes of all weights, in the order of the model."""
    digest = hashlib.sha256()
    for weight in model.weights:
        array = np.ascontiguousarray(keras.ops.convert_to_numpy(weight))
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
