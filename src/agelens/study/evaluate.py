"""Evaluating finished networks on images that they have not seen."""

from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from agelens.errors import AgeLensError
from agelens.estimate.bundle import Bundle
from agelens.estimate.estimator import Estimator
from agelens.estimate.framing import refuse_scenes
from agelens.estimate.results import Face
from agelens.progress import Track, quiet
from agelens.study.metrics import measure

# What becomes of images that made a network: the measurement is refused, or they are left out, or measured too.
Seen = Literal["refuse", "skip", "include"]
# What becomes of whole photographs: refused as no crops, measured as if they were some, or their largest face measured.
Framed = Literal["refuse", "as-they-are", "align"]
_WAY_OUT = (
    "Measure the largest face of each image, found and aligned, with --align, or the images as they are with "
    "--crops-as-they-are."
)


@dataclass(frozen=True)
class Evaluation:
    """The content of ``evaluation.json``, and the estimates it was computed from.

    Attributes:
        figures: by task, with ``settings``.
        predictions: the rows measured, with ``age_years`` and ``p_female`` where there is a network for them.
    """

    figures: dict[str, Any]
    predictions: pd.DataFrame


def choose_rows(table: pd.DataFrame, part: str) -> pd.DataFrame:
    """The rows of one part, or all of a table that has no parts or for the part "all"."""
    if part == "all" or "part" not in table.columns:
        return table
    rows = table[table["part"] == part]
    if rows.empty:
        raise AgeLensError(f"The table has no rows in the part {part!r}.")
    return rows


def evaluate(
    table: pd.DataFrame,
    bundles: list[Bundle],
    part: str = "test",
    seen: Seen = "refuse",
    seed: int = 42,
    precision: str = "auto",
    track: Track = quiet,
    framed: Framed = "refuse",
) -> Evaluation:
    """Measure networks on one part of a face table, each figure with a 95 % bootstrap interval and a baseline.

    Args:
        part: "test", another part, or "all".
        seen: what becomes of images that made a network. "skip" leaves them out with the look-alikes that the audit
            found of them; "include" measures them too, and the result says so.
        seed: of the bootstrap.
        framed: "refuse" looks at a sample of the images and goes on if they are face crops; "as-they-are" takes them
            for crops without looking; "align" finds the largest face of each, and leaves images without one out.

    Raises:
        AgeLensError: some of the images made one of the networks (for "skip": all of them), or cannot be decoded, or
            are no face crops.
    """
    table = table.reset_index(drop=True)
    chosen = choose_rows(table, part)
    rows = (_unseen(chosen, table, bundles) if seen == "skip" else chosen).reset_index(drop=True)
    made = {task: _seen(rows, bundle) for bundle in bundles for task in bundle.tasks}
    if any(made.values()) and seen != "include":
        raise AgeLensError(_refusal(made, len(rows)))
    estimates = _estimate(rows, Estimator(bundles, precision), framed, track)
    images = len(rows)
    rows = rows[[face is not None for face in estimates]].reset_index(drop=True)
    faces = [face for face in estimates if face is not None]
    if not faces:
        raise AgeLensError(f"In none of the {images} images a face was found, so nothing can be measured.")
    tasks = {task: bundle for bundle in bundles for task in bundle.tasks}
    if "age" in tasks:
        rows["age_years"] = [face.age_years for face in faces]
        intervals = [face.age_interval for face in faces if face.age_interval is not None]
        if intervals:
            rows[["age_from", "age_to"]] = intervals
    if "gender" in tasks:
        rows["p_female"] = [face.p_female for face in faces]
    figures: dict[str, Any] = {
        task: {**measure(rows, task, seed), **_baseline(rows, task, bundle)} for task, bundle in tasks.items()
    }
    figures["settings"] = {
        "part": part if "part" in table.columns else "all",
        "images": len(rows),
        "seen_images_included": any(made.values()),
        "seen_images": {task: sum(counts.values()) for task, counts in made.items()},
        "images_left_out": len(chosen) - len(rows),
        "framed": framed,
        "images_without_face": images - len(rows),
        "seed": seed,
        "bundles": {task: bundle.card["identity"] for task, bundle in tasks.items()},
    }
    return Evaluation(figures, rows)


def _estimate(rows: pd.DataFrame, estimator: Estimator, framed: Framed, track: Track) -> list[Face | None]:
    """The estimate of each row: of the image as a crop, or of its largest face, None where there is none."""
    if framed == "refuse":
        refuse_scenes(rows["path"].tolist(), estimator.detector, estimator.geometry, _WAY_OUT)
    faces: list[Face | None] = []
    with track("estimating", len(rows)) as advance:
        for photo in estimator.stream(rows["path"], crops=framed != "align"):
            if photo.problem:
                raise AgeLensError(
                    f"{photo.file} {photo.problem}; audit the images before measuring on them."
                )
            faces.append(photo.faces[0] if photo.faces else None)
            advance(1)
    return faces


def _unseen(rows: pd.DataFrame, table: pd.DataFrame, bundles: list[Bundle]) -> pd.DataFrame:
    """Those of the rows that made no network and, as far as an audit told, look like none in the table that did."""
    made = pd.Series(False, index=table.index)
    for bundle in bundles:
        made |= table["digest"].isin(bundle.seen.keys())
    if "group" in table.columns:
        made |= table["group"].isin(table.loc[made, "group"].dropna())
    left = rows[~made.loc[rows.index]]
    if left.empty:
        raise AgeLensError(
            f"All {len(rows)} images made a network, or look like some that did; none is left to measure on. Use other "
            "images, or --include-seen, and the result will say so."
        )
    return left


def _seen(rows: pd.DataFrame, bundle: Bundle) -> dict[str, int]:
    """How many of the rows made the network, by its own part."""
    parts = rows["digest"].map(bundle.seen).dropna()
    return {str(part): int(count) for part, count in parts.value_counts().items()}


def _refusal(seen: dict[str, dict[str, int]], total: int) -> str:
    words = "; ".join(
        f"{sum(counts.values())} of {total} were used to train or choose the {task} network ("
        + ", ".join(f"{part} {count}" for part, count in sorted(counts.items()))
        + ")"
        for task, counts in seen.items()
        if counts
    )
    return (
        f"A network is not measured on images that made it: {words}. Use other images, or leave these out "
        "with --skip-seen, or measure them too with --include-seen, and the result will say so."
    )


def _baseline(rows: pd.DataFrame, task: str, bundle: Bundle) -> dict[str, float]:
    """What the training part's median age or majority gender scores on the same rows."""
    blind = bundle.card["data"]["baseline"]
    if task == "age":
        return {"baseline_mae": float((rows["age"] - blind["median_age"]).abs().mean())}
    return {"baseline_accuracy": float((rows["gender"] == blind["majority_gender"]).mean())}
