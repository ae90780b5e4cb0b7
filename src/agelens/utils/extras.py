"""Packages that come with an extra: whoever lacks one gets the line that installs it."""

import importlib.util

from agelens.errors import AgeLensError


def require(module: str, extra: str, purpose: str) -> None:
    """Refuse to go on without a module that an extra brings; nothing is imported.

    Args:
        module: its name as it is imported.
        extra: of AgeLens.
        purpose: what needs it, as the beginning of a sentence: "Parquet files need".

    Raises:
        AgeLensError: it is not installed; the sentence holds the line that installs it.
    """
    if importlib.util.find_spec(module) is None:
        raise AgeLensError(f"{purpose} {module}, which comes with: pip install 'agelens[{extra}]'")
