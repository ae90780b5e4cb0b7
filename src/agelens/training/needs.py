"""Whether all that networks are made from is there, told before anything is computed, and all at once."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from agelens.errors import AgeLensError
from agelens.models.backbones import build_backbone
from agelens.models.registry import BackboneSpec, find_backbone
from agelens.models.weights import WeightsFile, about_bare, about_gone, look_for_weights
from agelens.training.pretrained_encoders import find_pretrained


@dataclass(frozen=True)
class Need:
    """A network that something is to be made from.

    Attributes:
        text: a backbone as `find_backbone` takes it, or a face network as `find_pretrained` does.
        weights: of a backbone, as `build_backbone` takes them.
        face_network: which of the two it is.
    """

    text: str
    weights: str = "imagenet"
    face_network: bool = False


def look_for_all(needs: Iterable[Need]) -> None:
    """Make sure that all networks and weights are there, or can be downloaded.

    Raises:
        AgeLensError: some are not; the sentences name all of them.
    """
    needs = list(dict.fromkeys(needs))
    errors: list[str] = []
    named: dict[str, dict[BackboneSpec, None]] = {}
    for need in needs:
        try:
            if need.face_network:
                find_pretrained(need.text)
                continue
            spec = find_backbone(need.text)
            if spec.file is not None and not spec.output:
                # What is a backbone by itself may still be damaged, or not one.
                build_backbone(spec)
            elif spec.file is None and need.weights != "random":
                named.setdefault(need.weights, {})[spec] = None
        except AgeLensError as error:
            errors.append(str(error))
    for weights, specs in named.items():
        errors += _problems(weights, list(specs))
    if errors:
        raise AgeLensError(" ".join(dict.fromkeys(errors)))


def _problems(weights: str, specs: list[BackboneSpec]) -> list[str]:
    """What is wrong with the weights of some backbones of the registry."""
    if weights == "imagenet" or Path(weights).is_dir():
        bare = [spec.name for spec in specs if spec.imagenet is None]
        found = [about_bare(name) for name in bare]
        files: list[WeightsFile] = [spec.imagenet for spec in specs if spec.imagenet is not None]
        return found + look_for_weights(files, None if weights == "imagenet" else Path(weights))
    if not Path(weights).is_file():
        return [about_gone(weights)]
    if len(specs) > 1:
        names = ", ".join(spec.name for spec in specs)
        return [
            f"{weights} is one file of weights, and {names} need one each; put files with the names that Keras gives "
            "them into a folder, and give that with --weights."
        ]
    try:
        build_backbone(specs[0], weights, specs[0].min_image_size)
    except AgeLensError as error:
        return [str(error)]
    return []
