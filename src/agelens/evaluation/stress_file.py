"""What a card tells of a stress test: the figures of one network on worse pictures, out of ``stress.json``."""

from pathlib import Path
from typing import Any

from agelens.errors import AgeLensError
from agelens.evaluation.robustness import LEVEL_COLUMNS
from agelens.utils.files import read_json


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
    content = read_json(file)
    try:
        networks = [one for one in content["networks"] if set(one["bundles"].values()) == {identity}]
        levels = [row for one in networks[:1] for row in one["levels"]]
        told = {
            "source": str(content["source"]),
            "images": int(content["images"]),
            "seed": int(content["seed"]),
            "crops": bool(content["crops"]),
            "titles": {str(name): str(one["title"]) for name, one in content["corruptions"].items()},
            "levels": [{column: row[column] for column in LEVEL_COLUMNS} for row in levels],
        }
        counts_seen = content["overlap"] == "allow"
    except (AttributeError, KeyError, TypeError, ValueError):
        raise AgeLensError(
            f"{file} does not hold a stress test; 'agelens stress' writes stress.json."
        ) from None
    if not networks:
        raise AgeLensError(f"{file} tells of another network; run 'agelens stress' with this one.")
    if counts_seen:
        raise AgeLensError(
            f"{file} counts images that made the network, so it is no figure to hand on; repeat 'agelens stress' with "
            "--overlap skip."
        )
    return told
