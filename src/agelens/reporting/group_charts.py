"""Heat maps of pairs of groups, from the section ``disaggregated``."""

from typing import Any

import plotly.graph_objects as go

from agelens.evaluation.group_report import TITLES
from agelens.evaluation.groups import PAIR, kind_title
from agelens.reporting.dataset_charts import PALETTE, style

_PALE = "#EEF3F7"


def heat_maps(section: dict[str, Any]) -> dict[str, go.Figure]:
    """Return a heat map for each figure and each pair of kinds of groups, by name.

    Args:
        section: the value of ``disaggregated`` in ``evaluation.json``; empty where there is none.
    """
    return {
        f"groups_{name}_{kind.replace(PAIR, '_')}": heat_map(name, kind, told)
        for name, figures in section.get("figures", {}).items()
        if name != "coverage"
        for kind, told in figures["kinds"].items()
        if PAIR in kind and len(told["by_group"]) > 1
    }


def heat_map(name: str, kind: str, told: dict[str, Any]) -> go.Figure:
    """Return one figure for each pair of groups; dark is bad, and what rests on few faces is in brackets.

    Args:
        name: of the figure, such as "age_mae".
        kind: a pair of kinds.
        told: its groups.
    """
    cells = {tuple(pair.split(PAIR)): figure for pair, figure in told["by_group"].items()}
    columns, rows = ([*dict.fromkeys(pair[place] for pair in cells)] for place in (0, 1))
    values = [[_value(cells.get((column, row))) for column in columns] for row in rows]
    text = [[_text(name, cells.get((column, row))) for column in columns] for row in rows]
    known = [value for line in values for value in line if value is not None]
    colours = [_PALE, PALETTE[0]] if name == "age_mae" else [PALETTE[0], _PALE]
    figure = go.Figure(
        go.Heatmap(
            x=columns,
            y=rows,
            z=values,
            zmin=min(known),
            zmax=max(known) if max(known) > min(known) else min(known) + 1e-9,
            text=text,
            texttemplate="%{text}",
            textfont={"size": 13},
            colorscale=[[0.0, colours[0]], [1.0, colours[1]]],
            showscale=False,
            xgap=2,
            ygap=2,
            hovertemplate="%{x}, %{y}: %{text}<extra></extra>",
        )
    )
    first, second = kind.split(PAIR)
    figure.update_xaxes(type="category", categoryarray=columns, title=kind_title(first), showgrid=False)
    figure.update_yaxes(
        type="category", categoryarray=rows, title=kind_title(second), autorange="reversed", showgrid=False
    )
    faces = sum(figure["faces"] for figure in cells.values())
    return style(
        figure,
        f"{TITLES[name]}, by {kind_title(kind)[0].lower()}{kind_title(kind)[1:]}",
        f"n = {faces:,} faces; in brackets: fewer than 30 independent faces (near duplicates count once)",
        f"{TITLES[name]} for each pair of {kind_title(kind).lower()}, as a table in colours.",
        height=150 + 48 * len(rows),
    )


def _value(cell: dict[str, Any] | None) -> float | None:
    return None if cell is None else float(cell["value"])


def _text(name: str, cell: dict[str, Any] | None) -> str:
    if cell is None:
        return ""
    told = f"{cell['value']:.1f}" if name == "age_mae" else f"{100 * cell['value']:.0f} %"
    return f"({told})" if cell["few"] else told
