"""Plotly figures and grids of faces as PNG files, drawn with matplotlib.

Plotly's own export needs Chrome, which a fresh machine lacks. This is no general translator: it knows the
trace kinds and layout keys that the charts of AgeLens use, and refuses a trace that it does not know.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import matplotlib as mpl
import plotly.graph_objects as go
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MultipleLocator, NullLocator, PercentFormatter

from agelens.errors import AgeLensError
from agelens.reporting.png_traces import DASHES, DRAW, Panel, plain
from agelens.utils.files import replacing_file
from agelens.utils.images import Pixels

DPI = 150
INK, GRID = "#22262B", "#E3E5E8"
WIDTH_INCHES, PIXELS_AN_INCH = 9.0, 90.0
# Inches around the panels for titles and labels; what still sticks out widens the file.
LEFT, RIGHT, TOP, BOTTOM = 0.8, 0.3, 1.0, 0.65
LETTERS: tuple[Literal["x"], Literal["y"]] = ("x", "y")


def write_png(figure: go.Figure, path: Path) -> None:
    """Draw a figure of `agelens.reporting.dataset_charts` or `agelens.reporting.result_charts` as a PNG file,
    atomically.

    Args:
        figure: traces of the kinds pie, bar, violin, box and scatter, on one panel or several.
        path: the file to write; its folder is made.

    Raises:
        ValueError: the figure holds a trace of another kind.
    """
    unknown = sorted({trace.type for trace in figure.data} - set(DRAW))
    if unknown:
        raise ValueError(f"write_png cannot draw {', '.join(unknown)} traces; it knows {', '.join(DRAW)}.")
    height = (figure.layout.height or 450) / PIXELS_AN_INCH
    # Names of groups are data: a dollar sign in one is no formula.
    with mpl.rc_context({"text.parse_math": False, "text.color": INK, "axes.labelcolor": INK}):
        canvas = Figure(figsize=(WIDTH_INCHES, height))
        panels = _add_panels(canvas, figure)
        for trace in figure.data:
            DRAW[trace.type](panels["y" if trace.type == "pie" else trace.yaxis or "y"], trace)
        _add_lines(panels, figure)
        _set_limits(panels, figure)
        _add_words(canvas, panels, figure)
        _save(canvas, path)


def write_grid(faces: Sequence[tuple[Pixels, str]], path: Path, columns: int = 8) -> None:
    """Draw captioned faces in rows as a PNG file, atomically.

    Args:
        faces: uint8 RGB images (height, width, 3) with their captions; 32 of them fill the usual 4 rows of 8.
        path: the file to write; its folder is made.
        columns: faces a row.

    Raises:
        AgeLensError: there is no face to draw.
    """
    if not faces:
        raise AgeLensError(f"{path} was not written: there is no face to draw.")
    rows = -(-len(faces) // columns)
    with mpl.rc_context({"text.parse_math": False, "text.color": INK}):
        canvas = Figure(figsize=(1.4 * columns, 1.75 * rows), layout="constrained")
        cells = canvas.subplots(rows, columns, squeeze=False).ravel()
        for cell in cells:
            cell.set_axis_off()
        for cell, (image, caption) in zip(cells, faces, strict=False):
            cell.imshow(image)
            cell.set_title(caption, fontsize=9)
        _save(canvas, path)


def _save(canvas: Figure, path: Path) -> None:
    with replacing_file(path) as temporary:
        canvas.savefig(
            temporary, format="png", dpi=DPI, bbox_inches="tight", pad_inches=0.15, facecolor="white"
        )


def _add_panels(canvas: Figure, figure: go.Figure) -> dict[str, Panel]:
    """One panel a pair of Plotly axes, by the name of its y axis: "y", "y2", ..."""
    pairs = {trace.yaxis or "y": trace.xaxis or "x" for trace in figure.data if trace.type != "pie"}
    if not pairs:
        axes = canvas.add_axes(_place(canvas, (0.0, 1.0), (0.0, 1.0)))
        axes.set_axis_off()
        return {"y": Panel(axes, "x", "y")}
    panels = {}
    for y_name, x_name in pairs.items():
        traces = [trace for trace in figure.data if (trace.yaxis or "y") == y_name]
        x_axis, y_axis = _axis(figure, x_name), _axis(figure, y_name)
        axes = canvas.add_axes(_place(canvas, x_axis.domain or (0.0, 1.0), y_axis.domain or (0.0, 1.0)))
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(GRID)
        axes.set_axisbelow(True)
        panel = Panel(
            axes, x_name, y_name, _categories(x_axis, "x", traces), _categories(y_axis, "y", traces)
        )
        _set_axis(panel, "x", x_axis)
        _set_axis(panel, "y", y_axis)
        panels[y_name] = panel
    return panels


def _axis(figure: go.Figure, name: str) -> Any:
    return figure.layout[f"{name[0]}axis{name[1:]}"]


def _place(canvas: Figure, x: Sequence[float], y: Sequence[float]) -> tuple[float, float, float, float]:
    """Paper coordinates of Plotly (0 to 1 inside the margins) as matplotlib's left, bottom, width, height."""
    width, height = canvas.get_size_inches()
    inner_width, inner_height = width - LEFT - RIGHT, height - TOP - BOTTOM
    left, bottom = (LEFT + x[0] * inner_width) / width, (BOTTOM + y[0] * inner_height) / height
    return left, bottom, (x[1] - x[0]) * inner_width / width, (y[1] - y[0]) * inner_height / height


