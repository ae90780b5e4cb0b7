"""Charts of a dataset, as Plotly figures; `agelens.reporting.figure_files` writes the same figures as files.

Every figure says in its subtitle how many faces it shows, and carries in ``layout.meta["alt"]`` what a reader
who cannot see it should know. Charts of results stand in `agelens.reporting.result_charts`.
"""

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from agelens.data.labels import GENDERS, RACES

# Okabe and Ito's colour-blind safe palette; its two palest tones are darkened, to carry on white as well.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#C98A00", "#3A9BD4", "#7F7F7F")
GENDER_COLOURS = {"male": PALETTE[0], "female": PALETTE[1]}
QUIET = "#808080"
AGE_AXIS = "Age (years)"
# Years; narrow enough to leave the peak of the very young apart from the flank of the adults.
VIOLIN_BANDWIDTH = 2.0


def template(dark: bool = False) -> go.layout.Template:
    """The look of all charts, on white or on near-black."""
    ink, grid, ground = ("#E6E6E6", "#3A3D42", "#16181C") if dark else ("#22262B", "#E3E5E8", "#FFFFFF")
    axis = {
        "gridcolor": grid,
        "linecolor": grid,
        "zeroline": False,
        "automargin": True,
        "ticks": "",
        "title": {"standoff": 10, "font": {"size": 14}},
    }
    return go.layout.Template(
        layout={
            "font": {
                "family": "system-ui, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif",
                "size": 14,
                "color": ink,
            },
            "paper_bgcolor": ground,
            "plot_bgcolor": ground,
            "colorway": PALETTE,
            "title": {"x": 0.0, "xref": "paper", "font": {"size": 18}},
            "xaxis": axis,
            "yaxis": axis,
            "legend": {"orientation": "h", "y": -0.18, "yanchor": "top", "x": 0.0},
            "margin": {"l": 60, "r": 20, "t": 80, "b": 60},
            "hoverlabel": {"font": {"size": 13}},
        }
    )


def style(figure: go.Figure, title: str, subtitle: str, alt: str, **layout: Any) -> go.Figure:
    """Give a figure the common look, a title, a subtitle and an alt text; returns the same figure."""
    meta = {"alt": alt, **layout.pop("meta", {})}
    return figure.update_layout(
        template=template(), title={"text": title, "subtitle": {"text": subtitle}}, meta=meta, **layout
    )


def gender_donut(table: pd.DataFrame) -> go.Figure:
    """Shares of the binary gender label of a face table, as a donut."""
    counts = gender_counts(table)
    pie = go.Pie(
        labels=[name.title() for name in counts],
        values=list(counts.values()),
        hole=0.5,
        sort=False,
        direction="clockwise",
        marker={"colors": [GENDER_COLOURS[name] for name in counts]},
        texttemplate="%{label}<br>%{percent:.1%}",
        hovertemplate="%{label}: %{value:,} faces (%{percent:.1%})<extra></extra>",
    )
    return style(
        go.Figure(pie),
        "Gender labels, shares",
        _faces(len(table)),
        "Donut of gender labels: " + _spoken(counts, len(table)),
        showlegend=False,
    )


def gender_bar(table: pd.DataFrame) -> go.Figure:
    """Counts of the binary gender label of a face table, as horizontal bars."""
    counts = gender_counts(table)
    figure = go.Figure()
    for name, count in counts.items():
        figure.add_bar(
            y=[name.title()],
            x=[count],
            orientation="h",
            name=name.title(),
            marker={"color": GENDER_COLOURS[name]},
            text=[f"{count:,}"],
            textposition="auto",
            hovertemplate="%{y}: %{x:,} faces<extra></extra>",
        )
    figure.update_yaxes(type="category", autorange="reversed", title="Gender label")
    figure.update_xaxes(title="Faces", rangemode="tozero")
    return style(
        figure,
        "Gender labels, counts",
        _faces(len(table)),
        "Bars of gender labels: " + _spoken(counts, len(table)),
        showlegend=False,
        height=320,
    )


def age_histogram(table: pd.DataFrame) -> go.Figure:
    """How many faces there are of every age, in bins of one year."""
    counts = age_counts(table)
    # Binned here, exactly, so that the browser and the PNG cannot bin differently.
    bars = go.Bar(
        x=np.arange(len(counts)),
        y=counts,
        width=1.0,
        marker={"color": PALETTE[0], "line": {"width": 0}},
        hovertemplate="Age %{x}: %{y:,} faces<extra></extra>",
    )
    figure = go.Figure(bars)
    figure.update_xaxes(title=AGE_AXIS, range=[-1.0, len(counts)])
    figure.update_yaxes(title="Faces of that age", rangemode="tozero")
    alt = f"Histogram of ages in years; the commonest is {counts.argmax()} with {counts.max():,} faces."
    return style(figure, "Ages, one bin a year", _faces(len(table)), alt, showlegend=False)


