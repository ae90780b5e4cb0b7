"""Two bundles or files of predictions on the same faces: from the command line to a page."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from agelens.bundles.bundle import Bundle, find_bundles
from agelens.data.rows import refuse_no_text
from agelens.data.table import digest_table
from agelens.errors import AgeLensError
from agelens.evaluation.compare_models import ModelComparison, compare_predictions
from agelens.evaluation.evaluate import Framed, predict_faces
from agelens.evaluation.measured_rows import choose_rows
from agelens.evaluation.overlap import Overlap, check_seen, without_overlap
from agelens.evaluation.prediction_files import is_prediction_file, match, read_predictions
from agelens.inference.predictor import Predictor
from agelens.reporting.models_page import write_models_page
from agelens.study.labelled_data import read_labelled
from agelens.utils.environment import command_line
from agelens.utils.files import write_json
from agelens.utils.progress import Track, quiet

RESULT, PAGE = "model_comparison.json", "model_comparison.html"


@dataclass(frozen=True)
class Settings:
    """How two networks are compared.

    Attributes:
        split: of a run's table: "train", "validation", "test" or "all".
        overlap: what becomes of images that made a bundle, as for `agelens.evaluation.evaluate.evaluate`.
        framed: what becomes of whole photographs, as there.
        precision: of the bundles' networks.
        seed: of the paired bootstrap.
    """

    split: str = "all"
    overlap: Overlap = "refuse"
    framed: Framed = "refuse"
    precision: str = "auto"
    seed: int = 42


def compare_models(
    first: Path,
    second: Path,
    data: Path,
    out: Path,
    settings: Settings = Settings(),
    track: Track = quiet,
    say: Callable[[str], None] = lambda text: None,
) -> ModelComparison:
    """Compare two networks on the same faces, and write the result as JSON and as a page.

    Args:
        first, second: bundles, folders of runs, "agelens", or files of predictions (.csv, .tsv, .parquet).
        data: a folder of faces, a manifest, or the folder of a run, whose duplicate groups and splits are then known.
        out: folder that takes the result.

    Raises:
        AgeLensError: a bundle or file cannot be used, a bundle learned from some of the faces, or the two estimated
            nothing in common.
    """
    refuse_no_text(first, second)
    names = _names(first, second)
    bundles = {place: find_bundles(place) for place in (first, second) if not is_prediction_file(place)}
    files = {place: read_predictions(place) for place in (first, second) if is_prediction_file(place)}
    faces = read_labelled(data)
    table = faces.table
    made = [bundle for found in bundles.values() for bundle in found]
    rows = choose_rows(table, settings.split)
    if settings.overlap == "skip" and made:
        rows = without_overlap(rows, table, made)
    rows = rows.reset_index(drop=True)
    for place, found in bundles.items():
        if any(check_seen(rows, found, settings.overlap).values()):
            say(f"{place} WAS TRAINED ON some of these faces, so its figures look better than they are.")
    predicted = [
        match(files[place], rows, place)
        if place in files
        else _predict(bundles[place], rows, settings, place, track)
        for place in (first, second)
    ]
    comparison = compare_predictions(rows, predicted[0], predicted[1], names, settings.seed)
    told = {
        **comparison.to_json(),
        "verdicts": comparison.verdicts(),
        "bundles": [
            {task: one.card["identity"] for one in bundles.get(place, []) for task in one.tasks}
            for place in (first, second)
        ],
        "command": command_line(),
        "settings": {
            "first": str(first),
            "second": str(second),
            "data": str(data),
            "source": faces.name,
            "table": digest_table(table),
            "split": settings.split if "split" in table.columns else "all",
            "overlap": settings.overlap,
            "seed": settings.seed,
            "images": len(rows),
            "duplicates": "groups of near duplicates" if faces.audited else "identical files",
        },
    }
    write_json(out / RESULT, told)
    write_models_page(told, out / PAGE)
    return comparison


def _predict(
    bundles: list[Bundle], rows: pd.DataFrame, settings: Settings, place: Path, track: Track
) -> pd.DataFrame:
    with track(f"loading {place.name}", None):
        predictor = Predictor(bundles, settings.precision)
    faces, _ = predict_faces(rows["path"].tolist(), predictor, settings.framed, track)
    found: dict[str, list[Any]] = {
        name: [getattr(face, name) if face else None for face in faces] for name in ("age_years", "p_female")
    }
    predicted = pd.DataFrame(found).astype(np.float64).assign(stated=True)
    if predictor.gives_age_distribution:
        predicted["p_age"] = [
            face.age_distribution[int(age)] if face and face.age_distribution else np.nan
            for face, age in zip(faces, rows["age"].fillna(0), strict=True)
        ]
    return predicted


def _names(first: Path, second: Path) -> tuple[str, str]:
    """Short names that differ."""
    if first == second:
        raise AgeLensError(f"{first} is named twice; name two networks or files of predictions.")
    one, other = first.parts, second.parts
    # As many of the last parts as it takes to tell them apart: whole paths are nobody's business.
    depth = next(depth for depth in range(1, 1 + max(len(one), len(other))) if one[-depth:] != other[-depth:])
    return "/".join(one[-depth:]) or str(first), "/".join(other[-depth:]) or str(second)