def _categories(axis: Any, letter: str, traces: list[Any]) -> list[str]:
    if axis.type != "category":
        return []
    if axis.categoryarray is not None:
        return list(axis.categoryarray)
    return list(dict.fromkeys(name for trace in traces for name in trace[letter]))


def _set_axis(panel: Panel, letter: Literal["x", "y"], axis: Any) -> None:
    target = panel.axes.xaxis if letter == "x" else panel.axes.yaxis
    names = panel.x_names if letter == "x" else panel.y_names
    if axis.showgrid is not False:
        target.grid(True, color=GRID, linewidth=0.8)
    panel.axes.tick_params(axis=letter, length=0, labelcolor=INK)
    if axis.title.text:
        target.set_label_text(axis.title.text)
    if axis.type == "log":
        panel.axes.set(**{f"{letter}scale": "log"})
        target.set_minor_locator(NullLocator())
    if axis.tickvals is not None:
        target.set_ticks(list(axis.tickvals), labels=list(axis.ticktext))
    elif names:
        target.set_ticks(range(len(names)), labels=[plain(name) for name in names])
    elif axis.tickformat == ".0%":
        target.set_major_formatter(PercentFormatter(1.0, decimals=0))
    else:
        target.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    if axis.dtick is not None:
        target.set_major_locator(MultipleLocator(axis.dtick))
    if axis.showticklabels is False:
        target.set_tick_params(labelbottom=False, labelleft=False)


def _add_lines(panels: dict[str, Panel], figure: go.Figure) -> None:
    """The lines right across a panel that ``add_hline`` and ``add_vline`` leave in the layout."""
    for shape in figure.layout.shapes:
        pen = {
            "color": shape.line.color,
            "linestyle": DASHES[shape.line.dash or "solid"],
            "linewidth": 1.3,
            "zorder": 1,
        }
        x_name, y_name = shape.xref.split()[0], shape.yref.split()[0]
        for panel in panels.values():
            if shape.xref.endswith("domain") and panel.y_name == y_name and panel.x_name == x_name:
                panel.axes.axhline(shape.y0, **pen)
            elif shape.yref.endswith("domain") and panel.x_name == x_name and panel.y_name == y_name:
                panel.axes.axvline(shape.x0, **pen)


def _set_limits(panels: dict[str, Panel], figure: go.Figure) -> None:
    """Ranges come last, because matplotlib moves them with everything that is drawn."""
    for letter in LETTERS:
        linked: dict[str, list[Panel]] = {}
        for panel in panels.values():
            name = panel.x_name if letter == "x" else panel.y_name
            linked.setdefault(_axis(figure, name).matches or name, []).append(panel)
        for members in linked.values():
            limits = [_limits(panel, letter, figure) for panel in members]
            low, high = min(pair[0] for pair in limits), max(pair[1] for pair in limits)
            for panel in members:
                axis = _axis(figure, panel.x_name if letter == "x" else panel.y_name)
                span = (high, low) if axis.autorange == "reversed" else (low, high)
                panel.axes.set(**{f"{letter}lim": span})


def _limits(panel: Panel, letter: Literal["x", "y"], figure: go.Figure) -> tuple[float, float]:
    axis = _axis(figure, panel.x_name if letter == "x" else panel.y_name)
    if axis.range is not None:
        low, high = axis.range
        return (10.0**low, 10.0**high) if axis.type == "log" else (low, high)
    names = panel.x_names if letter == "x" else panel.y_names
    if names:
        return -0.6, len(names) - 0.4
    low, high = panel.axes.get_xlim() if letter == "x" else panel.axes.get_ylim()
    return (min(0.0, low), high) if axis.rangemode == "tozero" else (low, high)


def _add_words(canvas: Figure, panels: dict[str, Panel], figure: go.Figure) -> None:
    width, height = canvas.get_size_inches()
    left = LEFT / width
    canvas.text(left, 1 - 0.2 / height, figure.layout.title.text, fontsize=14, weight="bold", va="top")
    canvas.text(left, 1 - 0.48 / height, figure.layout.title.subtitle.text or "", fontsize=10, va="top")
    for note in figure.layout.annotations:
        x, y, *_ = _place(canvas, (note.x, note.x), (note.y, note.y))
        canvas.text(x, y, plain(note.text), ha="center", va="bottom", fontsize=11)
    if figure.layout.showlegend is False:
        return
    handles: dict[str, Any] = {}
    for panel in panels.values():
        for handle, label in zip(*panel.axes.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    for name, colour in {
        label: pen for panel in panels.values() for label, pen in panel.swatches.items()
    }.items():
        handles[name] = Line2D([], [], color=colour, linewidth=6)
    canvas.legend(
        list(handles.values()),
        list(handles),
        loc="upper left",
        bbox_to_anchor=(left, 0.08 / height),
        ncols=4,
        frameon=False,
        fontsize=10,
    )
