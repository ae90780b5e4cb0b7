"""One HTML file that tells a run from its data to its test, readable without a network and on a phone."""

import json
import shlex
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import plotly.offline
from markupsafe import Markup
from PIL import Image

from agelens._version import __version__
from agelens.data.labels import age_bounds, has_exact_age
from agelens.errors import AgeLensError
from agelens.evaluation.compare_models import FIGURES
from agelens.evaluation.group_report import TITLES
from agelens.evaluation.groups import FEW_FACES, kind_title
from agelens.reporting import facts, formats, prediction_charts, result_charts
from agelens.reporting.age_limit_charts import age_limit_charts
from agelens.reporting.caveats import caveats
from agelens.reporting.certainty_charts import certainty_charts
from agelens.reporting.checks import checks
from agelens.reporting.dataset_charts import template
from agelens.reporting.exploration import (
    CHARTS,
    charts_of,
    draw_rows,
    face_captions,
    fully_labelled,
    load_tile,
)
from agelens.reporting.face_grid import write_grid
from agelens.reporting.figure_files import write_figure
from agelens.reporting.group_charts import heat_maps
from agelens.reporting.group_tables import extremes, group_tables, write_group_table
from agelens.reporting.pages import render_page
from agelens.reporting.robustness_charts import worse_pictures
from agelens.reporting.sources import count_sources, source_columns
from agelens.reporting.study_files import TASKS, StudyFiles, read_study_files
from agelens.reporting.thumbnails import encode_jpeg
from agelens.reporting.training_chart import training_history
from agelens.utils.files import write_text
from agelens.utils.images import Pixels

# The step that makes each part of a run, as the person types it.
COMMANDS = {
    "audit": "agelens audit FOLDER --out {run}",
    "explore": "agelens explore --out {run}",
    "compare": "agelens compare --out {run}",
    "age": "agelens train --task age --out {run}",
    "gender": "agelens train --task gender --out {run}",
    "evaluate": "agelens evaluate --out {run}",
}
THUMBNAIL_QUALITY = 82


def write_report(run: Path) -> Path:
    """Write ``report.html`` into the folder of a run, and what it shows as files beside it.

    The charts of the results go into ``charts`` as PNG, SVG and PDF, the figures by group into ``tables`` as CSV.

    Args:
        run: the folder; it may hold any part of a run. A section without its files names the command that
            makes them.

    Returns:
        The path of the report: one file, with charts, script and small face pictures inside it.

    Raises:
        AgeLensError: the folder does not exist, or one of its files is broken.
    """
    if not run.is_dir():
        raise AgeLensError(f"{run} does not exist; run 'agelens audit FOLDER --out {run}' first.")
    found = read_study_files(run)
    figures = draw_all(found)
    for name in figures.keys() - {*CHARTS, "ages_by_source"}:
        write_figure(figures[name], run / "charts" / name)
    for task in TASKS:
        if found.evaluation.get(task):
            write_group_table(found.evaluation[task], run / "tables" / f"{task}_by_group.csv")
    embedded = {name: _embed(figure) for name, figure in figures.items()}
    context = {
        "run": found,
        "facts": facts,
        "formats": formats,
        "group_titles": TITLES,
        "kind_title": kind_title,
        "caveats": caveats(found),
        "checks": checks(found),
        "model_figures": FIGURES,
        "few_faces": FEW_FACES,
        "groups": {task: group_tables(found.evaluation.get(task, {})) for task in TASKS},
        "group_tables": group_tables,
        "extremes": extremes,
        "source_columns": source_columns,
        "sources": count_sources(found.table) if found.table is not None else [],
        "commands": {step: text.format(run=shlex.quote(str(run))) for step, text in COMMANDS.items()},
        "compared": [task for task in TASKS if found.comparison.get(task)],
        "figures": embedded,
        "charts_json": {
            "figures": {name: figure.pop("value") for name, figure in embedded.items()},
            "themes": {name: template(dark=name == "dark").to_plotly_json() for name in ("light", "dark")},
        },
        "faces": _face_tiles(found),
        "predicted": _predicted_tiles(found),
        "plotly_js": Markup(plotly.offline.get_plotlyjs()),
        "version": __version__,
    }
    target = run / "report.html"
    write_text(target, render_page("report.html.j2", context))
    return target


