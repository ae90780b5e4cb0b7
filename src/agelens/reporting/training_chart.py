"""How a training went, as a Plotly figure in the look of `agelens.reporting.dataset_charts`."""

import math
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from agelens.reporting.dataset_charts import QUIET, style
from agelens.reporting.result_charts import pen
from agelens.training.finetune_recipe import FineTuning


def training_history(card: dict[str, Any]) -> go.Figure:
    """Return loss, and accuracy beside it where there is one, on the training and validation split by epoch.

    The kept epochs are marked.

    Args:
        card: the value of ``card.json`` of a trained network.
    """
    training, task = card["training"], card["task"]
    history = training["history"]
    panels = {"loss": f"Loss: {_loss(task, training)}"}
    if "accuracy" in history and "val_accuracy" in history:
        panels["accuracy"] = "Accuracy"
    best = training.get("best_epoch")
    kept = training.get("kept_epochs") or ([best] if best else [])
    figure = _side_by_side(panels)
    for column, key in enumerate(panels, start=1):
        _add_curves(figure, history, key, column)
        if kept:
            _mark(figure, history[f"val_{key}"], kept, column)
    epochs = len(history["loss"])
    figure.update_xaxes(title="Epoch", dtick=math.ceil(epochs / 10), range=[0.5, epochs + 0.5])
    for column, (key, axis) in enumerate(panels.items(), start=1):
        place = {"row": 1, "col": column} if len(panels) > 1 else {}
        figure.update_yaxes(title=axis, tickformat=".0%" if key == "accuracy" else "", **place)
    images = card.get("data", {}).get("images", {})
    counted = ", ".join(f"{split.replace('_', ' ')} n = {count:,}" for split, count in images.items())
    alt = f"Training and validation {' and '.join(panels)} over {epochs} epochs" + (
        f"; {_epochs(kept)} {'were averaged' if len(kept) > 1 else 'was kept'}." if kept else "."
    )
    return style(
        figure, f"Training the {task} network", counted, alt, showlegend=True, meta={"panels": len(panels)}
    )


def _loss(task: str, training: dict[str, Any]) -> str:
    if task != "age":
        return "log loss"
    return (
        "cross-entropy and a share of the MAE" if training.get("recipe") == FineTuning.name else "MAE (years)"
    )


def _side_by_side(panels: dict[str, str]) -> go.Figure:
    if len(panels) == 1:
        return go.Figure()
    titles = [key.title() for key in panels]
    return make_subplots(1, len(panels), subplot_titles=titles, horizontal_spacing=0.14)


def _add_curves(figure: go.Figure, history: dict[str, list[float]], key: str, column: int) -> None:
    for index, (name, words) in enumerate(((key, "Training"), (f"val_{key}", "Validation"))):
        values = history[name]
        _add(
            figure,
            column,
            x=list(range(1, len(values) + 1)),
            y=values,
            name=words,
            mode="lines+markers",
            **pen(index),
        )


def _mark(figure: go.Figure, values: list[float], kept: list[int], column: int) -> None:
    _add(
        figure,
        column,
        x=kept,
        y=[values[epoch - 1] for epoch in kept],
        name=f"{'Averaged' if len(kept) > 1 else 'Kept'}: {_epochs(kept)}",
        mode="markers",
        marker={"symbol": "circle-open", "size": 18, "color": QUIET, "line": {"width": 3}},
    )


def _add(figure: go.Figure, column: int, **trace: Any) -> None:
    """Add a trace to a panel; the first panel alone fills the legend, for both."""
    axes = {"xaxis": "x", "yaxis": "y"} if column == 1 else {"xaxis": f"x{column}", "yaxis": f"y{column}"}
    figure.add_scatter(**trace, **axes, legendgroup=trace["name"], showlegend=column == 1)


def _epochs(kept: list[int]) -> str:
    return f"epoch{'s' if len(kept) > 1 else ''} {' and '.join(map(str, kept))}"
