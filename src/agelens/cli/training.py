"""The commands of networks: `compare`, `train`, `evaluate` and `export`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from agelens.cli.console import comparison_lines, evaluation_lines, training_line
from agelens.cli.keras_start import load_keras
from agelens.cli.options import (
    DEFAULT_OUT,
    AgeBackbone,
    AgeBalance,
    Align,
    Backbones,
    Cache,
    Columns,
    CropsAsTheyAre,
    Epochs,
    Force,
    Format,
    GenderBackbone,
    GroupBy,
    Head,
    ImageSize,
    Json,
    Limit,
    MeasuredBundle,
    MeasuredPart,
    MeasuredSources,
    Members,
    NotebookExact,
    NotebookExactToo,
    Out,
    Overlap,
    Patience,
    Precision,
    Pretrained,
    Seed,
    SourceBalance,
    Sources,
    SplitRatios,
    Stages,
    Trainable,
    Weights,
)
from agelens.cli.runs import begin_run, comparison_of, is_run, names_by_comma, print_lines, reading_of
from agelens.errors import AgeLensError


def compare(
    source: Sources = None,
    format: Format = "",
    columns: Columns = None,
    out: Out = DEFAULT_OUT,
    backbones: Backbones = "seven",
    weights: Weights = "imagenet",
    image_size: ImageSize = None,
    head: Head = "flatten",
    epochs: Annotated[int, typer.Option(help="Epochs of the small head.", min=1)] = 5,
    notebook_exact: NotebookExactToo = False,
    precision: Precision = "auto",
    cache: Cache = None,
    force: Force = False,
    seed: Seed = None,
    limit: Limit = None,
    split_ratios: SplitRatios = None,
    crops_as_they_are: CropsAsTheyAre = False,
    json: Json = False,
) -> None:
    """Compare pretrained backbones on age and gender from one pass of each."""
    load_keras()
    from agelens.study.steps import compare_backbones

    run = begin_run(
        out, source, seed, limit, split_ratios, force, backbones, weights, None, crops_as_they_are,
        reading_of(format, columns), aligning=True,
    )  # fmt: skip
    result = compare_backbones(
        run,
        comparison_of(run, backbones, weights, image_size, head, epochs, precision, cache, notebook_exact),
    )
    print_lines(comparison_lines(result), json, result)


def train(
    source: Sources = None,
    format: Format = "",
    columns: Columns = None,
    out: Out = DEFAULT_OUT,
    task: Annotated[Literal["age", "gender", "both"], typer.Option(help="What to learn.")] = "both",
    recipe: Annotated[
        Literal["notebook", "scratch", "finetune"],
        typer.Option(
            help="Frozen backbones as in the notebook, a small network that learns whole, or a face network, "
            "--pretrained."
        ),
    ] = "notebook",
    pretrained: Pretrained = None,
    soup_size: Members = None,
    unfreeze_stages: Stages = None,
    source_balance: SourceBalance = None,
    age_balance: AgeBalance = None,
    age_backbone: AgeBackbone = None,
    gender_backbone: GenderBackbone = None,
    weights: Weights = "imagenet",
    image_size: ImageSize = None,
    epochs: Epochs = None,
    patience: Patience = None,
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="How many faces each step learns from.")
    ] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Learning rate of Adam.", min=1e-8)] = None,
    trainable: Trainable = None,
    notebook_exact: NotebookExact = False,
    precision: Precision = "auto",
    cache: Cache = None,
    force: Force = False,
    seed: Seed = None,
    limit: Limit = None,
    split_ratios: SplitRatios = None,
    crops_as_they_are: CropsAsTheyAre = False,
    json: Json = False,
) -> None:
    """Train the age network and the gender network; killed and started again, it goes on where it was."""
    tasks = ("age", "gender") if task == "both" else (task,)
    load_keras()
    from agelens.study.plan import TrainingPlan
    from agelens.study.steps import train_networks

    plan = TrainingPlan(
        tasks,
        recipe,
        age_backbone,
        gender_backbone,
        weights,
        image_size,
        precision,
        cache,
        epochs,
        patience,
        batch_size,
        learning_rate,
        trainable,
        tuple(pretrained or ()),
        soup_size,
        unfreeze_stages,
        notebook_exact,
        source_balance,
        age_balance,
    )
    run = begin_run(
        out, source, seed, limit, split_ratios, force, "", "", plan, crops_as_they_are,
        reading_of(format, columns), aligning=True,
    )  # fmt: skip
    cards = train_networks(run, plan)
    print_lines([training_line(card) for card in cards.values()], json, cards)


def evaluate(
    source: Sources = None,
    format: Format = "",
    columns: Columns = None,
    out: Out = DEFAULT_OUT,
    bundle: MeasuredBundle = None,
    split: MeasuredPart = None,
    overlap: Overlap = "refuse",
    precision: Precision = "auto",
    force: Force = False,
    seed: Seed = None,
    limit: Limit = None,
    split_ratios: SplitRatios = None,
    align: Align = False,
    crops_as_they_are: CropsAsTheyAre = False,
    group_by: GroupBy = None,
    sources: MeasuredSources = None,
    json: Json = False,
) -> None:
    """Measure networks on images they have not seen, with intervals, baselines and tables by group."""
    if align and crops_as_they_are:
        raise AgeLensError("--align and --crops-as-they-are exclude one another; give one of the two.")
    # The run itself may be named in place of its sources.
    if source and len(source) == 1 and out == DEFAULT_OUT and is_run(source[0]):
        out, source = source[0], None
    load_keras()
    from agelens.study.steps import evaluate_networks

    run = begin_run(
        out, source, seed, limit, split_ratios, force, crops_as_they_are=crops_as_they_are,
        reading=reading_of(format, columns),
    )  # fmt: skip
    figures = evaluate_networks(
        run, bundle, split or ("all" if bundle else "test"), overlap, precision, force, align,
        names_by_comma(group_by), () if sources == "all" else names_by_comma(sources),
    )  # fmt: skip
    print_lines(evaluation_lines(figures), json, figures)


def export(
    target: Annotated[Path, typer.Argument(help="Folder that takes the bundle.", show_default=False)],
    out: Out = DEFAULT_OUT,
    json: Json = False,
) -> None:
    """Write a run's measured network as a bundle for others, its figures in its card and on a page."""
    from agelens.study.export import export_bundle

    card = export_bundle(out, target)
    lines = [*evaluation_lines(card["evaluation"]), *card["limitations"], f"bundle: {target}"]
    print_lines(lines, json, card)
