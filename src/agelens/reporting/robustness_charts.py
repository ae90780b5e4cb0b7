"""Charts of a stress test for the report: what each corruption costs, all levels of one in a row."""

from typing import Any

import plotly.graph_objects as go

from agelens.evaluation.corruptions import CLEAN
from agelens.reporting.dataset_charts import PALETTE, QUIET, style
from agelens.reporting.result_charts import MEASURES, SYMBOLS

_ROW = 36


def worse_pictures(result: dict[str, Any]) -> dict[str, go.Figure]:
    """Return a chart for each network of a stress test and each task that it was measured for, by name.

    Args:
        result: the value of ``stress.json``; empty where there is none.
    """
    return {
        f"worse_pictures_{task}_{number}": _chart(result, network, task)
        for number, network in enumerate(result.get("networks", []), start=1)
        for task in MEASURES
        if any(row[MEASURES[task].key] is not None for row in network["levels"])
    }


def _chart(result: dict[str, Any], network: dict[str, Any], task: str) -> go.Figure:
    """One row a corruption with a mark for each level, beside the value on the pictures as they are."""
    measure = MEASURES[task]
    rows = [row for row in network["levels"] if row[measure.key] is not None]
    # What a level is stands behind the colon, and in the table.
    names = {name: one["title"].split(":")[0] for name, one in result["corruptions"].items()}
    most = max(len(one["levels"]) for one in result["corruptions"].values())
    figure = go.Figure()
    for place in range(most):
        chosen = [
            row
            for row in rows
            if row["corruption"] in names
            and result["corruptions"][row["corruption"]]["levels"][place : place + 1] == [row["level"]]
        ]
        figure.add_scatter(
            x=[row[measure.key] for row in chosen],
            y=[names[row["corruption"]] for row in chosen],
            text=[f"{row['level']:g}" for row in chosen],
            mode="markers",
            name=f"level {place + 1}",
            marker={
                "color": PALETTE[place % len(PALETTE)],
                "symbol": SYMBOLS[place % len(SYMBOLS)],
                "size": 10,
            },
            hovertemplate="%{y} %{text}: %{x}<extra></extra>",
        )
    for row in rows:
        if row["corruption"] == CLEAN:
            figure.add_vline(x=row[measure.key], line={"color": QUIET, "dash": "dash", "width": 1.5})
    figure.update_xaxes(
        title=measure.axis,
        tickformat=measure.tickformat,
        rangemode="tozero" if measure.fewer_is_better else "normal",
    )
    figure.update_yaxes(type="category", categoryarray=list(names.values()), autorange="reversed")
    return style(
        figure,
        f"{task.title()}: {measure.words} on worse pictures",
        f"{network['name']}, n = {result['images']:,} pictures"
        f"{', of those whose age is known in years' if task == 'age' else ''}; levels in the order of the table; "
        "dashed line: the pictures as they are",
        f"{measure.words.capitalize()} of {network['name']} for each level of {', '.join(names.values())}.",
        height=170 + _ROW * len(names),
    )
