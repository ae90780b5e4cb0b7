"""Sources that are photographs, or crops that are not aligned: a study finds and aligns their faces by itself."""

from typing import Any, Protocol

import pandas as pd

from agelens.data.alignment import VERSION, align_table
from agelens.data.rows import Rejected
from agelens.data.table import Faces, join_tables, source_names
from agelens.detection.alignment import UTKFACE
from agelens.detection.detector import find_detector
from agelens.detection.framing import VERSION as FRAMING_VERSION
from agelens.detection.framing import measure_framing
from agelens.utils.files import digest_json

FOLDER = "crops"


class AligningRun(Protocol):
    """What aligning needs of a `agelens.study.folder.StudyFolder`."""

    folder: Any
    track: Any
    say: Any
    config: dict[str, Any]
    aligning: bool
    crops_as_they_are: bool


def sources_to_align(run: AligningRun, table: pd.DataFrame, files: str) -> list[str]:
    """Return the names of the sources whose faces are to be aligned, from a sample of each that the detector looks at.

    What was seen is kept in the run's configuration. A command that trains nothing aligns nothing new.

    Args:
        run: of the study; it says so where a source is to be aligned.
        table: the face table that is to be studied.
        files: digest of what it holds.
    """
    if run.crops_as_they_are or run.config.get("synthetic"):
        return []
    fingerprint = digest_json([files, FRAMING_VERSION, VERSION])
    kept = run.config.get("framing", {})
    if kept.get("fingerprint") == fingerprint:
        return list(kept["aligned"])
    if not run.aligning:
        return []
    detector, aligned = find_detector(), []
    for name in source_names(table):
        rows = table[table["source"] == name]
        boxed = any(column in rows.columns and (rows[column] != "").any() for column in ("box", "landmarks"))
        seen = measure_framing(rows["path"].tolist(), detector)
        if boxed or not seen.is_aligned:
            run.say(
                f"{name}: the images are not aligned as crops are ({seen.describe()}, and the "
                f"landmarks lie {seen.deviation:.3f} of the side from their places there); their faces are found and "
                "aligned"
            )
            aligned.append(name)
    run.config["framing"] = {"fingerprint": fingerprint, "aligned": aligned}
    return aligned


def align_sources(run: AligningRun, faces: Faces, names: list[str]) -> Faces:
    """Return the faces with those of some sources cut out and aligned; photographs that give none are told."""
    detector, tables, lost = find_detector(), [], list[Rejected]()
    for name in source_names(faces.table):
        rows = faces.table[faces.table["source"] == name].reset_index(drop=True)
        if name not in names:
            tables.append(rows)
            continue
        done = align_table(rows, run.folder / FOLDER / _folder_name(name), detector, UTKFACE, track=run.track)
        tables.append(done.table)
        lost += done.left_out
        rate = f", {done.images_per_second:.1f} a second" if done.images_per_second else ""
        told = ""
        if done.left_out:
            first = done.left_out[0]
            told = f"; {len(done.left_out):,} left out, such as {first.file}: {first.reason}"
        run.say(f"{name}: {len(done.table):,} of {len(rows):,} faces found and aligned{rate}{told}")
    return Faces(
        join_tables(tables),
        faces.rejected,
        faces.source,
        [*faces.unreadable, *lost],
        faces.notes,
        faces.formats,
    )


def _folder_name(name: str) -> str:
    """A source's name as that of a folder."""
    return "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in name)
