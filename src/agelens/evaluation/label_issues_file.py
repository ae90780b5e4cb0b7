"""What a card tells of the labels that a network learned from, out of ``label_issues.json``."""

from pathlib import Path
from typing import Any

from agelens.errors import AgeLensError
from agelens.utils.files import read_json

_COUNTS = ("faces", "gender_labels", "folds")
_MAY_LACK = {"estimated_wrong_genders": int, "age_mae": float, "gender_accuracy": float}


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
    content = read_json(file)
    try:
        own = str(content["source"])
        told = {
            "source": own,
            "backbone": str(content["backbone"]),
            **{name: int(content[name]) for name in _COUNTS},
            **{
                name: None if content[name] is None else kind(content[name])
                for name, kind in _MAY_LACK.items()
            },
        }
        at_random = content["weights"] == "random"
    except (KeyError, TypeError, ValueError):
        raise AgeLensError(
            f"{file} does not tell of suspicious labels as this AgeLens does; run 'agelens label-issues' again."
        ) from None
    if sorted(own.split(" and ")) != sorted(source.split(" and ")):
        raise AgeLensError(
            f"{file} tells of labels of {own}, and the network was made from {source}; give the labels of "
            "its own data."
        )
    if at_random:
        raise AgeLensError(
            f"{file} stands on a backbone with random weights, so it says little of the labels; repeat 'agelens "
            "label-issues' without --weights random."
        )
    return told
