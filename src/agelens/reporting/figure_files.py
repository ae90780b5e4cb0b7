"""Plotly figures as PNG, SVG and PDF files, drawn with Matplotlib.

Kept because Plotly writes such files only through Kaleido, which drives a Chrome browser that servers and fresh
machines lack. This is no general translator: it knows the trace kinds and layout keys that the charts of AgeLens use,
and refuses a trace that it does not know.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
import plotly.graph_objects as go
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MultipleLocator, NullLocator, PercentFormatter
from numpy.typing import NDArray

from agelens.utils.files import replacing_file

FORMATS = ("png", "svg", "pdf")
DPI = 150
INK, GRID = "#22262B", "#E3E5E8"
# Plotly gives lengths in pixels, Matplotlib in inches and points.
WIDTH_INCHES, PIXELS_AN_INCH = 9.0, 90.0
POINTS_A_PIXEL = 72.0 / PIXELS_AN_INCH
# Inches around the panels for titles and labels; what still sticks out widens the file.
LEFT, RIGHT, TOP, BOTTOM = 0.8, 0.3, 1.0, 0.65
DASHES: dict[str, Any] = {
    "solid": "-", "dash": "--", "dot": ":", "dashdot": "-.", "longdash": (0, (8, 3)), "longdashdot": (0, (8, 3, 2, 3)),
}  # fmt: skip
SYMBOLS = {
    "circle": "o", "circle-open": "o", "square": "s", "diamond": "D", "triangle-up": "^", "triangle-down": "v",
    "x": "X", "cross": "P",
}  # fmt: skip
# Names of groups are data: a dollar sign in one is no formula. The same figure gives the same bytes.
STYLE: Any = {
    "text.parse_math": False, "text.color": INK, "axes.labelcolor": INK, "pdf.fonttype": 42, "svg.hashsalt": "agelens",
}  # fmt: skip
NO_DATE: dict[str, dict[str, Any]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}


def write_figure(figure: go.Figure, path: Path) -> None:
    """Draw a figure of `agelens.reporting` as PNG, SVG and PDF files, each atomically.

    Args:
        figure: traces of the kinds in DRAW, on one panel or several.
        path: the files' path without an ending, which each of FORMATS gives it; its folder is made.

    Raises:
        ValueError: the figure holds a trace of another kind.
    """
    unknown = sorted({trace.type for trace in figure.data} - set(DRAW))
    if unknown:
        raise ValueError(f"write_figure cannot draw {', '.join(unknown)} traces; it knows {', '.join(DRAW)}.")
    with mpl.rc_context(STYLE):
        canvas = Figure(figsize=(WIDTH_INCHES, (figure.layout.height or 450) / PIXELS_AN_INCH))
        panels = _add_panels(canvas, figure)
        for trace in figure.data:
            DRAW[trace.type](panels[_axes_of(trace)], trace)
        _add_lines(panels, figure)
        # Ranges come last: Matplotlib moves them with everything that is drawn.
        for (x_name, y_name), axes in panels.items():
            _set_limits(axes, "x", _axis(figure, x_name))
            _set_limits(axes, "y", _axis(figure, y_name))
        _add_words(canvas, list(panels.values()), figure)
        save(canvas, *(path.with_name(f"{path.name}.{form}") for form in FORMATS))


def save(canvas: Figure, *paths: Path) -> None:
    """Write what was drawn, atomically, in the formats that the paths' endings name."""
    canvas.draw_without_rendering()
    whole = canvas.get_tightbbox().padded(0.15)
    for path in paths:
        form = path.suffix[1:]
        with replacing_file(path) as temporary:
            canvas.savefig(
                temporary, format=form, dpi=DPI, bbox_inches=whole, facecolor="white", metadata=NO_DATE.get(form)
            )  # fmt: skip


def _axes_of(trace: Any) -> tuple[str, str]:
    """Plotly's short names of a trace's two axes; a pie has none and stands for itself."""
    return ("x", "y") if trace.type == "pie" else (trace.xaxis or "x", trace.yaxis or "y")


def _axis(figure: go.Figure, name: str) -> Any:
    return figure.layout[f"{name[0]}axis{name[1:]}"]


def _add_panels(canvas: Figure, figure: go.Figure) -> dict[tuple[str, str], Axes]:
    """One panel for each pair of Plotly axes, by their names."""
    panels: dict[tuple[str, str], Axes] = {}
    linked: dict[str, Axes] = {}
    for pair in dict.fromkeys(map(_axes_of, figure.data)):
        traces = [trace for trace in figure.data if _axes_of(trace) == pair]
        x_axis, y_axis = (_axis(figure, name) for name in pair)
        keys = (x_axis.matches or pair[0], y_axis.matches or pair[1])
        place = _place(canvas, x_axis.domain or (0.0, 1.0), y_axis.domain or (0.0, 1.0))
        axes = canvas.add_axes(place, sharex=linked.get(keys[0]), sharey=linked.get(keys[1]))
        linked |= {key: linked.get(key, axes) for key in keys}
        panels[pair] = axes
        if traces[0].type == "pie":
            axes.set_axis_off()
            continue
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(GRID)
        axes.set_axisbelow(True)
        _set_axis(axes, "x", x_axis, traces)
        _set_axis(axes, "y", y_axis, traces)
    return panels


