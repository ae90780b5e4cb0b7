"""Charts of age limits: who passes and who is refused at challenge ages, from the section ``age_limits``."""

from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from agelens.evaluation.groups import GROUP_TITLES, kind_title
from agelens.reporting.dataset_charts import style
from agelens.reporting.result_charts import bars, pen

PANELS = {
    "false_positives": "Under-age who pass",
    "false_negatives": "Of age who are refused",
}


def age_limit_charts(section: dict[str, Any]) -> dict[str, go.Figure]:
    """Return a chart for each age limit, by name; none where the evaluation has no such section.

    Args:
        section: the value of ``age_limits`` in ``evaluation.json``; empty where there is none.
    """
    return {
        f"age_limit_{limit}": age_limit_curves(told, int(limit))
        for limit, told in section.get("limits", {}).items()
        if told["overall"]["curve"]["false_positives"] and told["overall"]["curve"]["false_negatives"]
    }


def age_limit_curves(told: dict[str, Any], limit: int) -> go.Figure:
    """Return false positives and false negatives over challenge ages, in two panels of one scale.

    Args:
        told: one limit of the section.
        limit: years.
    """
    overall = told["overall"]["curve"]
    lines = {"all": overall}
    for kind, groups in told["groups"].items():
        # Names of one's own may be those of other groups.
        before = "" if kind in GROUP_TITLES else f"{kind_title(kind)}: "
        lines |= {f"{before}{name}": group["curve"] for name, group in groups.items()}
    figure = make_subplots(1, 2, shared_yaxes=True, subplot_titles=list(PANELS.values()))
    for column, key in enumerate(PANELS, start=1):
        for index, (name, curve) in enumerate(lines.items()):
            if not curve[key]:
                continue
            figure.add_scatter(
                x=curve["challenge_ages"],
                y=curve[key],
                error_y=bars(curve[key], curve[f"{key}_ci95"] if name == "all" else [None] * len(curve[key])),
                name=name,
                legendgroup=name,
                showlegend=column == 1,
                mode="lines+markers",
                **_pen(index, name),
                row=1,
                col=column,
            )
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    figure.update_yaxes(title="Share of faces", col=1)
    figure.update_xaxes(title="Challenge age (years)")
    under, of_age = overall["false_positives_faces"], overall["false_negatives_faces"]
    return style(
        figure,
        f"Age limit {limit}: errors over challenge ages",
        f"{under:,} faces under {limit}, {of_age:,} of {limit} and over; bars: 95 % interval of all",
        f"Share of faces under {limit} that pass and of faces of {limit} and over that are refused, over challenge "
        f"ages, for {', '.join(lines)}.",
        meta={"panels": 2},
        height=460,
    )


def _pen(index: int, name: str) -> dict[str, Any]:
    told = pen(index)
    width, size = (3, 7) if name == "all" else (1.2, 3)
    return {"line": {**told["line"], "width": width}, "marker": {**told["marker"], "size": size}}
