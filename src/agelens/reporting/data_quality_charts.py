"""Charts of what an audit found and of how the faces were split, in the look of the others."""

from typing import Any

import pandas as pd
import plotly.graph_objects as go

from agelens.data.labels import AGE_BANDS, age_band
from agelens.data.table import SPLITS
from agelens.reporting.dataset_charts import PALETTE, style


def audit_rows(audit: dict[str, Any]) -> list[tuple[str, int]]:
    """Return what an audit counted, in words and in the order of the chart.

    Args:
        audit: the value of ``audit.json``.
    """
    conflicts = audit["label_conflicts"]
    return [
        ("usable images", audit["usable"]),
        ("malformed names or rows", audit["malformed"]),
        ("unreadable images", audit["unreadable"]),
        ("groups of identical files", audit["duplicate_groups"]),
        ("groups of near duplicates", audit["near_duplicate_groups"]),
        ("groups with different ages", conflicts["age"]),
        ("groups with different genders", conflicts["gender"]),
    ]


def audit_counts(audit: dict[str, Any]) -> go.Figure:
    """Return bars of what is wrong with a dataset; the usable images, often thousands, stand in the subtitle.

    Args:
        audit: the value of ``audit.json``.
    """
    faults = dict(audit_rows(audit)[1:])
    figure = go.Figure(
        go.Bar(
            x=list(faults.values()),
            y=list(faults),
            orientation="h",
            marker={"color": PALETTE[1]},
            text=[f"{count:,}" for count in faults.values()],
            textposition="auto",
            hovertemplate="%{y}: %{x:,}<extra></extra>",
        )
    )
    figure.update_yaxes(type="category", autorange="reversed")
    figure.update_xaxes(title="Found", rangemode="tozero")
    alt = "Bars of what the audit found: " + ", ".join(
        f"{words} {count:,}" for words, count in faults.items()
    )
    subtitle = f"{audit['usable']:,} of {audit['images']:,} images can be used"
    return style(figure, "What the audit found", subtitle, f"{alt}.", showlegend=False, height=380)


def split_ages(table: pd.DataFrame) -> go.Figure:
    """Return the share of each age band in each split: alike where the split is stratified.

    Args:
        table: a face table with the column ``split``.
    """
    bands, figure = age_band(table["age"]), go.Figure()
    for index, split in enumerate(SPLITS):
        inside = bands[table["split"] == split]
        shares = inside.value_counts(normalize=True).reindex(AGE_BANDS, fill_value=0.0)
        figure.add_bar(
            x=list(AGE_BANDS),
            y=shares.tolist(),
            name=f"{split}, n {len(inside):,}",
            marker={"color": PALETTE[index]},
            hovertemplate="%{x} years: %{y:.1%}<extra>" + split + "</extra>",
        )
    figure.update_xaxes(title="Age band (years)", type="category")
    figure.update_yaxes(title="Share of the split", tickformat=".0%", rangemode="tozero")
    alt = "Bars of the share of each age band in the training, validation and test split."
    return style(figure, "Ages by split", f"n = {len(table):,} faces", alt, barmode="group", height=440)
