"""The sources of a study, as they are given and as they are told."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from agelens.data.split_ratios import write_split_ratios
from agelens.data.synthetic.dataset import MARKER
from agelens.data.table import Faces, digest_table
from agelens.utils.files import digest_json

# One folder or manifest, several, or None for those of a run that has been begun.
Source = Path | str | Sequence[Path | str] | None


def as_list(source: Source) -> list[Path]:
    """Return the sources as a list, empty where none is given."""
    if source is None:
        return []
    return [Path(source)] if isinstance(source, Path | str) else [Path(one) for one in source]


def told_source(source: str | Sequence[str]) -> str:
    """Return the sources of a run's configuration as a person types them."""
    return source if isinstance(source, str) else " ".join(source)


def digest_files_of(faces: Faces) -> str:
    """Return a digest of which files a source holds, by name, content and label, and which of them are left out."""
    rejected = [[one.file, one.reason] for one in faces.rejected]
    return digest_json([faces.table["path"].tolist(), digest_table(faces.table), rejected])


def are_synthetic(table: pd.DataFrame) -> bool:
    """Return whether every image lies in a folder that the program drew."""
    return all((folder / MARKER).exists() for folder in {Path(path).parent for path in table["path"]})


def describe_differences(config: Mapping[str, Any], origin: Mapping[str, Any]) -> str:
    """Return in words how what a run was begun with differs from what is asked for; a None is not asked for."""
    return ", ".join(
        f"{key.replace('_', ' ')} {_told(key, config.get(key))} and not {_told(key, value)}"
        for key, value in origin.items()
        if value is not None and config.get(key) != value
    )


def _told(key: str, value: Any) -> Any:
    if value is None:
        return "none"
    return {"source": told_source, "split_ratios": write_split_ratios}.get(key, lambda one: one)(value)
