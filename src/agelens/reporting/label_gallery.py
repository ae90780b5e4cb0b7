"""The gallery of suspicious labels: one HTML page with the faces whose labels estimates speak against most."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image

from agelens.data.labels import GENDERS, group_name
from agelens.evaluation.label_issues import LABELS, LabelIssues
from agelens.reporting.exploration import load_tile
from agelens.reporting.pages import render_page
from agelens.reporting.thumbnails import encode_jpeg
from agelens.utils.files import write_text

_SIDE = 128
_QUALITY = 80


def write_label_gallery(found: LabelIssues, figures: dict[str, Any], path: Path, top: int) -> None:
    """Write the worst labels of each kind as one self-contained HTML page, atomically.

    The page holds thumbnails of the photographs and so belongs on the disk of the person who may see them.

    Args:
        figures: `LabelIssues.figures` with the name of the ``backbone``, its ``weights`` and the number of ``folds``.
        path: the .html file. top: how many of each kind.
    """
    worst = {label: list(_tiles(found.worst(label, top), label)) for label in LABELS}
    context = {"worst": worst, "figures": figures, "image_size": _SIDE, "top": top}
    write_text(path, render_page("label_issues.html.j2", context))


def _tiles(rows: pd.DataFrame, label: str) -> Iterator[dict[str, Any]]:
    with ThreadPoolExecutor() as threads:
        pictures = list(threads.map(_picture, rows["path"]))
    for picture, row in zip(pictures, rows.to_dict("records"), strict=True):
        age, gender = (None if pd.isna(row[name]) else int(row[name]) for name in ("age", "gender"))
        yield {
            "picture": picture,
            "name": Path(row["path"]).name,
            "rank": int(row[f"{label}_rank"]),
            "age": "no age" if age is None else _age_label(row, age),
            "gender": "no gender" if gender is None else GENDERS[gender],
            "says": f"estimated {row['predicted_age']:.0f}"
            if label == "age"
            else _other(gender, row["p_female"]),
        }


def _age_label(row: dict[Any, Any], age: int) -> str:
    low, high = (int(row.get(name, age)) for name in ("age_min", "age_max"))
    return group_name(low, high)


def _other(gender: int | None, p_female: float) -> str:
    """How probable the gender is that a face is not labelled with."""
    return f"male at {100 - 100 * p_female:.0f} %" if gender else f"female at {100 * p_female:.0f} %"


def _picture(path: str) -> str:
    return encode_jpeg(Image.fromarray(load_tile(path, _SIDE)), _QUALITY)
