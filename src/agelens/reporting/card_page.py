"""The card of a bundle as one HTML page."""

from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from agelens._version import __version__
from agelens.reporting import facts


def card_page(card: dict[str, Any]) -> str:
    """The card as one HTML page that needs nothing else."""
    source = resources.files("agelens.reporting").joinpath("card.html.j2").read_text(encoding="utf-8")
    environment = Environment(
        loader=PackageLoader("agelens.reporting", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.from_string(source).render(card=card, facts=facts, formats=facts, version=__version__)
