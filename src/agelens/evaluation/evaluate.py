"""Evaluating finished networks on images that they have not seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from agelens.bundles.bundle import Bundle
from agelens.data.labels import has_age_group, has_exact_age, has_label
from agelens.data.table import source_names
from agelens.detection.framing import refuse_scenes
from agelens.errors import AgeLensError
from agelens.evaluation.age_groups import measure_group_labels
from agelens.evaluation.age_limit_rates import DEFAULT_LIMITS, MAX_FALSE_POSITIVES
from agelens.evaluation.age_limit_report import measure_age_limits
from agelens.evaluation.certainty import ABSTAIN_ERROR
from agelens.evaluation.certainty_report import LEVELS, level_columns, measure_certainty
from agelens.evaluation.group_report import measure_groups
from agelens.evaluation.measured_rows import check_columns, choose_rows, of_sources
from agelens.evaluation.metrics import measure
from agelens.evaluation.overlap import Overlap, check_seen, without_overlap
from agelens.inference.predictor import Predictor
from agelens.inference.results import Face, ImagePrediction, limit_column
from agelens.utils.progress import Track, quiet

# A network that knows nothing is right in half of the faces; less than a fifth of twenty comes of chance once in 800.
_SELDOM, _ENOUGH = 0.2, 20
# What becomes of whole photographs: refused as no crops, measured as if they were some, or their largest face measured.
Framed = Literal["refuse", "as-they-are", "align"]
_WAY_OUT = (
    "Measure the largest face of each image, found and aligned, with --align, or the images as they are with "
    "--crops-as-they-are."
)


def framed_of(align: bool, as_they_are: bool) -> Framed:
    """Return what becomes of whole photographs where a person says that faces are aligned, or crops taken as they are.

    Raises:
        AgeLensError: both are said.
    """
    if align and as_they_are:
        raise AgeLensError(
            "align and crops_as_they_are (--align and --crops-as-they-are) exclude one another; give one of the two."
        )
    return "align" if align else "as-they-are" if as_they_are else "refuse"


@dataclass(frozen=True)
class Rules:
    """Rules of use that an evaluation tells the price of.

    Attributes:
        age_limits: years.
        max_false_positives: largest share of under-age faces that may pass an age limit, 0 to 1.
        abstain_error: largest share of wrong genders among those that are answered, 0 to 1.
    """

    age_limits: tuple[int, ...] = DEFAULT_LIMITS
    max_false_positives: float = MAX_FALSE_POSITIVES
    abstain_error: float = ABSTAIN_ERROR


@dataclass(frozen=True)
class Evaluation:
    """The content of ``evaluation.json``, and the estimates it was computed from.

    Attributes:
        figures: by task, with ``age_limits``, ``disaggregated``, ``certainty`` and ``settings``.
        predictions: the rows measured, with ``age_years`` and ``p_female`` where there is a network for them, the ends
            of intervals and the probabilities to be as old as each age limit.
    """

    figures: dict[str, Any]
    predictions: pd.DataFrame


def evaluate(
    table: pd.DataFrame,
    bundles: list[Bundle],
    split: str = "test",
    overlap: Overlap = "refuse",
    seed: int = 42,
    precision: str = "auto",
    track: Track = quiet,
    framed: Framed = "refuse",
    rules: Rules = Rules(),
    group_by: Sequence[str] = (),
    sources: Sequence[str] = (),
    *,
    device: str = "auto",
    threads: int | None = None,
) -> Evaluation:
    """Measure networks on one part of a face table, each figure with a 95 % interval and a baseline.

    Intervals count faces of one duplicate group as one: those of shares are Wilson's, all others are bootstrapped.

    Args:
        split: "test", another split, or "all".
        overlap: what becomes of images that made a network. "skip" leaves them out with the near duplicates that
            the audit found of them; "allow" measures them too, and the result says so.
        seed: of the bootstrap.
        framed: "refuse" looks at a sample of the images and goes on if they are face crops; "as-they-are" takes them
            for crops without looking; "align" finds the largest face of each, and leaves images without one out, but
            at age limits, where each is a refusal.
        rules: age limits and allowed errors whose price is told.
        group_by: columns of the table that figures are told by too.
        sources: names of the sources that are measured; none given measures all.
        device, threads: as in `agelens.load`.

    Raises:
        AgeLensError: some of the images made one of the networks (for "skip": all of them), are no face crops, or none
            can be decoded. Single ones that cannot are left out, and the notes in the settings say so.
    """
    table = table.reset_index(drop=True)
    check_columns(table, group_by)
    chosen = of_sources(choose_rows(table, split), sources)
    rows = (without_overlap(chosen, table, bundles) if overlap == "skip" else chosen).reset_index(drop=True)
    made = check_seen(rows, bundles, overlap)
    with track("loading the networks", None):
        predictor = Predictor(bundles, precision, device=device, threads=threads)
    faces, errors = predict_faces(rows["path"].tolist(), predictor, framed, track)
    images = len(rows)
    failed = {error.file for error in errors}
    missed = rows[
        [face is None and path not in failed for face, path in zip(faces, rows["path"], strict=True)]
    ]
    rows = rows[[face is not None for face in faces]].reset_index(drop=True)
    add_estimates(rows, [face for face in faces if face], predictor, rules)
    tasks = {task: bundle for bundle in bundles for task in bundle.tasks}
    # Also where all exact ages, or all groups, are of one source.
    told_by = list(dict.fromkeys([*(["source"] if len(source_names(rows)) > 1 else []), *group_by]))
    figures = _measure(rows, tasks, seed, told_by)
    figures |= _trust(rows, missed, predictor, rules, seed, told_by)
    figures["settings"] = {
        "split": split if "split" in table.columns else "all",
        "images": len(rows),
        "overlap_included": any(made.values()),
        "overlapping_images": {task: sum(counts.values()) for task, counts in made.items()},
        "images_left_out": len(chosen) - images,
        **({"group_by": list(group_by)} if group_by else {}),
        **({"sources": list(sources)} if sources else {}),
        "framed": framed,
        "images_without_face": images - len(rows) - len(errors),
        "seed": seed,
        "bundles": {task: bundle.card["identity"] for task, bundle in tasks.items()},
        "notes": [*_unreadable(errors), *swapped_genders(figures)],
    }
    return Evaluation(figures, rows)


def add_estimates(rows: pd.DataFrame, faces: list[Face], predictor: Predictor, rules: Rules) -> None:
    """Add what a predictor says to rows of a face table, in place: a column for each thing that it says at all.

    Args:
        rows: as many as faces.
        faces: in the same order.
        rules: whose age limits get a column each.
    """
    tasks = {task for bundle in predictor.bundles for task in bundle.tasks}
    if "age" in tasks:
        rows["age_years"] = [face.age_years for face in faces]
        for level in LEVELS:
            if (ends := predictor.prediction_intervals(faces, level)) is not None:
                rows[list(level_columns(level))] = ends
        if predictor.gives_age_distribution:
            for limit in rules.age_limits:
                rows[limit_column(limit)] = [face.at_least(limit) for face in faces]
    if "gender" in tasks:
        rows["p_female"] = [face.p_female for face in faces]


def _measure(
    rows: pd.DataFrame, tasks: dict[str, Bundle], seed: int, group_by: Sequence[str]
) -> dict[str, Any]:
    """The figures of each task on the rows that are labelled for it; ages that are groups have figures of their own."""
    figures: dict[str, Any] = {}
    for task, bundle in tasks.items():
        labelled = rows[has_exact_age(rows) if task == "age" else has_label(rows, task)].reset_index(
            drop=True
        )
        if len(labelled):
            figures[task] = {**measure(labelled, task, seed, group_by), **_baseline(labelled, task, bundle)}
        grouped = rows[has_age_group(rows)].reset_index(drop=True)
        if task == "age" and len(grouped):
            figures["age_group"] = measure_group_labels(grouped, seed, group_by)
    if not figures:
        raise AgeLensError(
            f"None of the {len(rows)} faces is labelled for {' or '.join(tasks)}, so nothing can be "
            "measured; give labels."
        )
    return figures


def _trust(
    rows: pd.DataFrame,
    missed: pd.DataFrame,
    predictor: Predictor,
    rules: Rules,
    seed: int,
    group_by: Sequence[str],
) -> dict[str, Any]:
    """Age limits, groups and certainty, each figure of the rows that have the label for it."""
    told: dict[str, Any] = {}
    aged = rows[has_label(rows, "age")].reset_index(drop=True)
    if "age_years" in rows.columns and len(aged):
        away = missed[has_label(missed, "age")]
        told["age_limits"] = measure_age_limits(
            aged, away, rules.age_limits, rules.max_false_positives, seed, group_by
        )
    told["disaggregated"] = measure_groups(rows, seed, group_by)
    calibrated = {level: predictor.is_calibrated_for(level) for level in LEVELS}
    told["certainty"] = measure_certainty(
        rows, calibrated, predictor.temperature.value, rules.abstain_error, seed, group_by
    )
    return told


def predict_faces(
    paths: list[str], predictor: Predictor, framed: Framed, track: Track
) -> tuple[list[Face | None], list[ImagePrediction]]:
    """For each image its face, or the largest that is found, None where there is none; and what cannot be read."""
    if framed == "refuse":
        refuse_scenes(paths, predictor.detector, predictor.geometry, _WAY_OUT)
    faces: list[Face | None] = []
    errors = []
    with track("estimating", len(paths)) as advance:
        for photo in predictor.stream(paths, crops=framed != "align"):
            faces.append(photo.faces[0] if photo.faces else None)
            if photo.error:
                errors.append(photo)
            advance(1)
    if len(errors) == len(paths):
        raise AgeLensError(
            f"Not one of the images can be read: {errors[0].file} {errors[0].error}, for example."
        )
    if not any(faces):
        raise AgeLensError(
            f"In none of the {len(paths)} images a face was found, so nothing can be measured."
        )
    return faces, errors


def _unreadable(errors: list[ImagePrediction]) -> list[str]:
    if not errors:
        return []
    images = "1 image cannot" if len(errors) == 1 else f"{len(errors):,} images cannot"
    return [
        f"{images} be read any more and {'is' if len(errors) == 1 else 'are'} left out: "
        f"{errors[0].file} {errors[0].error}."
    ]


def swapped_genders(figures: dict[str, Any]) -> list[str]:
    """A question, where genders are right so seldom that the labels themselves seem to stand the other way round."""
    gender = figures.get("gender")
    if gender is None or gender["n"] < _ENOUGH or gender["accuracy"] >= _SELDOM:
        return []
    return [
        f"Gender is as labelled in {100 * gender['accuracy']:.1f} % of {gender['n']:,} faces only: are 0 and 1 "
        "swapped in the labels? AgeLens reads 0 as male and 1 as female."
    ]


def _baseline(rows: pd.DataFrame, task: str, bundle: Bundle) -> dict[str, float]:
    """What the training split's median age or majority gender scores on the same rows; {} where a card lacks it."""
    name = "median_age" if task == "age" else "majority_gender"
    blind = bundle.read("data", lambda data: float(data["baseline"][name]) if "baseline" in data else None)
    if blind is None:
        return {}
    if task == "age":
        return {"baseline_mae": float((rows["age"] - blind).abs().mean())}
    return {"baseline_accuracy": float((rows["gender"] == blind).mean())}
