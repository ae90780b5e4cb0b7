"""Reading any source, or several, as a face table."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from agelens.data.rows import Rows, refuse_no_text
from agelens.data.sources import parquet
from agelens.data.sources.csv import SUFFIXES as TEXTS
from agelens.data.sources.csv import read_manifest
from agelens.data.sources.csv_text import read_sheet
from agelens.data.sources.folders import read_folder
from agelens.data.sources.formats import check_format, find_sheet_format
from agelens.data.sources.options import ReadingOptions, check_options
from agelens.data.table import Faces, build_faces, join_tables
from agelens.errors import AgeLensError
from agelens.utils.arguments import as_path
from agelens.utils.folders import what_is

_SPREADSHEETS = (".xlsx", ".xls", ".xlsm", ".ods")


def read_faces(source: Path | str, options: ReadingOptions | None = None) -> Faces:
    """Return the faces of a folder, of a CSV or Parquet manifest, or of the label file of a published data set.

    The format is found by the header of a file or by the names in a folder (`agelens.data.sources.formats`). Paths in
    a manifest are taken relative to the manifest's folder, else to the working folder. What cannot be used is listed
    and left out.

    Args:
        source: folder or file.
        options: what a person says of how it is to be read.

    Raises:
        AgeLensError: the source does not exist, is empty, lacks a column, or has not one usable row.
    """
    source = as_path("source", source)
    options = ReadingOptions() if options is None else check_options(options)
    check_format(options.format)
    refuse_no_text(source.absolute())
    kind, suffix = what_is(source), source.suffix.lower()
    if kind == "folder":
        return build_faces(
            read_folder(source, options.format),
            source,
            "names must be AGE_GENDER_RACE_TIME.jpg as in UTKFace, or use a .csv manifest",
        )
    if kind == "file" and suffix in TEXTS | parquet.SUFFIXES:
        return build_faces(_read_file(source, options), source, "mend its rows")
    if kind == "file" and suffix in _SPREADSHEETS:
        raise AgeLensError(f"{source} is a spreadsheet; save it as CSV and give that.")
    if os.path.lexists(source):
        raise AgeLensError(f"{source} is neither a folder of images nor a .csv manifest.")
    raise AgeLensError(f"{source} does not exist; give a folder of UTKFace images or a .csv manifest.")


def _read_file(file: Path, options: ReadingOptions) -> Rows:
    is_parquet = file.suffix.lower() in parquet.SUFFIXES
    sheet = parquet.read_parquet(file) if is_parquet else read_sheet(file)
    # Who names columns has a file of their own.
    form = None if options.columns and not options.format else find_sheet_format(sheet.header, options.format)
    if form is not None:
        sheet = form.to_manifest(sheet, file)
    read = read_manifest(file, sheet, options)
    read.format = form.title if form else "Parquet manifest" if is_parquet else "CSV manifest"
    return read


def read_sources(sources: Sequence[Path | str], options: ReadingOptions | None = None) -> Faces:
    """Return the faces of several sources as one table, whose column ``source`` tells them apart.

    Args:
        sources: folders or files, as `read_faces` takes them; of one alone it gives the same.

    Raises:
        AgeLensError: as of `read_faces`, or a source is given twice.
    """
    places = [as_path("source", source).absolute() for source in sources]
    if twice := [str(place) for place, count in Counter(map(os.path.realpath, places)).items() if count > 1]:
        raise AgeLensError(f"{twice[0]} is given twice; give each source once.")
    found = [read_faces(source, options) for source in sources]
    if len(found) == 1:
        return found[0]
    root = common_folder(places)
    names = _distinct([one.table["source"].iloc[0] for one in found], places)
    joined = []
    for one, name in zip(found, names, strict=True):
        # A manifest that tells sources apart by itself keeps its own.
        own = one.table["source"].nunique() > 1
        joined.append(one.table if own else one.table.assign(source=name))
    return Faces(
        join_tables(joined),
        [
            replace(rejected, file=_under_root(place, rejected.file, root))
            for one, place in zip(found, places, strict=True)
            for rejected in one.rejected
        ],
        root,
        [rejected for one in found for rejected in one.unreadable],
        [f"{name}: {note}" for one, name in zip(found, names, strict=True) for note in one.notes],
        {name: title for one, name in zip(found, names, strict=True) for title in one.formats.values()},
    )


def common_folder(sources: Sequence[Path | str]) -> str:
    """Return the folder below which the files of several sources are called by their names."""
    places = [Path(source).absolute() for source in sources]
    return os.path.commonpath([place if place.is_dir() else place.parent for place in places])


def _distinct(names: Sequence[str], places: Sequence[Path]) -> list[str]:
    """Names of sources, with their folders' names before them where two are called alike, or else a number behind."""
    if len(set(names)) < len(names):
        names = [f"{place.parent.name}/{name}" for name, place in zip(names, places, strict=True)]
    counts = Counter[str]()
    told = []
    for name in names:
        counts[name] += 1
        told.append(name if counts[name] == 1 else f"{name} {counts[name]}")
    return told


def _under_root(place: Path, file: str, root: str) -> str:
    """A file that was left out of a source, as it is called below the folder that holds all the sources."""
    folder = place if place.is_dir() else place.parent
    below = os.path.relpath(folder, root)
    return file if below == "." else f"{Path(below).as_posix()}/{file}"