def draw_all(run: StudyFiles) -> dict[str, go.Figure]:
    """Return every chart that the files of a study give, by name, in the order of the report."""
    figures: dict[str, go.Figure] = {}
    if run.table is not None and len(run.table):
        figures |= {name: draw(fully_labelled(run.table)) for name, draw in charts_of(run.table).items()}
    for task in TASKS:
        if run.comparison.get(task):
            figures[f"learning_curves_{task}"] = result_charts.learning_curves(run.comparison, task)
        if run.comparison.get("notebook_exact", {}).get(task):
            figures[f"two_arithmetics_{task}"] = result_charts.two_arithmetics(run.comparison, task)
        if any(result_charts.has_speed(result) for result in run.comparison.get(task, {}).values()):
            figures[f"error_against_cost_{task}"] = result_charts.error_against_cost(run.comparison, task)
        if task in run.cards:
            figures[f"training_history_{task}"] = training_history(run.cards[task])
    if run.predictions is not None:
        figures |= _draw_predictions(run.predictions)
    if result_charts.has_groups(run.evaluation, "age"):
        figures["error_by_group"] = result_charts.error_by_group(run.evaluation)
    if result_charts.has_groups(run.evaluation, "gender"):
        figures["accuracy_by_group"] = result_charts.accuracy_by_group(run.evaluation)
    figures |= age_limit_charts(run.evaluation.get("age_limits", {}))
    figures |= heat_maps(run.evaluation.get("disaggregated", {}))
    figures |= certainty_charts(run.evaluation)
    figures |= worse_pictures(run.stress)
    return figures


def _draw_predictions(predictions: pd.DataFrame) -> dict[str, go.Figure]:
    """The charts of single faces; a network that was not measured has none."""
    figures = {}
    aged = predictions[has_exact_age(predictions)].dropna(subset=["age_years"])
    gendered = predictions.dropna(subset=["p_female", "gender"])
    if len(aged):
        figures["predicted_against_true"] = prediction_charts.predicted_against_true(aged)
    if len(gendered):
        figures["gender_confusion"] = prediction_charts.gender_confusion(gendered)
    if prediction_charts.has_roc(gendered):
        figures["gender_roc"] = prediction_charts.gender_roc(gendered)
    return figures


def _embed(figure: go.Figure) -> dict[str, Any]:
    """A figure for the page: its words become HTML, which wraps on a phone, its look the page's theme."""
    value = json.loads(figure.to_json())
    layout = value["layout"]
    title = layout.pop("title")
    del layout["template"]
    layout["margin"] = {"l": 10, "r": 10, "t": 36 if layout.get("annotations") else 14, "b": 10}
    return {
        "title": title["text"],
        "subtitle": title["subtitle"]["text"],
        "alt": layout["meta"]["alt"],
        "height": layout.setdefault("height", 420),
        "value": value,
    }


def _face_tiles(run: StudyFiles) -> list[dict[str, Any]]:
    """A sample of labelled faces, drawn by chance, as small pictures with captions."""
    if run.table is None:
        return []
    rows = draw_rows(run.table, run.seed)
    return [
        {"source": _data_url(load_tile(path)), "lines": [caption], "wrong": False}
        for path, caption in zip(rows["path"], face_captions(rows), strict=True)
    ]


def _predicted_tiles(run: StudyFiles) -> list[dict[str, Any]]:
    """A sample of the measured faces with labels and predictions; written as a PNG grid as well."""
    if run.predictions is None:
        return []
    rows = draw_rows(run.predictions, run.seed)
    columns = (rows["path"], *age_bounds(rows), *(rows[name] for name in ("gender", "age_years", "p_female")))
    tiles, faces = [], []
    for path, *labels_and_predictions in zip(*columns, strict=True):
        pixels = load_tile(path)
        lines, wrong = facts.prediction_lines(*labels_and_predictions)
        tiles.append({"source": _data_url(pixels), "lines": lines, "wrong": wrong})
        faces.append((pixels, "\n".join(lines)))
    write_grid(faces, run.folder / "charts" / "predictions.png")
    return tiles


def _data_url(pixels: Pixels) -> str:
    return "data:image/jpeg;base64," + encode_jpeg(Image.fromarray(pixels), THUMBNAIL_QUALITY)
