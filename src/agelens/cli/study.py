"""The commands of a whole study: `run` and `demo`."""

from pathlib import Path
from typing import Annotated

import typer

from agelens.cli.console import evaluation_lines
from agelens.cli.options import (
    DEFAULT_OUT,
    FACES,
    STUDY,
    AgeBackbone,
    Backbones,
    Cache,
    Columns,
    Config,
    CropsAsTheyAre,
    Exclude,
    Force,
    Format,
    GenderBackbone,
    Head,
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
from agelens.cli.runs import begin_run, comparison_of, open_run, print_lines, reading_of
from agelens.cli.training_options import (
    Epochs,
    NotebookExactToo,
    RecipeName,
)
from agelens.models.keras_start import load_keras
from agelens.utils.arguments import MOST_SEED


def run_all(
    source: Sources = None,
    format: Format = "",
    columns: Columns = None,
    out: Out = DEFAULT_OUT,
    config: Config = None,
    backbones: Backbones = "seven",
    weights: Weights = "imagenet",
    image_size: ImageSize = None,
    head: Head = "flatten",
    recipe: RecipeName = "notebook",
    age_backbone: AgeBackbone = None,
    gender_backbone: GenderBackbone = None,
    epochs: Epochs = None,
    notebook_exact: NotebookExactToo = False,
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
    """The whole study: audit, explore, split, compare, train, evaluate, report. Started again, it goes on."""
    load_keras()
    from agelens.study.plan import TrainingPlan
    from agelens.study.steps import run_study

    plan = TrainingPlan(
        recipe=recipe, age_backbone=age_backbone, gender_backbone=gender_backbone,
        weights=weights, image_size=image_size, precision=precision, cache=cache, epochs=epochs,
    )  # fmt: skip
    run = begin_run(
        out,
        source,
        seed,
        limit,
        split_ratios,
        force,
        backbones,
        weights,
        plan,
        crops_as_they_are,
        exclude,
        relabel,
        reading_of(format, columns),
        aligning=True,
    )
    comparison = comparison_of(run, backbones, weights, image_size, head, 5, precision, cache, notebook_exact)
    result = run_study(run, comparison, plan)
    print_lines([*evaluation_lines(result), f"report: {result['report']}"], json, result)


def demo(
    out: Out = Path("demo-run"),
    faces: Annotated[
        int, typer.Option(help="Number of synthetic faces.", min=300, rich_help_panel=FACES)
    ] = 2000,
    seed: Annotated[
        int,
        typer.Option(help="Seed of the faces and of the study.", min=0, max=MOST_SEED, rich_help_panel=STUDY),
    ] = 42,
    json: Json = False,
) -> None:
    """The whole study on faces that the program draws itself; needs no data and no network."""
    load_keras()
    from agelens.study.demo import run_demo

    result = run_demo(open_run(out), faces, seed)
    print_lines([*evaluation_lines(result), f"report: {result['report']}"], json, result)
