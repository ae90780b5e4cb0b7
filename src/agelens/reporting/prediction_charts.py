"""Charts of ``predictions.csv``, as Plotly figures: predicted against labelled age, confusion matrix and ROC curve."""

import math

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from sklearn.metrics import auc, confusion_matrix, roc_curve

from agelens.data.labels import AGE_RANGE, GENDERS, age_band
from agelens.reporting.dataset_charts import AGE_AXIS, PALETTE, QUIET, style

THRESHOLD = 0.5
_CODES = range(len(GENDERS))


def predicted_against_true(predictions: pd.DataFrame) -> go.Figure:
    """Return predicted against labelled age, a point a face, with the median prediction of every band of ten years.

    Args:
        predictions: rows with ``age`` (label, years) and ``age_years`` (prediction, years).
    """
    top = max(int(predictions["age"].max()), int(predictions["age_years"].max())) + 3
    lowest = min(0, math.floor(predictions["age_years"].min()))
    bands = (
        predictions.groupby(age_band(predictions["age"]).rename("band"))[["age", "age_years"]]
        .median()
        .sort_values("age")
    )
    figure = go.Figure()
    figure.add_scatter(
        x=predictions["age"].to_numpy(),
        y=predictions["age_years"].round(1).to_numpy(),
        name="A face",
        mode="markers",
        marker={"color": PALETTE[0], "size": 5, "opacity": 0.45},
    )
    figure.add_scatter(
        x=[0, AGE_RANGE[1]],
        y=[0, AGE_RANGE[1]],
        name="Prediction = label",
        mode="lines",
        line={"color": QUIET},
    )
    figure.add_scatter(
        x=bands["age"].to_numpy(),
        y=bands["age_years"].to_numpy(),
        name="Median of ten years",
        mode="lines+markers",
        line={"color": PALETTE[1], "width": 2},
        marker={"color": PALETTE[1], "size": 9, "symbol": "diamond"},
    )
    figure.update_xaxes(title=f"Labelled {AGE_AXIS.lower()}", range=[-1, top])
    figure.update_yaxes(title=f"Predicted {AGE_AXIS.lower()}", range=[lowest - 1, top])
    alt = "Scatter of predicted against labelled age; points on the grey line are predicted exactly."
    subtitle = f"n = {len(predictions):,} measured faces"
    return style(figure, "Predicted against labelled age", subtitle, alt, showlegend=True, height=560)


def gender_confusion(predictions: pd.DataFrame) -> go.Figure:
    """Return how often each labelled gender was predicted as which, counts and shares of the label.

    Args:
        predictions: rows with ``gender`` (label, 0 male, 1 female) and ``p_female`` (0 to 1); a face counts as female
            from THRESHOLD on.
    """
    predicted = (predictions["p_female"] >= THRESHOLD).astype(int)
    counts = confusion_matrix(predictions["gender"], predicted, labels=list(_CODES))
    # A label that no face carries has no shares.
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    text = [
        [f"{count:,}<br>{share:.1%}" for count, share in zip(*row, strict=True)]
        for row in zip(counts, shares, strict=True)
    ]
    names = [name.title() for name in GENDERS]
    figure = go.Figure(
        go.Heatmap(
            x=names,
            y=names,
            z=shares,
            zmin=0.0,
            zmax=1.0,
            text=text,
            texttemplate="%{text}",
            textfont={"size": 16},
            colorscale=[[0.0, "#E8F1F8"], [1.0, PALETTE[0]]],
            showscale=False,
            xgap=2,
            ygap=2,
            hovertemplate="labelled %{y}, predicted %{x}: %{text}<extra></extra>",
        )
    )
    figure.update_xaxes(type="category", categoryarray=names, title="Predicted gender label", showgrid=False)
    figure.update_yaxes(
        type="category", categoryarray=names, title="Gender label", autorange="reversed", showgrid=False
    )
    told = ", ".join(
        f"{counts[label, guess]:,} of {counts[label].sum():,} labelled {GENDERS[label]} predicted {GENDERS[guess]}"
        for label in _CODES
        for guess in _CODES
        if label != guess
    )
    subtitle = f"n = {len(predictions):,} measured faces; shares of each label; threshold {THRESHOLD}"
    alt = f"Confusion matrix of gender: {told}."
    return style(figure, "Gender: confusion matrix", subtitle, alt, showlegend=False, height=400)


def gender_roc(predictions: pd.DataFrame) -> go.Figure:
    """Return the ROC curve of a gender network, "female" being the positive label, with its AUC.

    Args:
        predictions: rows with ``gender`` (label, 0 male, 1 female; both occur) and ``p_female`` (0 to 1).
    """
    labels, scores = predictions["gender"], predictions["p_female"]
    false_rate, true_rate, _ = roc_curve(labels, scores)
    area = auc(false_rate, true_rate)
    female = scores >= THRESHOLD
    figure = go.Figure()
    figure.add_scatter(
        x=false_rate,
        y=true_rate,
        name=f"AUC {area:.3f}",
        mode="lines",
        line={"color": PALETTE[0], "width": 2.5},
        hovertemplate="%{y:.1%} of female, %{x:.1%} of male called female<extra></extra>",
    )
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        name="By chance",
        mode="lines",
        line={"color": QUIET, "dash": "dash", "width": 1.5},
    )
    figure.add_scatter(
        x=[female[labels == 0].mean()],
        y=[female[labels == 1].mean()],
        name=f"Threshold {THRESHOLD}",
        mode="markers",
        marker={"color": PALETTE[1], "symbol": "diamond", "size": 11},
    )
    # A little room, so that a curve along the frame is seen.
    figure.update_xaxes(
        title="False positive rate: male called female", tickformat=".0%", range=[-0.02, 1.02]
    )
    figure.update_yaxes(
        title="True positive rate: female called female", tickformat=".0%", range=[-0.02, 1.02]
    )
    subtitle = f"n = {len(predictions):,} measured faces"
    alt = f"ROC curve of gender with female as the positive label; area under the curve {area:.3f}."
    return style(figure, "Gender: ROC curve", subtitle, alt, showlegend=True, height=480)


def has_roc(predictions: pd.DataFrame) -> bool:
    """Whether both gender labels occur, without which there is no ROC curve."""
    return predictions["gender"].nunique() == len(GENDERS)
