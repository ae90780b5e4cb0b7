"""What the steps of a study that look at the data return: objects that print, plot and become tables."""

import html
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from agelens.data.labels import AGE_BANDS, GENDERS, age_band
from agelens.data.table import SPLITS
from agelens.errors import AgeLensError
from agelens.reporting import data_quality_charts, facts
from agelens.reporting.exploration import charts_of, fully_labelled
from agelens.reporting.report import draw_all
from agelens.reporting.study_files import read_study_files

# Rows of a table below a cell: more are left out in its middle.
_MOST_ROWS = 20

Charts = dict[str, Callable[[], go.Figure]]


class StudyResult(ABC):
    """What a step gives: a line, a table, and charts."""

    @abstractmethod
    def summary(self) -> str:
        """Return the result in one line."""

    @abstractmethod
    def to_frame(self) -> pd.DataFrame:
        """Return the result as a table."""

    @abstractmethod
    def _charts(self) -> Charts:
        """The charts by name, the one that tells most first; each is drawn when it is asked for."""

    @property
    def charts(self) -> tuple[str, ...]:
        """The names that `plot` takes."""
        return tuple(self._charts())

    def plot(self, name: str | None = None) -> go.Figure:
        """Return a chart as a Plotly figure, which a notebook shows below its cell.

        Args:
            name: one of `charts`; None is the first of them.

        Raises:
            AgeLensError: there is no such chart.
        """
        charts = self._charts()
        if not charts:
            raise AgeLensError(f"This {type(self).__name__} holds nothing that could be drawn.")
        if name is not None and name not in charts:
            raise AgeLensError(f"There is no chart {name!r}; there are {', '.join(charts)}.")
        return charts[name or next(iter(charts))]()

    def _short_frame(self) -> pd.DataFrame:
        """The table that stands below a cell."""
        return self.to_frame()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.summary()})"

    def _repr_html_(self) -> str:
        # Sources, files and groups have names that strangers gave: everything is escaped.
        table = self._short_frame().to_html(
            escape=True, index=False, border=0, max_rows=_MOST_ROWS, na_rep="–", float_format="{:,.2f}".format
        )
        return f"<div><strong>{type(self).__name__}</strong>: {html.escape(self.summary())}{table}</div>"


@dataclass(frozen=True, repr=False, eq=False)
class AuditResult(StudyResult):
    """What is wrong with a dataset.

    Attributes:
        content: the value of ``audit.json``: counts, and lists of the files behind them.
        table: the face table of the usable images, with the column ``group``; the same for images of one picture.
    """

    content: dict[str, Any]
    table: pd.DataFrame

    def summary(self) -> str:
        rows = dict(data_quality_charts.audit_rows(self.content))
        told = [f"{count:,} {words}" for words, count in rows.items() if count]
        return f"{self.content['images']:,} images: {', '.join(told)}"

    def to_frame(self) -> pd.DataFrame:
        """Return a row for each fault: ``issue``, ``file``, ``other`` (the second file of a pair) and ``detail``."""
        lists = self.content["lists"]
        rows: list[tuple[str, str, str, str]] = [
            (kind, one["file"], "", one["reason"])
            for kind in ("malformed", "unreadable")
            for one in lists[kind]
        ]
        for group in lists["duplicate_groups"]:
            rows += [("identical", group[0], other, "the same bytes") for other in group[1:]]
        rows += [
            (
                "mirrored" if pair["mirrored"] else "near duplicate",
                pair["a"],
                pair["b"],
                f"{pair['distance']} of 256 bits of the hash differ",
            )
            for pair in lists["near_duplicate_pairs"]
        ]
        for label, pairs in lists["label_conflicts"].items():
            rows += [
                (f"different {label}", one["a"], one["b"], f"{one[f'a_{label}']} and {one[f'b_{label}']}")
                for one in pairs
            ]
        return pd.DataFrame(rows, columns=["issue", "file", "other", "detail"])

    def _short_frame(self) -> pd.DataFrame:
        return pd.DataFrame(data_quality_charts.audit_rows(self.content), columns=["found", "count"])

    def _charts(self) -> Charts:
        return {"audit_counts": partial(data_quality_charts.audit_counts, self.content)}


