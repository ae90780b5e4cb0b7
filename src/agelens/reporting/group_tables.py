"""The figures of an evaluation by group: for the tables of pages, in words, and as CSV files."""

from pathlib import Path
from typing import Any

import pandas as pd

from agelens.data.labels import AGE_BANDS
from agelens.evaluation.groups import FEW_FACES, GROUP_TITLES, SOURCE_TITLE
from agelens.reporting.formats import score
from agelens.reporting.result_charts import MEASURES
from agelens.utils.files import write_text

TITLES = {
    **GROUP_TITLES,
    "source": SOURCE_TITLE,
    "age_range": "Range of ages (years)",
    "age_group": "Group of ages (years)",
}


def group_tables(result: dict[str, Any]) -> list[dict[str, Any]]:
    """The groups of one task's evaluation as tables: a kind, its title, and rows of name and figures.

    A row of fewer than FEW_FACES faces, near duplicates counting once, is marked as ``few``: it may be far off.
    """
    tables = []
    # Columns of one's own that figures were told by come last.
    others = {kind: kind for kind in result.get("groups", {}) if kind not in {*TITLES, "predicted_band"}}
    for kind, title in {**TITLES, **others}.items():
        groups = result.get("groups", {}).get(kind, {})
        order = AGE_BANDS if kind == "age_band" else groups
        rows = [
            {
                "name": name,
                "few": groups[name].get("independent", groups[name]["n"]) < FEW_FACES,
                **groups[name],
            }
            for name in order
            if name and name in groups
        ]
        if rows:
            tables.append({"kind": kind, "title": title, "rows": rows})
    return tables


def write_group_table(result: dict[str, Any], path: Path) -> None:
    """Write the figures of one task as CSV, atomically: a row for all faces, then one for each group.

    The columns are ``kind``, ``group`` and the figures of ``evaluation.json``; an interval ``x_ci95`` becomes
    ``x_low`` and ``x_high``. A figure that a group has not is empty.
    """
    rows = [{"kind": "all", "group": "all", **_flat(result)}]
    for table in group_tables(result):
        rows += [{"kind": table["kind"], "group": row["name"], **_flat(row)} for row in table["rows"]]
    write_text(path, pd.DataFrame(rows).to_csv(index=False))


def _flat(figures: dict[str, Any]) -> dict[str, float | None]:
    """The single numbers among some figures."""
    flat: dict[str, float | None] = {}
    for key, value in figures.items():
        if key.endswith("_ci95"):
            name = key.removesuffix("_ci95")
            flat[f"{name}_low"], flat[f"{name}_high"] = value or (None, None)
        elif value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
            flat[key] = value
    return flat


def extremes(result: dict[str, Any], task: str) -> list[str]:
    """For every kind of group, where the network does best and worst, of groups of at least FEW_FACES faces."""
    measure, told = MEASURES[task], []
    for table in group_tables(result):
        if table["kind"] not in {*GROUP_TITLES, "source"}:
            continue
        rows = [row for row in table["rows"] if not row["few"] and row.get(measure.key) is not None]
        rows.sort(key=lambda row: row[measure.key], reverse=not measure.fewer_is_better)
        if len(rows) > 1:
            best, worst = (
                f"{row['name']} ({score(task, row[measure.key])}, n {row['n']:,})"
                for row in (rows[0], rows[-1])
            )
            told.append(f"{table['title']}: best {best}, worst {worst}.")
    return told
