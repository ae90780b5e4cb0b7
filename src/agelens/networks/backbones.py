"""The registry of backbones, and how one is built with its own preprocessing inside.

Every backbone takes plain RGB bytes, uint8 (faces, side, side, 3), and gives a feature map, float32 (faces, height,
width, channels). What scaling its weights expect stands in its record and becomes part of the network, so that no
caller can get it wrong.
"""

import hashlib
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from agelens.errors import AgeLensError
from agelens.files import digest_file, digest_json
from agelens.networks.small import build_small_conv
from agelens.networks.untrained import feature_gain
from agelens.networks.weights import WeightsFile, fetch_weights

Shape = tuple[int, ...]


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


_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
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


@dataclass(frozen=True)
class BackboneSpec:
    """What a backbone needs to be built and understood.

    Attributes:
        name: as in the tables and on the command line.
        builder: ``builder(input_shape=..., include_top=False, weights=None)`` gives a Keras model, or None for a file.
        side: pixels it is used at unless told otherwise; the notebook ran all seven at 224.
        least_side: pixels below which it cannot be built.
        scaling: a key of SCALINGS; "raw" also stands for networks that rescale inside themselves.
        features: channels of the feature map (0 where only the file knows).
        licence: of the ImageNet weights.
        imagenet: the file of ImageNet weights without top, or None where there are none.
        file: for a backbone that is itself a local ``.keras`` or ``.onnx`` file.
    """

    name: str
    builder: Callable[..., keras.Model] | None
    side: int
    least_side: int
    scaling: str
    features: int
    licence: str
    imagenet: WeightsFile | None = None
    file: Path | None = None


@dataclass(frozen=True)
class Backbone:
    """A backbone that is ready to use.

    Attributes:
        spec: its record.
        side: pixels of the square input.
        weights: "imagenet", "random", or the name of the file they came from.
        digest: SHA-256 of all that decides its features but the side: weights, scaling, gain, its file.
        parameters: how many numbers it holds.
        feature_shape: (height, width, channels), or (channels,) for a file that pools by itself.
        model: uint8 (faces, side, side, 3) to features; None for an ONNX file.
    """

    spec: BackboneSpec
    side: int
    weights: str
    digest: str
    parameters: int
    feature_shape: Shape
    model: keras.Model | None


_APPLICATIONS = "https://storage.googleapis.com/tensorflow/keras-applications/"


def _application(
    name: str, least_side: int, scaling: str, features: int, licence: str, url: str, digest: str
) -> BackboneSpec:
    builder = getattr(keras.applications, name)
    return BackboneSpec(
        name, builder, 224, least_side, scaling, features, licence, WeightsFile(_APPLICATIONS + url, digest)
    )


_TF_KERNELS = "_weights_tf_dim_ordering_tf_kernels_notop.h5"
# The addresses and digests are those that keras.applications itself uses; a test holds them against the installed
# Keras. MobileNetV3, EfficientNetV2 and ConvNeXt rescale inside themselves, hence "raw".
_SPECS = [
    _application(
        "VGG16", 32, "caffe", 512, "CC BY 4.0, Visual Geometry Group, Oxford",
        f"vgg16/vgg16{_TF_KERNELS}", "md5:6d6bbae143d832006294945121d1f1fc",
    ),
    _application(
        "ResNet50V2", 32, "tf", 2048, "Apache-2.0, Keras Applications",
        f"resnet/resnet50v2{_TF_KERNELS}", "md5:fac2f116257151a9d068a22e544a4917",
    ),
    _application(
        "ResNet152V2", 32, "tf", 2048, "Apache-2.0, Keras Applications",
        f"resnet/resnet152v2{_TF_KERNELS}", "md5:ed17cf2e0169df9d443503ef94b23b33",
    ),
    _application(
        "Xception", 71, "tf", 2048, "Apache-2.0, Keras Applications",
        f"xception/xception{_TF_KERNELS}", "md5:b0042744bf5b25fce3cb969f33bebb97",
    ),
    _application(
        "InceptionV3", 75, "tf", 2048, "Apache-2.0, Keras Applications",
        f"inception_v3/inception_v3{_TF_KERNELS}", "md5:bcbd6486424b2319ff4ef7d526e38f63",
    ),
    _application(
        "MobileNetV3Small", 32, "raw", 576, "Apache-2.0, Keras Applications",
        "mobilenet_v3/weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5", "md5:d3e8ec802a04aa4fc771ee12a9a9b836",
    ),
    _application(
        "MobileNetV3Large", 32, "raw", 960, "Apache-2.0, Keras Applications",
        "mobilenet_v3/weights_mobilenet_v3_large_224_1.0_float_no_top_v2.h5", "md5:07fb09a5933dd0c8eaafa16978110389",
    ),
    _application(
        "EfficientNetV2B0", 32, "raw", 1280, "Apache-2.0, Keras Applications",
        "efficientnet_v2/efficientnetv2-b0_notop.h5", "md5:893217f2bb855e2983157299931e43ff",
    ),
    _application(
        "ConvNeXtTiny", 32, "raw", 768, "Apache-2.0, Keras Applications",
        "convnext/convnext_tiny_notop.h5", "sha256:d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1",
    ),
    BackboneSpec("SmallConv", build_small_conv, 64, 32, "tf", 96, "Apache-2.0, AgeLens (no weights come with it)"),
]  # fmt: skip

