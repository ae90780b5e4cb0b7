"""The comparison of two networks as one HTML page."""

from pathlib import Path
from typing import Any

from agelens._version import __version__
from agelens.evaluation.compare_models import FIGURES
from agelens.evaluation.groups import FEW_FACES, kind_title
from agelens.reporting.formats import p_value
from agelens.reporting.pages import render_page
from agelens.utils.files import write_text

# Half the width of a bar's field, in percent of it.
_HALF = 48.0


def write_models_page(told: dict[str, Any], path: Path) -> None:
    """Write the page, atomically; it needs nothing else.

    Args:
        told: the value of ``model_comparison.json``.
        path: the .html file; its folder is made.
    """
    tables = [_table(name, told) for name in told["overall"]]
    context = {"told": told, "tables": tables, "p_value": p_value, "version": __version__}
    write_text(path, render_page("models.html.j2", context))


def _table(name: str, told: dict[str, Any]) -> dict[str, Any]:
    """One figure: rows over all faces and by group, with intervals drawn on one scale."""
    figure = FIGURES[name]
    rows = [("All faces", told["overall"][name])]
    for kind, groups in told["groups"].get(name, {}).items():
        rows += [(f"{kind_title(kind)}: {group}", one) for group, one in groups.items()]
    reach = max([abs(end) for _, one in rows for end in one["ci95"] or [one["difference"]]]) or 1.0
    scale = 100 if figure.share else 1
    return {
        "title": figure.title,
        "unit": "points" if figure.share else "",
        "better": "left" if figure.fewer_is_better else "right",
        "rows": [
            {
                "name": label,
                "faces": one["faces"],
                "few": one["faces"] < FEW_FACES,
                "first": figure.told(one["first"]),
                "second": figure.told(one["second"]),
                "difference": f"{scale * one['difference']:+.3f}",
                "ci95": one["ci95"] and [f"{scale * end:+.3f}" for end in one["ci95"]],
                "p": one["p"],
                "winner": {"first": told["names"][0], "second": told["names"][1], "": ""}[one["better"]],
                "place": [50 + _HALF * end / reach for end in one["ci95"] or [one["difference"]] * 2],
                "middle": 50 + _HALF * one["difference"] / reach,
            }
            for label, one in rows
        ],
    }
