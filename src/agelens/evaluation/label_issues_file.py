"""What a card tells of the labels that a network learned from, out of ``label_issues.json``."""

from pathlib import Path
from typing import Any

from agelens.errors import AgeLensError
from agelens.utils.files import read_json

_NUMBERS = ("age_mae", "gender_accuracy")
_COUNTS = ("faces", "gender_labels", "estimated_wrong_genders", "folds")


def read_label_issues(file: Path) -> dict[str, Any]:
    """Read how many labels of a network's data are probably wrong.

    Args:
        file: ``label_issues.json`` of `agelens label-issues`.

    Returns:
        JSON for a card: ``sources`` (names), ``faces``, ``gender_labels``, ``estimated_wrong_genders``, ``age_mae``
        (years) and ``gender_accuracy`` (0 to 1) of the estimates, each None of no labels, ``backbone``, ``folds``.

    Raises:
        AgeLensError: the file holds something else, or its estimates are those of random weights.
    """
    content = read_json(file)
    try:
        told = {
            "sources": [str(name) for name in content["sources"]],
            "backbone": str(content["backbone"]),
            **{name: int(content[name]) for name in _COUNTS},
            **{name: None if content[name] is None else float(content[name]) for name in _NUMBERS},
        }
        at_random = content["weights"] == "random"
    except (KeyError, TypeError, ValueError):
        raise AgeLensError(
            f"{file} does not tell of suspicious labels; 'agelens label-issues' writes label_issues.json."
        ) from None
    if at_random:
        raise AgeLensError(
            f"{file} stands on a backbone with random weights, so it says little of the labels; repeat 'agelens "
            "label-issues' without --weights random."
        )
    return told