REGISTRY = {spec.name: spec for spec in _SPECS}
NOTEBOOK_SEVEN = tuple(spec.name for spec in _SPECS[:7])


def find_backbone(text: str) -> BackboneSpec:
    """The record of a backbone, from its name or from ``FILE@SIDE:SCALING`` for a local .keras or .onnx file.

    Raises:
        AgeLensError: no such name or file, or a scaling that is not in SCALINGS.
    """
    for name, spec in REGISTRY.items():
        if text.lower() == name.lower():
            return spec
    match = re.fullmatch(r"(?P<file>.+\.(?:keras|onnx))(?:@(?P<side>\d+)(?::(?P<scaling>\w+))?)?", text)
    if match is None:
        raise AgeLensError(
            f"There is no backbone {text!r}; known are {', '.join(REGISTRY)}, or FILE.onnx@SIDE:SCALING for your own."
        )
    file = Path(match["file"])
    if not file.is_file():
        raise AgeLensError(f"The backbone file {file} does not exist.")
    if match["side"] is None or match["scaling"] not in SCALINGS:
        raise AgeLensError(
            f"Say what the backbone file expects, as {file}@SIDE:SCALING, for example {file}@112:tf; "
            f"scalings are {', '.join(SCALINGS)}."
        )
    side = int(match["side"])
    return BackboneSpec(file.stem, None, side, side, match["scaling"], 0, "as its file says", file=file)


def fetch_backbone(name: str, folder: Path | None = None) -> Path:
    """The local file of a backbone's ImageNet weights, downloaded into ``folder`` (None: Keras's own) if need be.

    Raises:
        AgeLensError: there are none, or they cannot be downloaded.
    """
    spec = find_backbone(name)
    if spec.imagenet is None:
        raise AgeLensError(f"{spec.name} has no ImageNet weights; use --weights random.")
    return fetch_weights(spec.imagenet, folder)


def build_backbone(
    spec: BackboneSpec, weights: str = "imagenet", side: int | None = None, seed: int = 42
) -> Backbone:
    """Build a backbone with its preprocessing inside.

    Args:
        spec: from `find_backbone`.
        weights: "imagenet" (fetched once, into Keras's own cache), a folder that holds those files, "random" (from
            the seed, features scaled by one factor), or the path of a Keras weights file without top.
            A backbone that is a file brings its own.
        side: pixels; None is the record's.
        seed: of random weights.

    Raises:
        AgeLensError: the side is too small, the weights cannot be had or do not fit.
    """
    side = side or spec.side
    if side < spec.least_side:
        raise AgeLensError(
            f"{spec.name} needs images of at least {spec.least_side} pixels a side, not {side}."
        )
    if spec.file is not None:
        return _from_file(spec, side)
    assert spec.builder is not None
    keras.utils.set_random_seed(seed)
    body = spec.builder(input_shape=(side, side, 3), include_top=False, weights=None)
    if weights != "random" and (weights == "imagenet" or Path(weights).is_dir()):
        folder = None if weights == "imagenet" else Path(weights)
        _load(body, fetch_backbone(spec.name, folder), spec.name)
        weights = "imagenet"
    elif weights != "random":
        _load(body, Path(weights), spec.name)
        weights = Path(weights).name
    return _with_scaling(spec, body, side, weights)


