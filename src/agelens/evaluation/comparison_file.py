"""Two networks on the same faces as ``model_comparison.json`` holds it, and what of it a card tells."""

from pathlib import Path
from typing import Any

from agelens.errors import AgeLensError
from agelens.evaluation.compare_models import FIGURES
from agelens.evaluation.groups import FEW_FACES
from agelens.utils.files import read_json
from agelens.utils.shapes import fits

_DIFFERENCE = {
    "faces": int, "first": float, "second": float, "difference": float, "ci95": (None, [float, float]), "p": float,
    "better": str,
}  # fmt: skip
_SHAPE = {
    "names": [str, str], "faces": int, "only": [int, int], "verdicts": [str], "bundles": [{"*": str}, {"*": str}],
    "overall": {"*": _DIFFERENCE}, "groups": {"*": {"*": {"*": _DIFFERENCE}}},
    "settings": {"data": str, "source": str, "table": str, "split": str, "overlap": str},
}  # fmt: skip


def open_comparison(file: Path) -> dict[str, Any]:
    """Return the content of ``model_comparison.json`` of `agelens compare-models`.

    Raises:
        AgeLensError: the file holds something else.
    """
    content = read_json(file)
    if (
        not fits(content, _SHAPE)
        or not content["overall"]
        or {*content["overall"], *content["groups"]} - set(FIGURES)
    ):
        raise AgeLensError(
            f"{file} does not hold a comparison of two networks as this AgeLens writes it; run 'agelens "
            "compare-models' again."
        )
    return dict(content)


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
        AgeLensError: the file holds something else, two other networks, this one twice, or counts images that made one
            of them.
    """
    content = open_comparison(file)
    settings = content["settings"]
    places = [place for place, one in enumerate(content["bundles"]) if set(one.values()) == {identity}]
    if not places:
        raise AgeLensError(f"{file} is about other networks; run 'agelens compare-models' with this one.")
    if len(places) > 1:
        raise AgeLensError(
            f"{file} compares this network with itself; run 'agelens compare-models' with another."
        )
    if settings["overlap"] == "allow":
        raise AgeLensError(
            f"{file} counts images that made a network, so it is no figure to hand on; repeat 'agelens compare-models' "
            "with --overlap skip."
        )
    (place,) = places
    return {
        "other": content["names"][1 - place],
        "source": settings["source"],
        "split": settings["split"],
        "faces": content["faces"],
        "overall": [{"figure": name, **_row(one, place)} for name, one in content["overall"].items()],
        "groups": [
            {"figure": name, "kind": kind, "group": group, **_row(one, place)}
            for name, kinds in content["groups"].items()
            for kind, named in kinds.items()
            for group, one in named.items()
            if one["better"] and one["faces"] >= FEW_FACES
        ],
    }


def _row(one: dict[str, Any], place: int) -> dict[str, Any]:
    """A paired difference seen from the network at a place, 0 or 1."""
    sign = 1 if place else -1
    names = ("first", "second") if place == 0 else ("second", "first")
    return {
        "this": one[names[0]],
        "other": one[names[1]],
        # Plus 0.0, for there is no difference of -0.0.
        "difference": sign * one["difference"] + 0.0,
        "ci95": one["ci95"] and sorted(sign * end + 0.0 for end in one["ci95"]),
        "p": one["p"],
        "faces": one["faces"],
        "better": {names[0]: "this", names[1]: "other"}.get(one["better"], ""),
    }
