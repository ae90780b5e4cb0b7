"""How `agelens.reporting.png` draws each kind of Plotly trace with matplotlib."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from numpy.typing import NDArray

DASHES: dict[str, Any] = {
    "solid": "-",
    "dash": "--",
    "dot": ":",
    "dashdot": "-.",
    "longdash": (0, (8, 3)),
    "longdashdot": (0, (8, 3, 2, 3)),
}
SYMBOLS = {
    "circle": "o",
    "circle-open": "o",
    "square": "s",
    "diamond": "D",
    "triangle-up": "^",
    "triangle-down": "v",
    "x": "X",
    "cross": "P",
}
# Plotly gives sizes as diameters in pixels, matplotlib in points; drawn at 90 pixels an inch.
POINTS_A_PIXEL = 72.0 / 90.0


@dataclass
class Panel:
    """The matplotlib axes of one pair of Plotly axes, and the categories along them in order, if any."""

    axes: Axes
    x_name: str
    y_name: str
    x_names: list[str] = field(default_factory=list)
    y_names: list[str] = field(default_factory=list)
    # Legend entries of traces for which matplotlib has none, by name: a colour.
    swatches: dict[str, str] = field(default_factory=dict)

    def x(self, values: Sequence[Any]) -> NDArray[np.float64]:
        """Positions along x, categories counted from 0."""
        return _positions(values, self.x_names)

    def y(self, values: Sequence[Any]) -> NDArray[np.float64]:
        """Positions along y, categories counted from 0."""
        return _positions(values, self.y_names)


def plain(text: str) -> str:
    """Plotly's line break as a real one; the charts use no other markup."""
    return text.replace("<br>", "\n")


def _positions(values: Sequence[Any], names: list[str]) -> NDArray[np.float64]:
    return np.asarray([names.index(value) for value in values] if names else values, dtype=np.float64)


def _draw_pie(panel: Panel, trace: Any) -> None:
    values = np.asarray(trace.values, dtype=float)
    shares = values / values.sum()
    panel.axes.pie(
        values,
        labels=[f"{label}\n{share:.1%}" for label, share in zip(trace.labels, shares, strict=True)],
        colors=list(trace.marker.colors),
        startangle=90,
        counterclock=False,
        labeldistance=1.28,
        textprops={"ha": "center", "va": "center"},
        wedgeprops={"width": 1.0 - trace.hole, "edgecolor": "white"},
    )


def _draw_bar(panel: Panel, trace: Any) -> None:
    x, y = panel.x(trace.x), panel.y(trace.y)
    if trace.orientation == "h":
        bars = panel.axes.barh(y, x, height=trace.width or 0.8, color=trace.marker.color)
    else:
        bars = panel.axes.bar(x, y, width=trace.width or 0.8, color=trace.marker.color)
    if trace.text is not None:
        panel.axes.bar_label(bars, labels=list(trace.text), label_type="center", color="white", fontsize=12)


def _draw_scatter(panel: Panel, trace: Any) -> None:
    x, y, marker = panel.x(trace.x), panel.y(trace.y), trace.marker
    hollow = (marker.symbol or "").endswith("-open")
    colour = marker.color or trace.line.color
    panel.axes.errorbar(
        x,
        y,
        xerr=_error(trace.error_x),
        yerr=_error(trace.error_y),
        label=trace.name,
        color=colour,
        alpha=marker.opacity,
        linestyle=DASHES[trace.line.dash or "solid"] if "lines" in trace.mode else "none",
        linewidth=(trace.line.width or 2) * POINTS_A_PIXEL,
        marker=SYMBOLS[marker.symbol or "circle"] if "markers" in trace.mode else "none",
        markersize=(marker.size or 6) * POINTS_A_PIXEL,
        markerfacecolor="none" if hollow else colour,
        # Faint points overlap by the thousand: an edge would show through each.
        markeredgewidth=2.0 if hollow else 0.0,
        elinewidth=1.3,
        capsize=3,
    )


