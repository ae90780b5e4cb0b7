"""The audit of a study: corrections of its labels, what is wrong with its faces, and their split."""

from typing import TYPE_CHECKING, Any

import pandas as pd

from agelens.data.audit import Audit, audit
from agelens.data.audit_sources import count_by_source
from agelens.data.corrections import Corrections, read_corrections
from agelens.data.picture_quality import can_check, check_pictures
from agelens.data.splits import SplitRatios, describe_splits, split_if_enough
from agelens.data.table import Faces, write_table
from agelens.errors import AgeLensError
from agelens.reporting.galleries import write_gallery
from agelens.study.aligning import align_sources
from agelens.study.origin import Source
from agelens.utils.files import read_json, write_json

if TYPE_CHECKING:
    from agelens.data.sources.options import ReadingOptions
    from agelens.study.folder import StudyFolder


def audit_faces(
    run: "StudyFolder",
    source: Source | Faces,
    seed: int | None = None,
    limit: int | None = None,
    split_ratios: SplitRatios | None = None,
    reading: "ReadingOptions | None" = None,
) -> dict[str, Any]:
    """Audit and split; returns the content of ``audit.json``."""
    run.begin(source, seed, limit, split_ratios, reading)
    return dict(read_json(run.folder / "audit.json"))


def usable_faces(found: Audit, faces: Faces) -> pd.DataFrame:
    """Return the rows of a source that an audit found usable, with the column ``group``.

    Raises:
        AgeLensError: not one of them is.
    """
    table = found.usable(faces.table)
    if table.empty:
        first = found.unreadable[0]
        raise AgeLensError(
            f"Not one image of {faces.source} can be used: {first.file} {first.reason}, for example."
        )
    return table


def corrected(run: "StudyFolder", faces: Faces) -> Faces:
    """Return the faces without those that were excluded, with the labels that were replaced, now or at the beginning.

    Raises:
        AgeLensError: the study was begun with other corrections.
    """
    kept = Corrections.from_json(run.config["corrections"]) if "corrections" in run.config else None
    wanted = read_corrections(run.corrections, faces) if run.corrections else kept or Corrections()
    if run.config and wanted.to_json() != (kept or Corrections()).to_json():
        raise AgeLensError(
            f"{run.folder} was begun with other corrections (--exclude, --relabel); give another --out, or delete "
            "it."
        )
    if wanted:
        run.config["corrections"] = wanted.to_json()
        # The first names stay, so that who goes on with copies of the files goes on with the same study.
        run.config.setdefault("correction_files", run.corrections.names())
    return wanted.apply(faces)


def audit_into(run: "StudyFolder", faces: Faces, aligned: list[str]) -> None:
    """Audit faces, split them, and write ``table.csv``, ``audit.json`` and ``audit.html`` into a study.

    Args:
        aligned: names of the sources whose faces are cut out of their photographs first.

    Raises:
        AgeLensError: not one image can be used.
    """
    given = faces.table
    if aligned:
        faces = align_sources(run, faces, aligned)
    found = audit(faces, run.track)
    table = usable_faces(found, faces)
    table = split_if_enough(table, run.config["seed"], run.split_ratios, run.say)
    if "split" in table.columns:
        run.say(describe_splits(table))
    quality = check_pictures(table, faces.source, run.track) if can_check() else None
    write_gallery(found, faces.table, run.folder / "audit.html", quality)
    judged = {"picture_quality": quality and quality.to_json()}
    write_json(
        run.folder / "audit.json", {**found.to_json(), **judged, **count_by_source(faces, found, given)}
    )
    write_table(table, run.folder / "table.csv")
