"""Where the images of a study came from, and what that says of their use and of figures on them."""

from collections.abc import Iterable, Sequence
from pathlib import PurePath
from typing import Any

import pandas as pd

from agelens.data.labels import has_age_group

UTKFACE_LICENCE = "UTKFace: non-commercial research only"
UTKFACE_ABOUT = (
    "Labels of age in UTKFace were partly guessed by an algorithm and corrected by people, so part of the error is "
    "theirs. Its crops are frontal and tight: profiles and masks are rare in it, and figures on it say little of them."
)
SYNTHETIC_LICENCE = "synthetic faces by AgeLens: nobody in these pictures exists"
UNKNOWN_LICENCE = "as the source of the images says"


def source_name(config: dict[str, Any]) -> str:
    """Return the last parts of the sources' paths: cards and reports are handed on, and paths are nobody's business.

    Args:
        config: the content of a study's ``config.json``.
    """
    return " and ".join(source_parts(config.get("source") or "a source not recorded"))


def source_parts(source: str | Sequence[str]) -> list[str]:
    """Return the last part of the path of each source that a study's configuration names."""
    return [PurePath(one).name for one in ([source] if isinstance(source, str) else source)]


def data_name(config: dict[str, Any], table: pd.DataFrame) -> str:
    """Return the name of a study's faces for cards: of its sources, where there are several, else of its path's end."""
    # A manifest may name sources of its own, which say more than its file's name.
    names = list(dict.fromkeys(table["source"])) if "source" in table.columns else []
    return " and ".join(names) if len(names) > 1 else source_name(config)


def licence(config: dict[str, Any], table: pd.DataFrame) -> str:
    """Return what the images of a face table may be used for, as far as it is known."""
    if config.get("synthetic"):
        return SYNTHETIC_LICENCE
    named = _are_utkface(table)
    if not any(named):
        return UNKNOWN_LICENCE
    return UTKFACE_LICENCE if all(named) else f"{UTKFACE_LICENCE}; other images: {UNKNOWN_LICENCE}"


def join_licences(licences: Iterable[str]) -> str:
    """Return several licences, as `licence` writes them, as one text that says nothing twice."""
    return "; ".join(dict.fromkeys(part for one in licences for part in one.split("; ")))


def provenance(config: dict[str, Any], table: pd.DataFrame) -> dict[str, Any]:
    """Return ``source``, ``licence`` and ``about`` (what is known of labels and crops) for the card of a network."""
    told = [UTKFACE_ABOUT] if not config.get("synthetic") and any(_are_utkface(table)) else []
    if grouped := int(has_age_group(table).sum()):
        told.append(f"Of {grouped:,} of {len(table):,} faces the age is known as a group only.")
    if "original" in table.columns and (cut := int((table["original"] != "").sum())):
        told.append(f"{cut:,} faces were found in their photographs and aligned by AgeLens.")
    return {
        "source": data_name(config, table),
        "licence": licence(config, table),
        "about": " ".join(told),
    }


def _are_utkface(table: pd.DataFrame) -> list[bool]:
    """Of each source whether all its files are named as UTKFace's are."""
    if "taken_at" not in table.columns:
        return [False]
    named = table["taken_at"] != ""
    return (
        [bool(named.all())] if "source" not in table.columns else list(named.groupby(table["source"]).all())
    )