def age_violin(table: pd.DataFrame) -> go.Figure:
    """The density of ages as a violin with its quartiles."""
    violin = go.Violin(
        x=_small(table["age"]),
        orientation="h",
        bandwidth=VIOLIN_BANDWIDTH,
        spanmode="hard",
        points=False,
        box={"visible": True, "width": 0.12},
        line={"color": PALETTE[0], "width": 1.5},
        hoveron="violins",
        hoverinfo="x",
    )
    return _one_row(violin, table, "Ages, density", "Violin")


def age_box(table: pd.DataFrame) -> go.Figure:
    """Quartiles, whiskers and outliers of the ages; the notch is the 95 % interval of the median."""
    box = go.Box(
        x=_small(table["age"]),
        orientation="h",
        notched=True,
        boxpoints="outliers",
        jitter=0.3,
        marker={"color": PALETTE[0], "size": 4, "opacity": 0.5},
        line={"width": 1.5},
        hoverinfo="x",
    )
    return _one_row(box, table, "Ages, quartiles and outliers", "Notched box plot")


def age_gender_race(table: pd.DataFrame) -> go.Figure:
    """Ages by gender within every race label: a violin a race, men on its left and women on its right.

    A table without race labels gives one violin of all faces.
    """
    races = race_labels(table)
    labels = {
        str(race): f"{race or 'All faces'}<br>n {count:,}" for race, count in races.value_counts().items()
    }
    order = [labels[race] for race in sorted(labels, key=_race_order)]
    figure = go.Figure()
    for side, (code, name) in zip(("negative", "positive"), enumerate(GENDERS), strict=True):
        rows = table["gender"] == code
        if not rows.any():
            continue
        figure.add_violin(
            x=races[rows].map(labels),
            y=_small(table.loc[rows, "age"]),
            name=name.title(),
            side=side,
            bandwidth=VIOLIN_BANDWIDTH,
            spanmode="hard",
            points=False,
            scalemode="width",
            width=0.85,
            line={"color": GENDER_COLOURS[name], "width": 1.5},
            hoveron="violins",
            hoverinfo="y+name",
        )
    figure.update_xaxes(
        type="category", categoryorder="array", categoryarray=order, range=[-0.6, len(order) - 0.4]
    )
    figure.update_yaxes(title=AGE_AXIS, range=[0, max(10, int(table["age"].max()) + 3)])
    title = "Ages by gender label" + (" and race label" if set(labels) != {""} else "")
    alt = f"Violins of age, the two gender labels side by side, for {len(order)} race labels."
    # One label on each half: Plotly must lay the halves back to back, not beside one another.
    return style(figure, title, _faces(len(table)), alt, violinmode="overlay", showlegend=True, height=520)


def gender_counts(table: pd.DataFrame) -> dict[str, int]:
    """Faces of each gender label that occurs, in the order of GENDERS."""
    counts = {name: int((table["gender"] == code).sum()) for code, name in enumerate(GENDERS)}
    return {name: count for name, count in counts.items() if count}


def age_counts(table: pd.DataFrame) -> NDArray[np.int64]:
    """Faces of each age, int64 (oldest age + 1,), index is the age in years."""
    return np.bincount(table["age"].to_numpy()).astype(np.int64)


def race_labels(table: pd.DataFrame) -> "pd.Series[str]":
    """The race column with "" wherever a dataset has none."""
    if "race" not in table.columns:
        return pd.Series("", index=table.index, dtype=str)
    return table["race"].fillna("").astype(str)


def _race_order(race: str) -> tuple[int, str]:
    return (RACES.index(race) if race in RACES else len(RACES), race)


def _one_row(trace: Any, table: pd.DataFrame, title: str, kind: str) -> go.Figure:
    figure = go.Figure(trace)
    figure.update_xaxes(title=AGE_AXIS, range=[-2, max(10, int(table["age"].max()) + 3)])
    figure.update_yaxes(showticklabels=False, showgrid=False)
    q1, median, q3 = table["age"].quantile([0.25, 0.5, 0.75])
    alt = f"{kind} of ages in years: median {median:g}, middle half from {q1:g} to {q3:g}."
    return style(figure, title, _faces(len(table)), alt, showlegend=False, height=320)


def _small(ages: "pd.Series[int]") -> NDArray[np.uint8]:
    # Ages end at 116, so a byte each keeps the figures of a report small.
    return ages.to_numpy().astype(np.uint8)


def _faces(count: int) -> str:
    return f"n = {count:,} face" + ("" if count == 1 else "s")


def _spoken(counts: dict[str, int], total: int) -> str:
    return ", ".join(f"{name} {count:,} ({count / total:.1%})" for name, count in counts.items()) + "."
