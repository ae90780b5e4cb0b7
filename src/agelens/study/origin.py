"""The sources of a study, as they are given and as they are told."""

from collections.abc import Sequence
from pathlib import Path, PurePath

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


def source_title(source: str | Sequence[str]) -> str:
    """Return the last parts of the sources' paths, joined by "and"; paths themselves are nobody's business."""
    return " and ".join(PurePath(one).name for one in ([source] if isinstance(source, str) else source))
