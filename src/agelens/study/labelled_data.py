"""Labelled faces that finished networks are measured on: a folder, a manifest, or a study that was audited."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from agelens.data.provenance import data_name
from agelens.data.sources.reading import read_faces
from agelens.data.table import read_table
from agelens.study.folder import is_study
from agelens.study.seals import open_study


@dataclass(frozen=True)
class LabelledData:
    """Faces with labels.

    Attributes:
        table: a face table.
        name: of the faces, as cards and pages tell it.
        audited: whether the table knows groups of near duplicates, and the split where there is one.
    """

    table: pd.DataFrame
    name: str
    audited: bool


def read_labelled(data: Path) -> LabelledData:
    """Read a folder of faces, a manifest, or the face table of a study.

    Raises:
        AgeLensError: there are no faces, or a study's table was altered since its audit.
    """
    if is_study(data):
        config = open_study(data)
        table = read_table(data / "table.csv")
        return LabelledData(table, data_name(config, table), True)
    # Of "." the last part has no name.
    return LabelledData(read_faces(data).table.reset_index(drop=True), data.absolute().name, False)
