"""Charts of certainty: whether probabilities are right, and what leaving unsure faces out gives."""

from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go

from agelens.reporting.dataset_charts import PALETTE, QUIET, style
from agelens.reporting.result_charts import bars, pen


def certainty_charts(evaluation: dict[str, Any]) -> dict[str, go.Figure]:
    """Return the charts of an evaluation's certainty by name, as far as it has what they show.

    Args:
        evaluation: the value of ``evaluation.json``.
    """
    figures = {}
    limits = {
        f"{limit} or older": told["probability"]
        for limit, told in evaluation.get("age_limits", {}).get("limits", {}).items()
        if "probability" in told
    }
    if limits:
        figures["age_limit_reliability"] = reliability_diagram(limits, "Age limits: stated and true")
    certainty = evaluation.get("certainty", {})
    if "gender" in certainty:
        gender = certainty["gender"]
        figures["gender_reliability"] = reliability_diagram(
            {"female": gender["reliability"]}, "Gender: stated and true"
        )
        figures["gender_abstention"] = abstention_curve(gender["abstain"])
    if certainty.get("age"):
        figures["error_by_width"] = error_by_width(certainty["age"]["error_by_width"])
    return figures


def reliability_diagram(told: Mapping[str, dict[str, Any]], title: str) -> go.Figure:
    """Return how often something is so over the probability that was stated for it.

    Args:
        told: a reliability, as JSON, by what is stated.
        title: of the chart.
    """
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        name="as stated",
        line={"color": QUIET, "dash": "dash", "width": 1.5},
    )
    for index, (name, one) in enumerate(told.items()):
        shares = [part["share"] for part in one["bins"]]
        values = [share["value"] for share in shares]
        figure.add_scatter(
            x=[part["mean_probability"] for part in one["bins"]],
            y=values,
            error_y=bars(values, [[share["low"], share["high"]] for share in shares]),
            mode="lines+markers",
            name=name,
            **pen(index),
        )
    figure.update_xaxes(title="Stated probability", tickformat=".0%", range=[-0.02, 1.02])
    figure.update_yaxes(title="Share of faces", tickformat=".0%", range=[-0.02, 1.02])
    faces = sum(part["share"]["faces"] for part in next(iter(told.values()))["bins"])
    errors = ", ".join(f"{name} {one['ece']:.3f}" for name, one in told.items())
    return style(
        figure,
        title,
        f"n = {faces:,} faces; bars: 95 % interval; expected calibration error: {errors}",
        f"Share of faces for which it is so over the stated probability, for {', '.join(told)}, beside the diagonal.",
        height=460,
    )


def abstention_curve(told: dict[str, Any]) -> go.Figure:
    """Return the share of wrong genders among those answered, over the share answered."""
    shares, errors = zip(*told["curve"], strict=True)
    figure = go.Figure()
    figure.add_scatter(x=shares, y=errors, mode="lines", name="error", line={"color": PALETTE[0], "width": 2})
    figure.add_hline(y=told["allowed_error"], line={"color": QUIET, "dash": "dash", "width": 1.5})
    figure.update_xaxes(title="Share of faces answered, surest first", tickformat=".0%", range=[0, 1.02])
    figure.update_yaxes(title="Wrong among them", tickformat=".1%", rangemode="tozero")
    return style(
        figure,
        "Gender: error against the share answered",
        f"dashed: {told['allowed_error']:.1%} wrong answers allowed",
        "The error among answered faces over the share of faces that are answered, surest first.",
        showlegend=False,
        height=400,
    )


def error_by_width(bins: list[dict[str, Any]]) -> go.Figure:
    """Return the mean absolute error of faces with narrow and wide intervals."""
    values = [one["mae"] for one in bins]
    names = [f"{one['from_years']:.0f} to {one['to_years']:.0f}" for one in bins]
    figure = go.Figure()
    figure.add_scatter(
        x=names,
        y=values,
        error_y=bars(values, [one["mae_ci95"] for one in bins]),
        mode="markers",
        marker={"color": PALETTE[0], "symbol": "circle", "size": 10},
        name="MAE",
    )
    figure.update_xaxes(type="category", title="Width of the 90 % interval (years)")
    figure.update_yaxes(title="MAE (years)", rangemode="tozero")
    return style(
        figure,
        "Age: error against stated certainty",
        f"n = {sum(one['n'] for one in bins):,} faces in {len(bins)} equal parts; bars: 95 % interval",
        "Mean absolute error of faces by the width of their prediction interval, from narrow to wide.",
        showlegend=False,
        height=380,
    )
