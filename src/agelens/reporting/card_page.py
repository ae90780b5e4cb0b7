"""The card of a bundle as one HTML page."""

import math
from typing import Any

from agelens._version import __version__
from agelens.evaluation.compare_models import FIGURES
from agelens.evaluation.group_report import TITLES
from agelens.evaluation.groups import FEW_FACES, kind_title
from agelens.evaluation.over_seeds import tell_over_seeds
from agelens.reporting import formats
from agelens.reporting.group_tables import group_tables
from agelens.reporting.pages import render_page

# So many limitations stand at the head of the page; the others follow below.
LEADING = 3


def card_page(card: dict[str, Any]) -> str:
    """Return the card of a network as one HTML page that needs nothing else.

    Args:
        card: the value of ``card.json``. Of its limitations the gravest stand at the head of the page.
    """
    limitations = sorted(
        card.get("limitations", []), key=lambda line: _weight(line, card.get("evaluation", {})), reverse=True
    )
    context = {
        "card": card,
        "formats": formats,
        "group_tables": group_tables,
        "group_titles": TITLES,
        "kind_title": kind_title,
        "model_figures": FIGURES,
        "few_faces": FEW_FACES,
        "leading": limitations[:LEADING],
        "others": limitations[LEADING:],
        "tell_over_seeds": tell_over_seeds,
        "version": __version__,
    }
    return render_page("card.html.j2", context)


def _weight(limitation: str, evaluation: dict[str, Any]) -> float:
    """How many times the error of all faces a limitation's group has; those that name no group come first."""
    task = "gender" if "gender as labelled" in limitation else "age"
    result = evaluation.get(task, {})
    for table in group_tables(result):
        for row in table["rows"]:
            if limitation.startswith(f"{table['title']} {row['name']}:"):
                if task == "age":
                    return float(row["mae"] / result["mae"])
                return float((1 - row["accuracy"]) / (1 - result["accuracy"]))
    return math.inf
