"""What an evaluation would replace: figures of other networks are kept, those of other faces told."""

import json
from collections.abc import Sequence
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
        sources: names of the sources that are measured; none are all.
        framed: what becomes of whole photographs, as there.
    """

    networks: str
    bundles: dict[str, str]
    split: str
    overlap: str
    sources: tuple[str, ...] = ()
    framed: str = "refuse"

    def settings(self) -> dict[str, str]:
        """What of it an evaluation keeps in its settings beside what is there."""
        return {"networks": self.networks, "overlap": self.overlap}


def measured(
    folder: Path | None,
    bundles: list[Bundle],
    split: str,
    overlap: str,
    sources: Sequence[str] = (),
    framed: str = "refuse",
) -> Measured:
    """Describe an evaluation of a bundle's folder; None is the run's own."""
    identities = {task: str(one.card["identity"]) for one in bundles for task in one.tasks}
    networks = _OWN if folder is None else f"the bundle {folder}"
    return Measured(networks, identities, split, overlap, tuple(sources), framed)


def refuse_to_replace(run: Path, wanted: Measured) -> str:
    """Refuse to measure where other figures stand that would be lost, or something that is no evaluation.

    A run's own networks may have been trained anew since they were measured: those figures are replaced, and so are
    those of the same networks on another split. Those on other sources or of faces framed otherwise are not.

    Returns:
        what to say of faces whose figures are replaced; empty where nothing is lost.

    Raises:
        AgeLensError: figures of other networks, sources or framing stand there, or a file of somebody else.
    """
    standing = _settings(run / EVALUATION)
    if standing is None:
        _refuse_foreign_predictions(run / PREDICTIONS)
        return ""
    networks = str(standing.get("networks", "another network"))
    split, overlap = standing.get("split"), standing.get("overlap", wanted.overlap)
    sources, framed = tuple(standing.get("sources", ())), standing.get("framed", wanted.framed)
    same_networks = standing["bundles"] == wanted.bundles or networks == wanted.networks == _OWN
    # Where a measurement is not refused no image was seen, and there is nothing to leave out or to include.
    same_faces = split == wanted.split and (
        overlap == wanted.overlap or "refuse" in (overlap, wanted.overlap)
    )
    same_pictures = set(sources) == set(wanted.sources) and _aligned(framed) == _aligned(wanted.framed)
    stands = _faces(split, overlap, sources, framed)
    new = _faces(wanted.split, wanted.overlap, wanted.sources, wanted.framed)
    if not (same_networks and same_pictures):
        raise AgeLensError(
            f"{run / EVALUATION} holds the figures of {networks} on {stands}, and those of {wanted.networks} on {new} "
            "would replace them; give another folder with --out, or replace them with --force."
        )
    return "" if same_faces else f"the figures on {new} replace those on {stands}"


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


def _aligned(framed: str) -> bool:
    """Whether faces were found and aligned; crops measured as they are give the same figures, looked at or not."""
    return framed == "align"


def _faces(split: object, overlap: str, sources: Sequence[str], framed: str) -> str:
    faces = "all faces" if split == "all" else f"the {split} split"
    if sources:
        faces += f" of {' and '.join(sources)}"
    if _aligned(framed):
        faces += ", found and aligned,"
    return faces + {"skip": " without those it has seen", "allow": " with those it has seen"}.get(overlap, "")