def _error(bars: Any) -> NDArray[np.float64] | None:
    return None if bars.array is None else np.asarray([bars.arrayminus, bars.array], dtype=float)


def _draw_heatmap(panel: Panel, trace: Any) -> None:
    x, y, values = panel.x(trace.x), panel.y(trace.y), np.asarray(trace.z, dtype=float)
    colours = LinearSegmentedColormap.from_list("", [tuple(stop) for stop in trace.colorscale])
    panel.axes.pcolormesh(x, y, values, cmap=colours, vmin=trace.zmin, vmax=trace.zmax, edgecolors="white")
    for row, column in np.ndindex(values.shape):
        red, green, blue = colours((values[row, column] - trace.zmin) / (trace.zmax - trace.zmin))[:3]
        ink = "white" if 0.3 * red + 0.59 * green + 0.11 * blue < 0.55 else "#22262B"
        panel.axes.text(x[column], y[row], trace.text[row][column], color=ink, ha="center", va="center")


def _draw_violin(panel: Panel, trace: Any) -> None:
    flat = trace.orientation == "h"
    by_place: dict[float, list[float]] = {}
    if flat:
        by_place[0.0] = list(trace.x)
    else:
        for place, value in zip(panel.x(trace.x), trace.y, strict=True):
            by_place.setdefault(float(place), []).append(float(value))
    for place, values in by_place.items():
        ages = np.asarray(values, dtype=float)
        spread = float(ages.std(ddof=1)) if len(set(values)) > 1 else 0.0
        bodies = panel.axes.violinplot(
            [ages],
            [place],
            orientation="horizontal" if flat else "vertical",
            widths=trace.width or 0.9,
            showextrema=False,
            points=200,
            side={"negative": "low", "positive": "high"}.get(trace.side, "both"),  # type: ignore[arg-type]
            # matplotlib counts the bandwidth in standard deviations, Plotly in years.
            bw_method=trace.bandwidth / spread if spread else None,
        )["bodies"]
        for body in bodies:  # type: ignore[attr-defined]
            body.set(facecolor=to_rgba(trace.line.color, 0.45), edgecolor=trace.line.color, alpha=None)
        if trace.box.visible:
            _draw_quartiles(panel.axes, ages, place, trace.line.color)
    if trace.name:
        panel.swatches[trace.name] = trace.line.color


def _draw_quartiles(axes: Axes, ages: NDArray[np.float64], place: float, colour: str) -> None:
    q1, median, q3 = np.quantile(ages, [0.25, 0.5, 0.75])
    axes.barh([place], [q3 - q1], left=[q1], height=0.1, color="white", edgecolor=colour)
    axes.plot([median, median], [place - 0.05, place + 0.05], color=colour, linewidth=2.5)


def _draw_box(panel: Panel, trace: Any) -> None:
    pen = {"color": trace.marker.color, "linewidth": 1.5}
    panel.axes.boxplot(
        [np.asarray(trace.x, dtype=float)],
        positions=[0.0],
        orientation="horizontal",
        notch=bool(trace.notched),
        widths=0.5,
        patch_artist=True,
        boxprops={
            "facecolor": to_rgba(trace.marker.color, 0.35),
            "edgecolor": trace.marker.color,
            "linewidth": 1.5,
        },
        medianprops=pen,
        whiskerprops=pen,
        capprops=pen,
        flierprops={
            "marker": "o",
            "markersize": trace.marker.size * POINTS_A_PIXEL,
            "markerfacecolor": to_rgba(trace.marker.color, trace.marker.opacity),
            "markeredgewidth": 0,
        },
        manage_ticks=False,
    )
    panel.axes.set_ylim(-0.5, 0.5)


DRAW: dict[str, Callable[[Panel, Any], None]] = {
    "pie": _draw_pie,
    "bar": _draw_bar,
    "scatter": _draw_scatter,
    "violin": _draw_violin,
    "box": _draw_box,
    "heatmap": _draw_heatmap,
}
