"""Exploration, charts, report, galleries and the page of a card."""
