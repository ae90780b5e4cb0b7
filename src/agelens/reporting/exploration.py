"""What a dataset looks like: charts, a grid of faces, and findings in words."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from agelens.data.labels import age_bounds, group_name, labelled_tasks
from agelens.data.table import with_label_dtypes
from agelens.errors import AgeLensError, ImageError
from agelens.reporting import dataset_charts as charts
from agelens.reporting.dataset_numbers import measure
from agelens.reporting.face_grid import write_grid
from agelens.reporting.figure_files import write_figure
from agelens.reporting.findings import describe
from agelens.reporting.sources import ages_by_source, count_sources, describe_sources, has_several_sources
from agelens.utils.files import write_json
from agelens.utils.images import Pixels, load_face
from agelens.utils.progress import Track, quiet

# In the order in which a report tells them.
CHARTS = {
    "gender_donut": charts.gender_donut,
    "gender_bar": charts.gender_bar,
    "age_histogram": charts.age_histogram,
    "age_violin": charts.age_violin,
    "age_box": charts.age_box,
    "age_gender_race": charts.age_gender_race,
}
GRID_FACES, TILE_SIDE = 32, 128


@dataclass(frozen=True)
class Exploration:
    """What exploring a face table gives.

    Attributes:
        figures: Plotly figures by name, in the order in which they are told.
        findings: sentences about the table, each computed from it.
        numbers: the numbers behind the findings, as JSON values; see `agelens.reporting.dataset_numbers.measure`.
    """

    figures: dict[str, go.Figure]
    findings: list[str]
    numbers: dict[str, Any]


def explore(table: pd.DataFrame, out: Path, seed: int, track: Track = quiet) -> Exploration:
    """Chart and describe a face table; writes ``charts/*.png`` and ``exploration.json`` into ``out``.

    Args:
        table: a face table with at least one row; a missing or empty race column is fine.
        out: the folder of the run; it is made.
        seed: draws the faces of ``charts/faces.png``.
        track: shows the progress.

    Raises:
        AgeLensError: the table has no row.
    """
    if table.empty:
        raise AgeLensError(
            "The face table has no row, so there is nothing to explore; run 'agelens audit' first."
        )
    figures = {}
    charts = charts_of(table)
    with track("charts", len(charts) + 1) as advance:
        for name, draw in charts.items():
            figures[name] = draw(fully_labelled(table))
            write_figure(figures[name], out / "charts" / name)
            advance(1)
        _write_faces(draw_rows(table, seed), out / "charts" / "faces.png")
        advance(1)
    numbers, findings = _numbers(table)
    numbers |= {"sources": count_sources(table)} if has_several_sources(table) else {}
    findings += describe_sources(table)
    write_json(out / "exploration.json", {"findings": findings, "numbers": numbers})
    return Exploration(figures, findings, numbers)


def charts_of(table: pd.DataFrame) -> dict[str, Callable[[pd.DataFrame], go.Figure]]:
    """The charts that the labels of a face table allow."""
    tasks = labelled_tasks(table)
    needs = {
        "gender_donut": ("gender",),
        "gender_bar": ("gender",),
        "age_histogram": ("age",),
        "age_box": ("age",),
    }
    whole = len(tasks) == 2 and len(fully_labelled(table)) > 0
    chosen: dict[str, Callable[[pd.DataFrame], go.Figure]] = {
        name: draw for name, draw in CHARTS.items() if whole or needs.get(name) == tasks
    }
    if has_several_sources(table) and "age" in tasks:
        chosen["ages_by_source"] = ages_by_source
    return chosen


def fully_labelled(table: pd.DataFrame) -> pd.DataFrame:
    """The faces that have every label which any of them has."""
    rows = table.dropna(subset=list(labelled_tasks(table))).reset_index(drop=True)
    return with_label_dtypes(rows) if len(rows) < len(table) else table


def _numbers(table: pd.DataFrame) -> tuple[dict[str, Any], list[str]]:
    """What `measure` and `describe` say of the faces that have both labels; nothing where one is missing of all."""
    rows = fully_labelled(table)
    if len(labelled_tasks(table)) < 2 or rows.empty:
        return {"images": len(table)}, []
    numbers = measure(rows)
    return numbers, describe(numbers)


def _write_faces(rows: pd.DataFrame, file: Path) -> None:
    captions = face_captions(rows)
    write_grid(
        [(load_tile(path), caption) for path, caption in zip(rows["path"], captions, strict=True)], file
    )


def draw_rows(table: pd.DataFrame, seed: int) -> pd.DataFrame:
    """At most GRID_FACES rows drawn by chance, in the order drawn; the same for the same table and seed."""
    return table.sample(n=min(GRID_FACES, len(table)), random_state=seed)


def face_captions(rows: pd.DataFrame) -> list[str]:
    """The labels of each face of a table as under its picture, see `face_caption`."""
    return list(map(face_caption, *age_bounds(rows), rows["gender"]))


def face_caption(age_min: float, age_max: float, gender: float) -> str:
    """The labels of a face as under its picture, such as "26 F" or "20-29 F"; "?" is not labelled.

    Args:
        age_min, age_max: first and last year of what is known of the age, equal for an exact one; NaN is not labelled.
        gender: 0 male, 1 female; NaN is not labelled.
    """
    age = "?" if age_min != age_min else group_name(int(age_min), int(age_max))
    return f"{age} {'?' if gender != gender else 'MF'[int(gender)]}"


def load_tile(path: str, image_size: int = TILE_SIDE) -> Pixels:
    """A face as uint8 RGB ``(side, side, 3)``; a crossed-out tile where the file is gone or broken."""
    try:
        return load_face(Path(path), image_size)
    except ImageError:
        # A picture in a grid is an illustration: the audit is where files that cannot be read are named.
        tile = np.full((image_size, image_size, 3), 200, dtype=np.uint8)
        diagonal = np.arange(image_size)
        tile[diagonal, diagonal] = tile[diagonal, image_size - 1 - diagonal] = 110
        return tile
