"""Reading any source as a face table."""

import os
from pathlib import Path

from agelens.data.rows import is_line
from agelens.data.sources.csv import SUFFIXES as MANIFESTS
from agelens.data.sources.csv import read_manifest
from agelens.data.sources.folders import read_folder
from agelens.data.table import _SPREADSHEETS, Faces, build_faces
from agelens.errors import AgeLensError
from agelens.utils.folders import what_is


def read_faces(source: Path | str) -> Faces:
    """Read a folder of UTKFace-named images, or a CSV manifest with ``path, age, gender`` and optional ``race``.

    Paths in a manifest are taken relative to the manifest's folder, else to the working folder. What cannot be used is
    listed and left out.

    Raises:
        AgeLensError: the source does not exist, is empty, lacks a column, or has not one usable row.
    """
    source = Path(source)
    if not is_line(str(source.absolute())):
        raise AgeLensError(
            f"{str(source.absolute())!a} has letters that are no text; give the folder another name."
        )
    kind = what_is(source)
    if kind == "folder":
        return build_faces(
            read_folder(source),
            source,
            "names must be AGE_GENDER_RACE_TIME.jpg as in UTKFace, or use a .csv manifest",
        )
    if kind == "file" and source.suffix.lower() in MANIFESTS:
        return build_faces(read_manifest(source), source, "mend its rows")
    if kind == "file" and source.suffix.lower() in _SPREADSHEETS:
        raise AgeLensError(f"{source} is a spreadsheet; save it as CSV and give that.")
    if os.path.lexists(source):
        raise AgeLensError(f"{source} is neither a folder of images nor a .csv manifest.")
    raise AgeLensError(f"{source} does not exist; give a folder of UTKFace images or a .csv manifest.")