@dataclass(frozen=True, repr=False, eq=False)
class ExplorationResult(StudyResult):
    """What a dataset looks like.

    Attributes:
        content: the value of ``exploration.json``: the findings and the numbers behind them.
        table: the face table that it tells of.
    """

    content: dict[str, Any]
    table: pd.DataFrame

    @property
    def findings(self) -> list[str]:
        """Sentences about the faces, each computed from them."""
        return list(self.content["findings"])

    def summary(self) -> str:
        ages = self.table["age"].dropna()
        # A column with gaps holds its whole numbers as floats.
        years = f" from {ages.min():.0f} to {ages.max():.0f} years" if len(ages) else ""
        return f"{len(self.table):,} faces{years}; {len(self.findings)} findings"

    def to_frame(self) -> pd.DataFrame:
        """Return how many faces of each gender label there are in each age band, and in all of them."""
        genders = self.table["gender"].map(dict(enumerate(GENDERS)))
        counts = pd.crosstab(age_band(self.table["age"]), genders)
        counts = counts.reindex(index=AGE_BANDS, columns=GENDERS, fill_value=0)
        counts.loc["all"] = counts.sum()
        return (
            counts.assign(faces=counts.sum(axis=1))
            .rename_axis(index="age_band")
            .rename_axis(columns=None)
            .reset_index()
        )

    def _repr_html_(self) -> str:
        findings = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in self.findings)
        return f"{super()._repr_html_()}<ul>{findings}</ul>"

    def _charts(self) -> Charts:
        rows = fully_labelled(self.table)
        return {name: partial(draw, rows) for name, draw in reversed(charts_of(self.table).items())}


@dataclass(frozen=True, repr=False, eq=False)
class SplitResult(StudyResult):
    """Which faces a network learns from, is chosen by, and is measured on.

    Attributes:
        table: the face table with the column ``split``; no group of near duplicates stands in two splits.
    """

    table: pd.DataFrame

    def summary(self) -> str:
        rows = self.to_frame()
        return ", ".join(
            f"{name} {faces:,}" for name, faces in zip(rows["split"], rows["faces"], strict=True)
        )

    def to_frame(self) -> pd.DataFrame:
        """Return a row for each split: ``faces``, ``share``, ``groups``, ``mean_age`` and ``share_female``."""
        rows = [
            {
                "split": split,
                "faces": len(inside),
                "share": len(inside) / len(self.table),
                "groups": inside["group"].nunique() if "group" in inside.columns else len(inside),
                "mean_age": inside["age"].mean(),
                "share_female": inside["gender"].mean(),
            }
            for split in SPLITS
            for inside in [self.table[self.table["split"] == split]]
        ]
        return pd.DataFrame(rows)

    def _charts(self) -> Charts:
        return {"split_ages": partial(data_quality_charts.split_ages, self.table)}


@dataclass(frozen=True, repr=False, eq=False)
class ReportResult(StudyResult):
    """The report of a study: one HTML file that tells all of it, to be opened in a browser.

    Attributes:
        path: of ``report.html``.
    """

    path: Path

    def summary(self) -> str:
        return str(self.path)

    def to_frame(self) -> pd.DataFrame:
        """Return the key figures as text: ``figure``, ``value``, ``interval`` and ``against`` (a blind guess)."""
        figures = facts.key_figures(read_study_files(self.path.parent))
        rows = [(one["label"], one["value"], one["interval"], one["against"]) for one in figures]
        return pd.DataFrame(rows, columns=["figure", "value", "interval", "against"])

    def _charts(self) -> Charts:
        # Those of results tell more than those of the data, which come first in the report.
        figures = draw_all(read_study_files(self.path.parent))
        return {name: partial(go.Figure, figure) for name, figure in reversed(figures.items())}
