"""Suspicious labels as ``label_issues.json`` counts them, and what of it a card tells."""

from pathlib import Path
from typing import Any

from agelens.errors import AgeLensError
from agelens.utils.files import read_json
from agelens.utils.shapes import fits

_TOLD = {
    "source": str, "backbone": str, "faces": int, "gender_labels": int, "folds": int, "age_mae": (None, float),
    "gender_accuracy": (None, float), "estimated_wrong_genders": (None, int),
}  # fmt: skip
_SHAPE = {**_TOLD, "weights": str, "top": int, "table": str, "page": str}


def open_label_issues(file: Path) -> dict[str, Any]:
    """Return the content of ``label_issues.json`` of `agelens label-issues`.

    Raises:
        AgeLensError: the file holds something else.
    """
    content = read_json(file)
    if not fits(content, _SHAPE) or (content["estimated_wrong_genders"] or 0) > content["gender_labels"]:
        raise AgeLensError(
            f"{file} does not tell of suspicious labels as this AgeLens does; run 'agelens label-issues' again."
        )
    return dict(content)


def read_label_issues(file: Path, source: str) -> dict[str, Any]:
    """Read how many labels of a network's data are probably wrong.

    Args:
        file: ``label_issues.json`` of `agelens label-issues`.
        source: the data that made the network, as its card names it.

    Returns:
        JSON for a card: ``source``, ``faces``, ``gender_labels``, ``folds`` and ``backbone``; ``age_mae`` (years) and
        ``gender_accuracy`` (0 to 1) of the estimates and ``estimated_wrong_genders``, each None of no such labels.

    Raises:
        AgeLensError: the file holds something else or tells of other data, or its estimates are those of random
            weights.
    """
    content = open_label_issues(file)
    if sorted(content["source"].split(" and ")) != sorted(source.split(" and ")):
        raise AgeLensError(
            f"{file} is about labels of {content['source']}, and the network was made from {source}; give the labels "
            "of its own data."
        )
    if content["weights"] == "random":
        raise AgeLensError(
            f"{file} stands on a backbone with random weights, so it says little of the labels; repeat 'agelens "
            "label-issues' without --weights random."
        )
    return {name: content[name] for name in _TOLD}
