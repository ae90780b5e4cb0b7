"""Where the images of a study came from, and what that says of their use and of figures on them."""

from pathlib import PurePath
from typing import Any

import pandas as pd

UTKFACE_LICENCE = "UTKFace: non-commercial research only"
UTKFACE_ABOUT = (
    "Labels of age in UTKFace were partly guessed by an algorithm and corrected by people, so part of the error is "
    "theirs. Its crops are frontal and tight; profiles, masks and blur were not measured."
)
SYNTHETIC_LICENCE = "synthetic faces by AgeLens: nobody in these pictures exists"
UNKNOWN_LICENCE = "as the source of the images says"


def source_name(config: dict[str, Any]) -> str:
    """Return the last part of the source's path: cards and reports are handed on, and paths are nobody's business.

    Args:
        config: the content of a study's ``config.json``.
    """
    return PurePath(str(config.get("source") or "a source not recorded")).name


def licence(config: dict[str, Any], table: pd.DataFrame) -> str:
    """Return what the images of a face table may be used for, as far as it is known."""
    if config.get("synthetic"):
        return SYNTHETIC_LICENCE
    return UTKFACE_LICENCE if _is_utkface(table) else UNKNOWN_LICENCE


def provenance(config: dict[str, Any], table: pd.DataFrame) -> dict[str, Any]:
    """Return ``source``, ``licence`` and ``about`` (what is known of labels and crops) for the card of a network."""
    utkface = not config.get("synthetic") and _is_utkface(table)
    return {
        "source": source_name(config),
        "licence": licence(config, table),
        "about": UTKFACE_ABOUT if utkface else "",
    }


def _is_utkface(table: pd.DataFrame) -> bool:
    """Whether all files are named as UTKFace's are."""
    return "taken_at" in table.columns and bool((table["taken_at"] != "").all())
