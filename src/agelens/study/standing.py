"""What an evaluation would replace: figures of other networks are kept, those of other faces told."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agelens.bundles.bundle import Bundle
from agelens.data.table import COLUMNS
from agelens.errors import AgeLensError

EVALUATION, PREDICTIONS = "evaluation.json", "predictions.csv"
_OWN = "the run's own networks"


@dataclass(frozen=True)
class Measured:
    """What an evaluation measures.

    Attributes:
        networks: in words, for a person.
        bundles: the identity of each bundle by task.
        split: "test", another split, or "all".
        overlap: what becomes of images that made a network, as for `agelens.evaluation.evaluate.evaluate`.
    """

    networks: str
    bundles: dict[str, str]
    split: str
    overlap: str

    def settings(self) -> dict[str, str]:
        """What of it an evaluation keeps in its settings beside what is there."""
        return {"networks": self.networks, "overlap": self.overlap}


def measured(folder: Path | None, bundles: list[Bundle], split: str, overlap: str) -> Measured:
    """Describe an evaluation of a bundle's folder; None is the run's own."""
    identities = {task: str(one.card["identity"]) for one in bundles for task in one.tasks}
    return Measured(_OWN if folder is None else f"the bundle {folder}", identities, split, overlap)


def refuse_to_replace(run: Path, wanted: Measured) -> str:
    """Refuse to measure where figures of other networks stand, or something that is no evaluation.

    A run's own networks may have been trained anew since they were measured: those figures are replaced, and so are
    those of the same networks on other faces.

    Returns:
        what to say of faces whose figures are replaced; empty where nothing is lost.

    Raises:
        AgeLensError: figures of other networks stand there, or a file of somebody else.
    """
    standing = _settings(run / EVALUATION)
    if standing is None:
        _refuse_foreign_predictions(run / PREDICTIONS)
        return ""
    networks = str(standing.get("networks", "another network"))
    split, overlap = standing.get("split"), standing.get("overlap", wanted.overlap)
    same_networks = standing["bundles"] == wanted.bundles or networks == wanted.networks == _OWN
    # Where a measurement is not refused no image was seen, and there is nothing to leave out or to include.
    same_faces = split == wanted.split and (
        overlap == wanted.overlap or "refuse" in (overlap, wanted.overlap)
    )
    if not same_networks:
        raise AgeLensError(
            f"{run / EVALUATION} holds the figures of {networks} on {_faces(split, overlap)}, and those of "
            f"{wanted.networks} on {_faces(wanted.split, wanted.overlap)} would replace them; give another folder with "
            "--out, or replace them with --force."
        )
    if same_faces:
        return ""
    return f"the figures on {_faces(wanted.split, wanted.overlap)} replace those on {_faces(split, overlap)}"


def _settings(file: Path) -> dict[str, Any] | None:
    """The settings of the evaluation that stands there, None where none does."""
    try:
        figures = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (json.JSONDecodeError, UnicodeDecodeError):
        figures = None
    settings = figures.get("settings") if isinstance(figures, dict) else None
    if isinstance(settings, dict) and isinstance(settings.get("bundles"), dict):
        return settings
    raise AgeLensError(
        f"{file} is no evaluation that AgeLens wrote; give another folder with --out, or replace it with --force."
    )


def _refuse_foreign_predictions(file: Path) -> None:
    """A measurement that was broken off may leave its table without its figures; anything else is somebody's."""
    if not file.exists():
        return
    with file.open("rb") as opened:
        start = opened.read(len(",".join(COLUMNS)))
    if start != ",".join(COLUMNS).encode():
        raise AgeLensError(
            f"{file} is no table that AgeLens wrote; give another folder with --out, or replace it with --force."
        )


def _faces(split: object, overlap: str) -> str:
    faces = "all faces" if split == "all" else f"the {split} split"
    return faces + {"skip": " without those it has seen", "allow": " with those it has seen"}.get(overlap, "")
