"""Evaluating finished networks on images that they have not seen."""

from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from agelens.bundles.bundle import Bundle
from agelens.detection.framing import refuse_scenes
from agelens.errors import AgeLensError
from agelens.evaluation.metrics import measure
from agelens.inference.predictor import Estimator
from agelens.inference.results import Face
from agelens.utils.progress import Track, quiet

# What becomes of images that made a network: the measurement is refused, or they are left out, or measured too.
Seen = Literal["refuse", "skip", "include"]
# A network that knows nothing is right in half of the faces; less than a fifth of twenty comes of chance once in 800.
_SELDOM, _ENOUGH = 0.2, 20
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
        AgeLensError: some of the images made one of the networks (for "skip": all of them), are no face crops, or none
            can be decoded. Single ones that cannot are left out, and the notes in the settings say so.
    """
    table = table.reset_index(drop=True)
    chosen = choose_rows(table, part)
    rows = (_unseen(chosen, table, bundles) if seen == "skip" else chosen).reset_index(drop=True)
    made = check_seen(rows, bundles, seen)
    with track("loading the networks", None):
        estimator = Estimator(bundles, precision)
    faces, problems = _estimate(rows["path"].tolist(), estimator, framed, track)
    images = len(rows)
    rows = rows[[face is not None for face in faces]].reset_index(drop=True)
    tasks = {task: bundle for bundle in bundles for task in bundle.tasks}
    if "age" in tasks:
        rows["age_years"] = [face.age_years for face in faces if face]
        intervals = [face.age_interval for face in faces if face and face.age_interval is not None]
        if intervals:
            rows[["age_from", "age_to"]] = intervals
    if "gender" in tasks:
        rows["p_female"] = [face.p_female for face in faces if face]
    figures: dict[str, Any] = {
        task: {**measure(rows, task, seed), **_baseline(rows, task, bundle)} for task, bundle in tasks.items()
    }
    figures["settings"] = {
        "part": part if "part" in table.columns else "all",
        "images": len(rows),
        "seen_images_included": any(made.values()),
        "seen_images": {task: sum(counts.values()) for task, counts in made.items()},
        "images_left_out": len(chosen) - images,
        "framed": framed,
        "images_without_face": images - len(rows) - len(problems),
        "seed": seed,
        "bundles": {task: bundle.card["identity"] for task, bundle in tasks.items()},
        "notes": [*_unreadable(problems), *swapped_genders(figures)],
    }
    return Evaluation(figures, rows)


def _estimate(
    paths: list[str], estimator: Estimator, framed: Framed, track: Track
) -> tuple[list[Face | None], list[str]]:
    """For each image its face, or the largest that is found, None where there is none; and what cannot be read."""
    if framed == "refuse":
        refuse_scenes(paths, estimator.detector, estimator.geometry, _WAY_OUT)
    faces: list[Face | None] = []
    problems = []
    with track("estimating", len(paths)) as advance:
        for photo in estimator.stream(paths, crops=framed != "align"):
            faces.append(photo.faces[0] if photo.faces else None)
            if photo.problem:
                problems.append(f"{photo.file} {photo.problem}")
            advance(1)
    if len(problems) == len(paths):
        raise AgeLensError(f"Not one of the images can be read: {problems[0]}, for example.")
    if not any(faces):
        raise AgeLensError(
            f"In none of the {len(paths)} images a face was found, so nothing can be measured."
        )
    return faces, problems


def _unreadable(problems: list[str]) -> list[str]:
    if not problems:
        return []
    images = "1 image cannot" if len(problems) == 1 else f"{len(problems):,} images cannot"
    return [f"{images} be read any more and {'is' if len(problems) == 1 else 'are'} left out: {problems[0]}."]


def swapped_genders(figures: dict[str, Any]) -> list[str]:
    """A question, where genders are right so seldom that the labels themselves seem to stand the other way round."""
    gender = figures.get("gender")
    if gender is None or gender["n"] < _ENOUGH or gender["accuracy"] >= _SELDOM:
        return []
    return [
        f"Gender is as labelled in {100 * gender['accuracy']:.1f} % of {gender['n']:,} faces only: are 0 and 1 "
        "swapped in the labels? AgeLens reads 0 as male and 1 as female."
    ]


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


def check_seen(rows: pd.DataFrame, bundles: list[Bundle], seen: Seen) -> dict[str, dict[str, int]]:
    """How many of the rows made each task's network, by its own part; refused, with an AgeLensError, for "refuse"."""
    made = {task: _seen(rows, bundle) for bundle in bundles for task in bundle.tasks}
    if any(made.values()) and seen == "refuse":
        raise AgeLensError(_refusal(made, len(rows)))
    return made


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
