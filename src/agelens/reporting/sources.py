"""The sources of a study, told apart: in words, as rows of tables, and how many faces each has of each age."""

from typing import Any

import pandas as pd
import plotly.graph_objects as go

from agelens.data.labels import AGE_BANDS, GENDERS, age_band, has_age_group
from agelens.data.table import source_names
from agelens.reporting.dataset_charts import PALETTE, style

# Lines stay apart in grey too.
_DASHES = ("solid", "dash", "dot", "dashdot")


def has_several_sources(table: pd.DataFrame) -> bool:
    """Whether a face table came from more than one source."""
    return len(source_names(table)) > 1


def count_sources(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return for each source of a face table its name and what it holds.

    Returns:
        ``name``, ``images``, ``median_age`` (years or None; of groups their middles count), ``female`` (share of the
        labelled or None), ``age_groups`` (how many ages are known as groups only), ``without_age``, ``without_gender``,
        and, once the table is split, ``splits``, images by split.
    """
    told = []
    for name in source_names(table):
        rows = table[table["source"] == name]
        told.append(
            {
                "name": name,
                "images": len(rows),
                "median_age": float(rows["age"].median()) if rows["age"].notna().any() else None,
                "female": float(rows["gender"].mean()) if rows["gender"].notna().any() else None,
                "age_groups": int(has_age_group(rows).sum()),
                "without_age": int(rows["age"].isna().sum()),
                "without_gender": int(rows["gender"].isna().sum()),
                **({"splits": rows["split"].value_counts().to_dict()} if "split" in rows.columns else {}),
            }
        )
    return told


def describe_sources(table: pd.DataFrame) -> list[str]:
    """Return one sentence a source where there are several, and what is known of labels that are groups or missing."""
    sources = count_sources(table)
    lines = [_sentence(one) for one in sources] if len(sources) > 1 else []
    grouped = int(has_age_group(table).sum())
    if grouped:
        lines.append(
            f"Of {grouped:,} faces the age is known as a group only; in these charts its middle stands for it."
        )
    for task in ("age", "gender"):
        if missing := int(table[task].isna().sum()):
            faces = "1 face has" if missing == 1 else f"{missing:,} faces have"
            lines.append(f"{faces} no {task} and {'is' if missing == 1 else 'are'} left out of these charts.")
    return lines


def _sentence(one: dict[str, Any]) -> str:
    told = [f"{one['images']:,} faces"]
    if one["median_age"] is not None:
        told.append(f"median age {one['median_age']:.0f}")
    if one["female"] is not None:
        told.append(f"{100 * one['female']:.0f} % labelled {GENDERS[1]}")
    if one["age_groups"]:
        told.append(
            "ages as groups"
            if one["age_groups"] == one["images"]
            else f"{one['age_groups']:,} ages as groups"
        )
    return f"Source {one['name']}: {', '.join(told)}."


def source_columns(comparison: dict[str, Any], task: str, key: str) -> dict[str, Any]:
    """Return the final validation figures of each backbone on each source; empty where there is one source alone.

    Args:
        comparison: content of ``comparison.json``.
        task: "age" or "gender".
        key: its figure, "mae" or "accuracy".
    """
    key = f"val_{key}_by_source"
    rows = {name: result[key] for name, result in comparison[task].items() if key in result}
    names = list(next(iter(rows.values()), {}))
    told = [{"name": name, "values": [row.get(one) for one in names]} for name, row in rows.items()]
    return {"names": names, "rows": told} if told else {}


def ages_by_source(table: pd.DataFrame) -> go.Figure:
    """The share of each band of ten years in each source, as one line a source."""
    figure = go.Figure()
    for place, name in enumerate(source_names(table)):
        bands = age_band(table.loc[table["source"] == name, "age"].dropna())
        shares = bands.value_counts(normalize=True).reindex(AGE_BANDS, fill_value=0.0)
        figure.add_scatter(
            x=list(AGE_BANDS), y=shares.tolist(), name=name, mode="lines+markers",
            line={"color": PALETTE[place % len(PALETTE)], "dash": _DASHES[place % len(_DASHES)], "width": 2},
        )  # fmt: skip
    figure.update_xaxes(
        title="Age (years)", type="category", categoryorder="array", categoryarray=list(AGE_BANDS)
    )
    figure.update_yaxes(title="Share of the source", tickformat=".0%")
    names = source_names(table)
    alt = f"Lines of the share of each age band in {', '.join(names)}."
    return style(figure, "Ages by source", f"{len(table):,} faces of {len(names)} sources", alt)
