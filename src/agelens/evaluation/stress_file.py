"""The stress test of networks as ``stress.json`` holds it, and what of it a card tells."""

from pathlib import Path
from typing import Any

from agelens.errors import AgeLensError
from agelens.evaluation.robustness import LEVEL_COLUMNS
from agelens.utils.files import read_json
from agelens.utils.shapes import fits

_FIGURE, _INTERVAL = (None, float), (None, [float, float])
_LEVEL = {
    **{name: _INTERVAL if name.endswith("_ci95") else _FIGURE for name in LEVEL_COLUMNS},
    "corruption": str, "level": float, "n": int, "found": float, "aged": int,
}  # fmt: skip
_SHAPE = {
    "source": str, "images": int, "crops": bool, "overlap": str, "seed": int,
    "corruptions": {"*": {"title": str, "levels": [float]}},
    "networks": [{"name": str, "bundles": {"*": str}, "levels": [_LEVEL]}],
}  # fmt: skip


def open_stress(file: Path) -> dict[str, Any]:
    """Return the content of ``stress.json`` of `agelens stress`.

    Raises:
        AgeLensError: the file holds something else.
    """
    content = read_json(file)
    if not fits(content, _SHAPE) or not all(
        [content["networks"], *(one["levels"] for one in content["networks"])]
    ):
        raise AgeLensError(
            f"{file} does not hold a stress test as this AgeLens writes it; run 'agelens stress' again."
        )
    return dict(content)


def read_stress(file: Path, identity: str) -> dict[str, Any]:
    """Read the figures of a network from a stress test.

    Args:
        file: ``stress.json`` of `agelens stress`.
        identity: of the network, as its card has it.

    Returns:
        JSON for a card: ``source`` (a name), ``images``, ``seed``, ``crops`` (whether no face was searched), ``titles``
        (of the corruptions, by name) and ``levels``, a list of the figures LEVEL_COLUMNS.

    Raises:
        AgeLensError: the file holds something else, another network alone, or counts images that made the network.
    """
    content = open_stress(file)
    networks = [one for one in content["networks"] if set(one["bundles"].values()) == {identity}]
    if not networks:
        raise AgeLensError(f"{file} is about another network; run 'agelens stress' with this one.")
    if content["overlap"] == "allow":
        raise AgeLensError(
            f"{file} counts images that made the network, so it is no figure to hand on; repeat 'agelens stress' with "
            "--overlap skip."
        )
    return {
        **{name: content[name] for name in ("source", "images", "seed", "crops")},
        "titles": {name: one["title"] for name, one in content["corruptions"].items()},
        "levels": [{column: row[column] for column in LEVEL_COLUMNS} for row in networks[0]["levels"]],
    }
