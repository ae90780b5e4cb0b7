"""The registry of backbones: what each is, what pixels it expects, and where its weights are."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from agelens.bundles.bundle import NETWORK, Bundle, find_bundles, open_bundle
from agelens.errors import AgeLensError
from agelens.models.preprocessing import PREPROCESSINGS
from agelens.models.small_conv import build_small_conv
from agelens.models.weights import WeightsFile

Shape = tuple[int, ...]


# The tensor of AgeLens's own networks that their heads take.
FEATURES = "features"


@dataclass(frozen=True)
class BackboneSpec:
    """What a backbone needs to be built and understood.

    Attributes:
        name: as in the tables and on the command line.
        builder: ``builder(input_shape=..., include_top=False, weights=None)`` gives a Keras model, or None for a file.
        image_size: pixels it is used at unless told otherwise; the notebook ran all seven at 224.
        min_image_size: pixels below which it cannot be built.
        preprocessing: a key of PREPROCESSINGS; "raw" also stands for networks that rescale inside themselves.
        features: channels of the feature map (0 where only the file knows).
        licence: of the ImageNet weights.
        imagenet: the file of ImageNet weights without top, or None where there are none.
        file: for a backbone that is itself a local ``.keras`` or ``.onnx`` file.
        output: the tensor of one of AgeLens's own networks that is taken for features; "" for other files.
        named: the output of the file that the person named; "" leaves the choice to `agelens.models.outputs`.
    """

    name: str
    builder: Callable[..., keras.Model] | None
    image_size: int
    min_image_size: int
    preprocessing: str
    features: int
    licence: str
    imagenet: WeightsFile | None = None
    file: Path | None = None
    output: str = ""
    named: str = ""

    def preprocess(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return RGB bytes, uint8 (faces, side, side, 3), as the weights expect them: float32 of the same shape.

        What `agelens.models.backbones.build_backbone` gives does this inside itself, and takes the bytes.
        """
        return PREPROCESSINGS[self.preprocessing].apply(images)

    @property
    def typed(self) -> str:
        """A backbone that is a file as a person types it, without the name of an output."""
        return f"{self.file}@{self.image_size}:{self.preprocessing}"


_APPLICATIONS = "https://storage.googleapis.com/tensorflow/keras-applications/"


def _application(
    name: str, min_image_size: int, preprocessing: str, features: int, licence: str, url: str, digest: str
) -> BackboneSpec:
    builder = getattr(keras.applications, name)
    return BackboneSpec(
        name,
        builder,
        224,
        min_image_size,
        preprocessing,
        features,
        licence,
        WeightsFile(_APPLICATIONS + url, digest),
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


def backbone_names(backbones: str | Sequence[str]) -> tuple[str, ...]:
    """Return the names of some backbones: one by one, with commas between them, or "seven" for the notebook's.

    Raises:
        AgeLensError: none is named, or something that is no name.
    """
    if isinstance(backbones, str) and backbones == "seven":
        return NOTEBOOK_SEVEN
    names = backbones.split(",") if isinstance(backbones, str) else list(backbones)
    if odd := [name for name in names if not isinstance(name, str)]:
        raise AgeLensError(f"A backbone is given by its name, such as VGG16, and not as {odd[0]!r:.60}.")
    named = tuple(name.strip() for name in names if name.strip())
    if not named:
        raise AgeLensError(
            f"No backbone is named; give some of {', '.join(REGISTRY)}, or 'seven' for the notebook's."
        )
    return named


def find_backbone(text: str) -> BackboneSpec:
    """The record of a backbone, from its name or from ``FILE@IMAGE_SIZE:PREPROCESSING`` for a local .keras or .onnx
    file.

    ``FILE@IMAGE_SIZE:PREPROCESSING:OUTPUT`` names one of several outputs of the file.

    "agelens" is the network that comes with AgeLens, up to what its head takes.

    Raises:
        AgeLensError: no such name or file, or a preprocessing that is not in PREPROCESSINGS.
    """
    if text.lower() == "agelens":
        return bundle_backbone(find_bundles()[0])
    for name, spec in REGISTRY.items():
        if text.lower() == name.lower():
            return spec
    match = re.fullmatch(
        r"(?P<file>.+?\.(?:keras|onnx))(?:@(?P<image_size>\d+)(?::(?P<preprocessing>\w+)(?::(?P<named>.+))?)?)?",
        text,
    )
    if match is None:
        raise AgeLensError(
            f"There is no backbone {text!r}; known are {', '.join(REGISTRY)}, agelens, "
            "or FILE.onnx@IMAGE_SIZE:PREPROCESSING for your own."
        )
    file = Path(match["file"])
    if not file.is_file():
        raise AgeLensError(f"The backbone file {file} does not exist.")
    if match["image_size"] is None or match["preprocessing"] not in PREPROCESSINGS:
        raise AgeLensError(
            f"Say what the backbone file expects, as {file}@IMAGE_SIZE:PREPROCESSING, for example {file}@112:tf; "
            f"preprocessings are {', '.join(PREPROCESSINGS)}."
        )
    image_size, named = int(match["image_size"]), match["named"] or ""
    name = file.stem + re.sub(r"\W+", "-", f":{named}" if named else "")
    return BackboneSpec(
        name,
        None,
        image_size,
        image_size,
        match["preprocessing"],
        0,
        "as its file says",
        file=file,
        named=named,
    )


def training_images_of(spec: BackboneSpec) -> dict[str, str]:
    """The images that made a backbone, split by digest, where it is a network of AgeLens's own; otherwise none."""
    return open_bundle(spec.file.parent).training_images if spec.output and spec.file is not None else {}


def bundle_backbone(bundle: Bundle) -> BackboneSpec:
    """The record of a bundle's network, up to what its heads take."""
    licence = f"{bundle.card['data']['licence']}; begun from {bundle.card['network']['weights']}"
    return BackboneSpec(
        "AgeLens",
        None,
        bundle.image_size,
        16,
        "raw",
        0,
        licence,
        file=bundle.folder / NETWORK,
        output=FEATURES,
    )
