"""The page of a stress test: curves of error, coverage and faces found by corruption, and the table behind them."""

import json
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import plotly.offline
from markupsafe import Markup

from agelens._version import __version__
from agelens.evaluation.corruptions import CLEAN, CORRUPTIONS
from agelens.reporting.dataset_charts import template
from agelens.reporting.pages import render_page
from agelens.reporting.result_charts import pen
from agelens.utils.files import write_text

# Key in the figures, title of the chart, unit, and what numbers are multiplied by for it.
MEASURES = (
    ("mae", "Age: mean absolute error", "years", 1),
    ("coverage", "Ages within the 90 % interval", "%", 100),
    ("accuracy", "Gender as labelled", "%", 100),
    ("found", "Faces found", "%", 100),
)
_HEIGHT = 260


def write_robustness_page(result: dict[str, Any], path: Path) -> None:
    """Write the result of `agelens.study.stress.stress_network` as one self-contained HTML page, atomically."""
    # Among crops no face is searched.
    measures = [
        one for one in MEASURES if _known(result, one[0]) and not (result["crops"] and one[0] == "found")
    ]
    charts = {
        f"{corruption.name}-{measure[0]}": json.loads(_curves(result, corruption.name, measure).to_json())
        for corruption in CORRUPTIONS
        for measure in measures
        if _levels(result, corruption.name)
    }
    context = {
        "result": result,
        "corruptions": [one for one in CORRUPTIONS if _levels(result, one.name)],
        "measures": measures,
        "charts": {
            "figures": charts,
            "themes": {name: template(dark=name == "dark").to_plotly_json() for name in ("light", "dark")},
        },
        "height": _HEIGHT,
        "clean": CLEAN,
        "version": __version__,
        "plotly_js": Markup(plotly.offline.get_plotlyjs()),
    }
    write_text(path, render_page("robustness.html.j2", context))


def _known(result: dict[str, Any], key: str) -> bool:
    return any(row[key] is not None for one in result["networks"] for row in one["levels"])


def _levels(result: dict[str, Any], corruption: str) -> list[dict[str, Any]]:
    return [row for row in result["networks"][0]["levels"] if row["corruption"] == corruption]


def _curves(result: dict[str, Any], corruption: str, measure: tuple[str, str, str, int]) -> go.Figure:
    """One curve a network over the levels of a corruption, from the picture as it is on."""
    key, title, axis, factor = measure
    figure = go.Figure()
    for index, network in enumerate(result["networks"]):
        rows = [row for row in network["levels"] if row["corruption"] in (CLEAN, corruption)]
        rows = [row for row in rows if row[key] is not None]
        values = [factor * row[key] for row in rows]
        ends = [row.get(f"{key}_ci95") for row in rows]
        figure.add_scatter(
            x=["as is" if row["corruption"] == CLEAN else f"{row['level']:g}" for row in rows],
            y=values,
            name=network["name"],
            mode="lines+markers",
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [
                    factor * end[1] - value if end else 0 for end, value in zip(ends, values, strict=True)
                ],
                "arrayminus": [
                    value - factor * end[0] if end else 0 for end, value in zip(ends, values, strict=True)
                ],
                "thickness": 1,
                "width": 0,
            },
            showlegend=len(result["networks"]) > 1,
            **pen(index),
        )
    figure.update_xaxes(type="category", tickangle=0)
    figure.update_yaxes(title=axis, range=[0, 103] if factor == 100 else None, rangemode="tozero")
    figure.update_layout(
        height=_HEIGHT, margin={"l": 10, "r": 10, "t": 8, "b": 10}, meta={"alt": f"{title} by {corruption}"}
    )
    return figure
