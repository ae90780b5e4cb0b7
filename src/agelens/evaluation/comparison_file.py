"""What a card tells of a comparison: one network beside another on the same faces, out of ``model_comparison.json``."""

from pathlib import Path
from typing import Any

from agelens.errors import AgeLensError
from agelens.evaluation.compare_models import FIGURES
from agelens.evaluation.groups import FEW_FACES
from agelens.utils.files import read_json


def read_comparison(file: Path, identity: str) -> dict[str, Any]:
    """Read how a network does beside another one.

    Args:
        file: ``model_comparison.json`` of `agelens compare-models`.
        identity: of the network, as its card has it; it may be the first or the second of the two.

    Returns:
        JSON for a card: ``other`` (its name), ``source`` (of the faces), ``split``, ``faces``, ``overall``
        (rows by figure: ``this``, ``other``, ``difference`` of this less the other, ``ci95``, ``p``, ``faces`` and
        ``better``: "this", "other" or "" where chance alone may have made it), and ``groups``, such rows with ``kind``
        and ``group``, of groups of at least FEW_FACES where one of the two is better.

    Raises:
        AgeLensError: the file holds something else, two other networks, or counts images that made one of them.
    """
    content = read_json(file)
    try:
        places = [place for place, one in enumerate(content["bundles"]) if set(one.values()) == {identity}]
        settings = content["settings"]
        place = places[0] if places else 0
        told = {
            "other": str(content["names"][1 - place]),
            "source": str(settings["source"]),
            "split": str(settings["split"]),
            "faces": int(content["faces"]),
            "overall": [
                {"figure": name, **_row(one, place)}
                for name, one in content["overall"].items()
                if name in FIGURES
            ],
            "groups": [
                {"figure": name, "kind": kind, "group": group, **_row(one, place)}
                for name, kinds in content["groups"].items()
                if name in FIGURES
                for kind, named in kinds.items()
                for group, one in named.items()
                if one["better"] and one["faces"] >= FEW_FACES
            ],
        }
        counts_seen = settings["overlap"] == "allow"
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        raise AgeLensError(
            f"{file} does not hold a comparison of two networks as this AgeLens writes it; run 'agelens "
            "compare-models' again."
        ) from None
    if not places:
        raise AgeLensError(f"{file} tells of other networks; run 'agelens compare-models' with this one.")
    if counts_seen:
        raise AgeLensError(
            f"{file} counts images that made a network, so it is no figure to hand on; repeat 'agelens compare-models' "
            "with --overlap skip."
        )
    return told


def _row(one: dict[str, Any], place: int) -> dict[str, Any]:
    """A paired difference seen from the network at a place, 0 or 1."""
    sign = 1 if place else -1
    names = ("first", "second") if place == 0 else ("second", "first")
    return {
        "this": float(one[names[0]]),
        "other": float(one[names[1]]),
        # Plus 0.0, for there is no difference of -0.0.
        "difference": sign * float(one["difference"]) + 0.0,
        "ci95": None if one["ci95"] is None else sorted(sign * float(end) + 0.0 for end in one["ci95"]),
        "p": float(one["p"]),
        "faces": int(one["faces"]),
        "better": {names[0]: "this", names[1]: "other", "": ""}[one["better"]],
    }
