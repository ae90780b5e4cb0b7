"""Self-contained HTML pages: one style, one script, everything escaped."""

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


def render_page(template: str, context: dict[str, Any]) -> str:
    """Return the HTML of a template of this package; names of files, groups and sources in it are a stranger's.

    Args:
        template: its file, such as "card.html.j2".
        context: the values it is filled with; every string among them is escaped but those of type `markupsafe.Markup`.
    """
    environment = Environment(
        loader=PackageLoader("agelens.reporting", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(context).lstrip()
