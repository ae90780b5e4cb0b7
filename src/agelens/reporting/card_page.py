"""The card of a bundle as one HTML page."""

from typing import Any

from agelens._version import __version__
from agelens.reporting import formats
from agelens.reporting.group_tables import group_tables
from agelens.reporting.pages import render_page

# So many limitations stand at the head of the page; the others follow below.
LEADING = 3


def card_page(card: dict[str, Any]) -> str:
    """Return the card of a network as one HTML page that needs nothing else.

    Args:
        card: the value of ``card.json``.
    """
    limitations = card.get("limitations", [])
    context = {
        "card": card,
        "formats": formats,
        "group_tables": group_tables,
        "leading": limitations[:LEADING],
        "others": limitations[LEADING:],
        "version": __version__,
    }
    return render_page("card.html.j2", context)
