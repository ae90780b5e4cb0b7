"""What a person says of how a source is to be read."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agelens.errors import AgeLensError


@dataclass(frozen=True)
class ReadingOptions:
    """How sources are to be read, where that is not left to what is found there.

    Attributes:
        format: name of a format of `agelens.data.sources.formats`; "" looks at names and headers.
        columns: which column of a manifest holds what, such as {"age": "Alter"}.
    """

    format: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """What of it is not left to what is found, for the configuration of a run."""
        told: dict[str, Any] = {"format": self.format, "columns": dict(self.columns)}
        return {key: value for key, value in told.items() if value}


def check_options(options: object) -> ReadingOptions:
    """Return what was given for reading options; an AgeLensError refuses anything else."""
    if not isinstance(options, ReadingOptions):
        raise AgeLensError(
            "How a source is to be read is told by agelens.data.sources.options.ReadingOptions, and not by "
            f"{type(options).__name__}."
        )
    return options


def read_columns(text: str) -> dict[str, str]:
    """Return the columns that a person names, from "age=Alter,gender=Sex".

    Raises:
        AgeLensError: it is not written so, or names a column twice.
    """
    pairs = [pair.partition("=") for pair in text.split(",")]
    if any(not name.strip() or not column.strip() for name, _, column in pairs):
        raise AgeLensError(
            f"'{text}' does not name columns; write them as in --columns age=Alter,gender=Sex."
        )
    names = Counter(name.strip() for name, _, _ in pairs)
    if twice := [name for name, count in names.items() if count > 1]:
        raise AgeLensError(f"'{text}' says twice which column holds {twice[0]}; say it once.")
    return {name.strip(): column.strip() for name, _, column in pairs}
