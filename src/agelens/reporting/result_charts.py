"""Charts of what was learned and measured, as Plotly figures in the look of `agelens.reporting.dataset_charts`.

They draw the JSON values that a run keeps (``comparison.json``, ``evaluation.json``); groups and backbones without a
value are left out of a chart. Charts of single faces stand in `agelens.reporting.prediction_charts`.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from agelens.data.labels import AGE_BANDS
from agelens.evaluation.groups import GROUP_TITLES
from agelens.reporting.dataset_charts import PALETTE, QUIET, style

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "cross", "triangle-down")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot", "solid")
# One backbone at 30 years would press six at 8 into a line, so beyond this ratio the axis is logarithmic.
LOG_RATIO = 6.0


@dataclass(frozen=True)
class Measure:
    """How one task is scored: the key in the JSON files, words for axes, and how numbers are written."""

    key: str
    words: str
    axis: str
    tickformat: str
    fewer_is_better: bool


MEASURES = {
    "age": Measure("mae", "mean absolute error", "MAE (years)", "", True),
    "gender": Measure("accuracy", "accuracy", "Accuracy", ".0%", False),
}


def learning_curves(comparison: dict[str, Any], task: str) -> go.Figure:
    """Training and validation curves of every backbone, in two panels with one scale.

    Args:
        comparison: the value of ``comparison.json``.
        task: "age" (MAE in years) or "gender" (accuracy, 0 to 1).
    """
    measure, results = MEASURES[task], comparison[task]
    panels = {
        f"{words} split": {name: result[f"{split}_{measure.key}"] for name, result in results.items()}
        for split, words in (("train", "Training"), ("val", "Validation"))
    }
    figure, epochs = _panels(panels, measure, _baseline(comparison, task))
    title = f"{task.title()}: {measure.words} by epoch"
    alt = f"Curves of {measure.words} over {epochs} epochs for {', '.join(results)}, training and validation."
    return style(figure, title, _counted(results, comparison, task), alt, meta={"panels": 2}, height=480)


def two_arithmetics(comparison: dict[str, Any], task: str) -> go.Figure:
    """Validation curves of every backbone as AgeLens trains its head and as the notebook does, side by side."""
    measure, exact = MEASURES[task], comparison["notebook_exact"][task]
    key = f"val_{measure.key}"
    panels = {
        "AgeLens": {name: comparison[task][name][key] for name in exact},
        "The notebook's arithmetic": {name: result[key] for name, result in exact.items()},
    }
    figure, epochs = _panels(panels, measure, _baseline(comparison, task))
    title = f"{task.title()}: validation {measure.words}, AgeLens's way and the notebook's"
    alt = f"Curves of validation {measure.words} over {epochs} epochs for {', '.join(exact)}, trained in two ways."
    return style(figure, title, _counted(exact, comparison, task), alt, meta={"panels": 2}, height=480)


def _baseline(comparison: dict[str, Any], task: str) -> float | None:
    value = comparison.get("baseline", {}).get(task, {}).get(f"val_{MEASURES[task].key}")
    return None if value is None else float(value)


def _counted(results: dict[str, Any], comparison: dict[str, Any], task: str) -> str:
    dashed = "" if _baseline(comparison, task) is None else ", dashed: baseline"
    return f"{len(results)} frozen backbone{'' if len(results) == 1 else 's'}{dashed}"


def _panels(
    panels: dict[str, dict[str, list[float]]], measure: Measure, baseline: float | None
) -> tuple[go.Figure, int]:
    """Two panels with one scale of a curve for each backbone; returns them and the number of epochs."""
    figure = make_subplots(1, 2, shared_yaxes=True, subplot_titles=list(panels))
    names = next(iter(panels.values()))
    for index, name in enumerate(names):
        for column, curves in enumerate(panels.values(), start=1):
            values = curves[name]
            figure.add_scatter(
                x=list(range(1, len(values) + 1)),
                y=values,
                name=name,
                legendgroup=name,
                showlegend=column == 1,
                mode="lines+markers",
                **pen(index),
                row=1,
                col=column,
            )
    every = [value for curves in panels.values() for values in curves.values() for value in values]
    if baseline is not None:
        figure.add_hline(y=baseline, line={"color": QUIET, "dash": "dash", "width": 1.5})
        every.append(baseline)
    logarithmic = _scale_values(figure, measure, every)
    epochs = max(len(values) for curves in panels.values() for values in curves.values())
    figure.update_xaxes(title="Epoch", dtick=math.ceil(epochs / 10), range=[0.7, epochs + 0.3])
    figure.update_yaxes(title=measure.axis + (", log scale" if logarithmic else ""), col=1)
    return figure, epochs


def error_against_cost(comparison: dict[str, Any], task: str) -> go.Figure:
    """The final validation figure of every backbone, with its 95 % interval, against images a second.

    Backbones of unknown speed are left out; colours and symbols are those of `learning_curves`.
    """
    measure, figure = MEASURES[task], go.Figure()
    key = f"val_{measure.key}"
    speeds = [result["images_per_second"] for result in comparison[task].values() if has_speed(result)]
    for index, (name, result) in enumerate(comparison[task].items()):
        if not has_speed(result):
            continue
        value = result[key][-1]
        figure.add_scatter(
            x=[result["images_per_second"]],
            y=[value],
            error_y=bars([value], [result.get(f"{key}_ci95")]),
            name=name,
            mode="markers",
            marker={"color": _colour(index), "symbol": _symbol(index), "size": 12},
        )
    figure.update_xaxes(
        title="Images a second (log scale)",
        type="log",
        range=[math.log10(min(speeds)) - 0.15, math.log10(max(speeds)) + 0.15],
        **_log_ticks(min(speeds), max(speeds)),
    )
    figure.update_yaxes(title=f"Validation split: {measure.axis}", tickformat=measure.tickformat)
    better = "lower" if measure.fewer_is_better else "higher"
    title = f"{task.title()}: {measure.words} against speed"
    subtitle = f"{len(speeds)} backbones; bars: 95 % interval; {better} and further right is better"
    alt = (
        f"Validation {measure.words} of {len(speeds)} backbones against how many images a second each reads."
    )
    return style(figure, title, subtitle, alt, showlegend=True, height=480)


def error_by_group(evaluation: dict[str, Any]) -> go.Figure:
    """MAE (years) with 95 % intervals by age band, gender label and race label, beside the overall MAE."""
    return _by_group(evaluation, "age")


def accuracy_by_group(evaluation: dict[str, Any]) -> go.Figure:
    """Gender accuracy (0 to 1) with 95 % intervals by age band, gender label and race label."""
    return _by_group(evaluation, "gender")


def has_speed(result: dict[str, Any]) -> bool:
    """Whether a backbone of a comparison can stand in `error_against_cost`."""
    return bool(result.get("images_per_second"))


def has_groups(evaluation: dict[str, Any], task: str) -> bool:
    """Whether one task of an evaluation has any group with a figure to draw."""
    groups = evaluation.get(task, {}).get("groups", {})
    return any(_scored(groups.get(kind, {}), kind, MEASURES[task].key) for kind in GROUP_TITLES)


def _by_group(evaluation: dict[str, Any], task: str) -> go.Figure:
    measure, result = MEASURES[task], evaluation[task]
    kinds = {kind: _scored(result["groups"].get(kind, {}), kind, measure.key) for kind in GROUP_TITLES}
    kinds = {kind: groups for kind, groups in kinds.items() if groups}
    figure = make_subplots(
        len(kinds),
        1,
        shared_xaxes=True,
        vertical_spacing=0.09,
        row_heights=[len(groups) + 0.6 for groups in kinds.values()],
        subplot_titles=[GROUP_TITLES[kind] for kind in kinds],
    )
    for row, (kind, groups) in enumerate(kinds.items(), start=1):
        values = [group[measure.key] for group in groups.values()]
        figure.add_scatter(
            x=values,
            y=[f"{name}  (n {group['n']:,})" for name, group in groups.items()],
            error_x=bars(values, [group.get(f"{measure.key}_ci95") for group in groups.values()]),
            mode="markers",
            marker={"color": PALETTE[row - 1], "symbol": SYMBOLS[row - 1], "size": 10},
            name=GROUP_TITLES[kind],
            row=row,
            col=1,
        )
    figure.add_vline(x=result[measure.key], line={"color": QUIET, "dash": "dash", "width": 1.5})
    figure.update_yaxes(type="category", autorange="reversed")
    figure.update_xaxes(
        tickformat=measure.tickformat, rangemode="tozero" if measure.fewer_is_better else "normal"
    )
    figure.update_xaxes(title=measure.axis, row=len(kinds))
    subtitle = f"n = {result['n']:,} measured faces; bars: 95 % interval; dashed: all faces"
    title = f"{task.title()}: {measure.words} by group"
    named = ", ".join(GROUP_TITLES[kind].lower() for kind in kinds)
    alt = f"{measure.words.capitalize()} by {named}, with intervals."
    height = 190 + 34 * sum(len(groups) for groups in kinds.values())
    return style(figure, title, subtitle, alt, showlegend=False, height=height)


def _scored(groups: dict[str, Any], kind: str, key: str) -> dict[str, Any]:
    order = [band for band in AGE_BANDS if band in groups] if kind == "age_band" else list(groups)
    return {name: groups[name] for name in order if name and groups[name].get(key) is not None}


def pen(index: int) -> dict[str, Any]:
    # Colour, dash and symbol all differ, so that lines stay apart in grey and for every eye.
    return {
        "line": {"color": _colour(index), "dash": DASHES[index % len(DASHES)], "width": 2},
        "marker": {"color": _colour(index), "symbol": _symbol(index), "size": 8},
    }


def _colour(index: int) -> str:
    return PALETTE[index % len(PALETTE)]


def _symbol(index: int) -> str:
    return SYMBOLS[index % len(SYMBOLS)]


def bars(values: list[float], intervals: list[list[float] | None]) -> dict[str, Any]:
    """Error bars from intervals [low, high]; a value without an interval gets a bar of length zero."""
    pairs = [interval or [value, value] for value, interval in zip(values, intervals, strict=True)]
    return {
        "type": "data",
        "symmetric": False,
        "array": [max(0.0, high - value) for value, (_, high) in zip(values, pairs, strict=True)],
        "arrayminus": [max(0.0, value - low) for value, (low, _) in zip(values, pairs, strict=True)],
        "thickness": 1.5,
    }


def _scale_values(figure: go.Figure, measure: Measure, values: list[float]) -> bool:
    """Set the y axes for these values; True if they became logarithmic."""
    low, high = min(values), max(values)
    if not (measure.fewer_is_better and low > 0 and high / low > LOG_RATIO):
        figure.update_yaxes(tickformat=measure.tickformat)
        return False
    span = [math.log10(low) - 0.05, math.log10(high) + 0.05]
    figure.update_yaxes(type="log", range=span, **_log_ticks(low, high))
    return True


def _log_ticks(low: float, high: float) -> dict[str, Any]:
    """Ticks at 1, 2 and 5 of every decade, so that even a short logarithmic axis has some."""
    decades = np.arange(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    ticks = [float(f"{step}e{decade}") for decade in decades for step in (1, 2, 5)]
    return {"tickvals": ticks, "ticktext": [f"{tick:,g}" for tick in ticks]}