def _place(canvas: Figure, x: Sequence[float], y: Sequence[float]) -> tuple[float, float, float, float]:
    """Paper coordinates of Plotly (0 to 1 inside the margins) as Matplotlib's left, bottom, width, height."""
    width, height = canvas.get_size_inches()
    inner_width, inner_height = width - LEFT - RIGHT, height - TOP - BOTTOM
    left, bottom = (LEFT + x[0] * inner_width) / width, (BOTTOM + y[0] * inner_height) / height
    return left, bottom, (x[1] - x[0]) * inner_width / width, (y[1] - y[0]) * inner_height / height


def _set_axis(axes: Axes, letter: Literal["x", "y"], axis: Any, traces: list[Any]) -> None:
    target: Axis = axes.xaxis if letter == "x" else axes.yaxis
    if axis.showgrid is not False:
        target.grid(True, color=GRID, linewidth=0.8)
    axes.tick_params(axis=letter, length=0, labelcolor=INK)
    if axis.title.text:
        target.set_label_text(axis.title.text)
    if axis.type == "log":
        axes.set(**{f"{letter}scale": "log"})
        target.set_minor_locator(NullLocator())
    if axis.type == "category":
        found = axis.categoryarray or [name for trace in traces for name in trace[letter]]
        target.update_units([_plain(name) for name in dict.fromkeys(found)])
    elif axis.tickvals is not None:
        target.set_ticks(list(axis.tickvals), labels=list(axis.ticktext))
    elif axis.tickformat == ".0%":
        target.set_major_formatter(PercentFormatter(1.0, decimals=0))
    else:
        target.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    if axis.dtick is not None:
        target.set_major_locator(MultipleLocator(axis.dtick))
    if axis.showticklabels is False:
        target.set_tick_params(labelbottom=False, labelleft=False)


def _set_limits(axes: Axes, letter: Literal["x", "y"], axis: Any) -> None:
    low, high = sorted(axes.get_xlim() if letter == "x" else axes.get_ylim())
    if axis.range is not None:
        low, high = (10.0**end if axis.type == "log" else end for end in axis.range)
    elif axis.rangemode == "tozero":
        low = min(0.0, low)
    axes.set(**{f"{letter}lim": (high, low) if axis.autorange == "reversed" else (low, high)})


def _add_lines(panels: dict[tuple[str, str], Axes], figure: go.Figure) -> None:
    """The lines right across a panel that ``add_hline`` and ``add_vline`` leave in the layout."""
    for shape in figure.layout.shapes:
        pen = {
            "color": shape.line.color, "linestyle": DASHES[shape.line.dash or "solid"], "linewidth": 1.3, "zorder": 1,
        }  # fmt: skip
        pair = (shape.xref.split()[0], shape.yref.split()[0])
        if pair in panels and shape.xref.endswith("domain"):
            panels[pair].axhline(shape.y0, **pen)
        elif pair in panels:
            panels[pair].axvline(shape.x0, **pen)


