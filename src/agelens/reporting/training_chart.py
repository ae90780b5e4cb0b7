"""How a training went, as a Plotly figure in the look of `agelens.reporting.dataset_charts`."""

import math
from typing import Any

import plotly.graph_objects as go

from agelens.reporting.dataset_charts import QUIET, style
from agelens.reporting.result_charts import pen
from agelens.training.finetune_recipe import FineTuning


def training_history(card: dict[str, Any]) -> go.Figure:
    """Loss on the training and validation split by epoch, the kept epochs marked.

    Args:
        card: the value of ``card.json`` of a trained network.
    """
    training, task = card["training"], card["task"]
    history, best = training["history"], training.get("best_epoch")
    loss = "MAE (years)" if task == "age" else "log loss"
    if task == "age" and training.get("recipe") == FineTuning.name:
        loss = "cross-entropy and a share of the MAE"
    figure = go.Figure()
    for index, (key, name) in enumerate((("loss", "Training"), ("val_loss", "Validation"))):
        values = history[key]
        figure.add_scatter(
            x=list(range(1, len(values) + 1)), y=values, name=name, mode="lines+markers", **pen(index)
        )
    kept = training.get("kept_epochs") or ([best] if best else [])
    words = f"epoch{'s' if len(kept) > 1 else ''} {' and '.join(map(str, kept))}"
    if kept:
        figure.add_scatter(
            x=kept,
            y=[history["val_loss"][epoch - 1] for epoch in kept],
            name=f"{'Averaged' if len(kept) > 1 else 'Kept'}: {words}",
            mode="markers",
            marker={"symbol": "circle-open", "size": 18, "color": QUIET, "line": {"width": 3}},
        )
    epochs = len(history["loss"])
    figure.update_xaxes(title="Epoch", dtick=math.ceil(epochs / 10), range=[0.5, epochs + 0.5])
    figure.update_yaxes(title=f"Loss: {loss}")
    images = card.get("data", {}).get("images", {})
    counted = ", ".join(f"{split.replace('_', ' ')} n = {count:,}" for split, count in images.items())
    alt = f"Training and validation loss over {epochs} epochs" + (
        f"; {words} {'were averaged' if len(kept) > 1 else 'was kept'}." if kept else "."
    )
    return style(figure, f"Training the {task} network", counted, alt, showlegend=True)