def _from_file(spec: BackboneSpec, side: int) -> Backbone:
    assert spec.file is not None
    if spec.file.suffix == ".onnx":
        from agelens.networks.portable import inspect_onnx

        parameters, feature_shape = inspect_onnx(spec, side)
        digest = digest_json([digest_file(spec.file), spec.scaling])
        return Backbone(spec, side, spec.file.name, digest, parameters, feature_shape, None)
    try:
        body = keras.saving.load_model(spec.file, compile=False)
    except (ValueError, TypeError, OSError) as error:
        raise AgeLensError(
            f"{spec.file} cannot be loaded as a Keras file ({str(error).splitlines()[0]}); "
            "code inside a file is never run."
        ) from None
    return _with_scaling(spec, body, side, spec.file.name)


def _load(body: keras.Model, path: Path, name: str) -> None:
    if not path.is_file():
        raise AgeLensError(f"The weights file {path} does not exist; give a file, 'imagenet' or 'random'.")
    try:
        with warnings.catch_warnings():
            # Keras warns of what does not fit before it refuses the file.
            warnings.simplefilter("ignore")
            body.load_weights(path)
    except (ValueError, OSError, KeyError) as error:
        raise AgeLensError(
            f"{path} does not hold weights of {name} without its top: {str(error).splitlines()[0]}"
        ) from None


def _with_scaling(spec: BackboneSpec, body: keras.Model, side: int, weights: str) -> Backbone:
    faces = keras.Input((side, side, 3), dtype="uint8", name="faces")
    features = body(scale_layers(SCALINGS[spec.scaling], faces))
    if len(features.shape) not in (2, 4):
        raise AgeLensError(f"{spec.name} gives features of shape {features.shape}, not a map or a vector.")
    model = keras.Model(faces, features, name=f"{spec.name}_from_bytes")
    gain = 1.0
    if weights == "random":
        gain = feature_gain(model, side)
        features = keras.layers.Rescaling(gain)(features)
        model = keras.Model(faces, features, name=model.name)
    # Weights do not say what is done with them: strides and activations stand in the file alone.
    file = digest_file(spec.file) if spec.file else ""
    digest = digest_json([digest_weights(model), spec.scaling, gain, file])
    return Backbone(spec, side, weights, digest, int(model.count_params()), tuple(features.shape[1:]), model)


def fitting_side(spec: BackboneSpec, side: int | None) -> int:
    """The side asked for, raised to the least that the backbone takes; its own where none is asked for."""
    return max(side or spec.side, spec.least_side)


def content_digest(spec: BackboneSpec, weights: str) -> str:
    """What stands for the files behind a backbone in the settings of a step: their content, not their names.

    Raises:
        AgeLensError: the weights file does not exist.
    """
    if weights in ("imagenet", "random") or Path(weights).is_dir():
        return digest_file(spec.file) if spec.file else weights
    if not Path(weights).is_file():
        raise AgeLensError(
            f"The weights file {weights} does not exist; give a file, a folder, 'imagenet' or 'random'."
        )
    return digest_file(Path(weights))


def scale_layers(scaling: Scaling, faces: keras.KerasTensor) -> keras.KerasTensor:
    """Apply a scaling to RGB bytes inside a network; gives float32."""
    pixels = keras.ops.cast(faces, "float32")
    if scaling.bgr:
        pixels = keras.ops.flip(pixels, axis=-1)
    if scaling == SCALINGS["raw"]:
        return pixels
    return keras.layers.Rescaling(list(scaling.scale), offset=list(scaling.offset))(pixels)


def digest_weights(model: keras.Model) -> str:
    """SHA-256 over the shapes and bytes of all weights, in the order of the model."""
    digest = hashlib.sha256()
    for weight in model.weights:
        array = np.ascontiguousarray(keras.ops.convert_to_numpy(weight))
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