def _add_words(canvas: Figure, panels: list[Axes], figure: go.Figure) -> None:
    width, height = canvas.get_size_inches()
    left = LEFT / width
    canvas.text(left, 1 - 0.2 / height, figure.layout.title.text, fontsize=14, weight="bold", va="top")
    canvas.text(left, 1 - 0.48 / height, figure.layout.title.subtitle.text or "", fontsize=10, va="top")
    for note in figure.layout.annotations:
        x, y, *_ = _place(canvas, (note.x, note.x), (note.y, note.y))
        canvas.text(x, y, _plain(note.text), ha="center", va="bottom", fontsize=11)
    if figure.layout.showlegend is False:
        return
    entries = {
        label: handle
        for axes in reversed(panels)
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    canvas.legend(
        list(entries.values()), list(entries), loc="upper left", bbox_to_anchor=(left, 0.08 / height), ncols=4,
        frameon=False, fontsize=10,
    )  # fmt: skip


def _plain(text: Any) -> str:
    """Plotly's line break as a real one; the charts use no other markup."""
    return str(text).replace("<br>", "\n")


def _values(axis: Axis, values: Sequence[Any]) -> NDArray[np.float64]:
    """Positions along an axis, categories counted from 0."""
    plain = [_plain(value) if isinstance(value, str) else value for value in values]
    return np.asarray(axis.convert_units(plain), dtype=np.float64)


def _draw_pie(axes: Axes, trace: Any) -> None:
    shares = np.asarray(trace.values, dtype=float) / sum(trace.values)
    axes.pie(
        shares, labels=[f"{label}\n{share:.1%}" for label, share in zip(trace.labels, shares, strict=True)],
        colors=list(trace.marker.colors), startangle=90, counterclock=False, labeldistance=1.28,
        textprops={"ha": "center", "va": "center"}, wedgeprops={"width": 1.0 - trace.hole, "edgecolor": "white"},
    )  # fmt: skip


def _draw_bar(axes: Axes, trace: Any) -> None:
    x, y = _values(axes.xaxis, trace.x), _values(axes.yaxis, trace.y)
    if trace.orientation == "h":
        bars = axes.barh(y, x, height=trace.width or 0.8, color=trace.marker.color)
    else:
        bars = axes.bar(x, y, width=trace.width or 0.8, color=trace.marker.color)
    if trace.text is not None:
        axes.bar_label(bars, labels=list(trace.text), label_type="center", color="white", fontsize=12)


def _draw_scatter(axes: Axes, trace: Any) -> None:
    marker = trace.marker
    hollow = (marker.symbol or "").endswith("-open")
    colour = marker.color or trace.line.color
    error: dict[str, Any] = {
        f"{letter}err": None if bars.array is None else np.asarray([bars.arrayminus, bars.array], dtype=float)
        for letter, bars in (("x", trace.error_x), ("y", trace.error_y))
    }
    axes.errorbar(
        _values(axes.xaxis, trace.x), _values(axes.yaxis, trace.y), **error, label=trace.name, color=colour,
        alpha=marker.opacity, linestyle=DASHES[trace.line.dash or "solid"] if "lines" in trace.mode else "none",
        linewidth=(trace.line.width or 2) * POINTS_A_PIXEL,
        marker=SYMBOLS[marker.symbol or "circle"] if "markers" in trace.mode else "none",
        markersize=(marker.size or 6) * POINTS_A_PIXEL, markerfacecolor="none" if hollow else colour,
        # Faint points overlap by the thousand: an edge would show through each.
        markeredgewidth=2.0 if hollow else 0.0, elinewidth=1.3, capsize=3,
    )  # fmt: skip


def _draw_heatmap(axes: Axes, trace: Any) -> None:
    x, y, z = _values(axes.xaxis, trace.x), _values(axes.yaxis, trace.y), np.asarray(trace.z, dtype=float)
    colours = LinearSegmentedColormap.from_list("", [tuple(stop) for stop in trace.colorscale])
    axes.pcolormesh(x, y, z, cmap=colours, vmin=trace.zmin, vmax=trace.zmax, edgecolors="white", linewidth=2)
    for row, column in np.ndindex(z.shape):
        ink = "white" if z[row, column] > (trace.zmin + trace.zmax) / 2 else INK
        words = _plain(trace.text[row][column])
        place = float(x[column]), float(y[row])
        axes.text(*place, words, color=ink, ha="center", va="center", fontsize=13)


def _draw_violin(axes: Axes, trace: Any) -> None:
    flat, colour = trace.orientation == "h", trace.line.color
    ages = np.asarray(trace.x if flat else trace.y, dtype=float)
    places = np.zeros(len(ages)) if flat else _values(axes.xaxis, trace.x)
    for place in np.unique(places):
        here = ages[places == place]
        # Matplotlib counts the bandwidth in standard deviations, Plotly in years.
        bandwidth = trace.bandwidth / float(here.std(ddof=1)) if np.ptp(here) else None
        side: Any = {"negative": "low", "positive": "high"}.get(trace.side, "both")
        drawn = axes.violinplot(
            [here], [place], orientation="horizontal" if flat else "vertical", widths=trace.width or 0.9,
            showextrema=False, points=200, side=side, bw_method=bandwidth,
        )  # fmt: skip
        for body in drawn["bodies"]:  # type: ignore[attr-defined]
            body.set(facecolor=to_rgba(colour, 0.45), edgecolor=colour, alpha=None)
        if trace.box.visible:
            q1, median, q3 = np.quantile(here, [0.25, 0.5, 0.75])
            axes.barh([place], [q3 - q1], left=[q1], height=0.1, color="white", edgecolor=colour)
            axes.plot([median, median], [place - 0.05, place + 0.05], color=colour, linewidth=2.5)
    if trace.name:
        axes.plot([], [], color=colour, linewidth=6, label=trace.name)


def _draw_box(axes: Axes, trace: Any) -> None:
    colour = trace.marker.color
    pen = {"color": colour, "linewidth": 1.5}
    axes.boxplot(
        [np.asarray(trace.x, dtype=float)], positions=[0.0], orientation="horizontal", notch=bool(trace.notched),
        widths=0.5, patch_artist=True, manage_ticks=False, medianprops=pen, whiskerprops=pen, capprops=pen,
        boxprops={"facecolor": to_rgba(colour, 0.35), "edgecolor": colour, "linewidth": 1.5},
        flierprops={
            "marker": "o", "markersize": trace.marker.size * POINTS_A_PIXEL, "markeredgewidth": 0,
            "markerfacecolor": to_rgba(colour, trace.marker.opacity),
        },
    )  # fmt: skip
    axes.set_ylim(-0.5, 0.5)


DRAW: dict[str, Callable[[Axes, Any], None]] = {
    "pie": _draw_pie, "bar": _draw_bar, "scatter": _draw_scatter, "violin": _draw_violin, "box": _draw_box,
    "heatmap": _draw_heatmap,
}  # fmt: skip
