"""The commands of networks: `compare`, `train`, `evaluate` and `export`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from agelens.cli.console import comparison_lines, evaluation_lines, training_line
from agelens.cli.options import (
    DEFAULT_OUT,
    AgeBackbone,
    Align,
    Backbones,
    Cache,
    CropsAsTheyAre,
    Epochs,
    Force,
    GenderBackbone,
    Head,
    ImageSize,
    Json,
    Limit,
    MeasuredBundle,
    MeasuredPart,
    Members,
    NotebookExact,
    NotebookExactToo,
    Out,
    Overlap,
    Patience,
    Precision,
    Pretrained,
    Seed,
    Source,
    SplitRatios,
    Stages,
    Trainable,
    Weights,
)
from agelens.cli.runs import open_study, print_lines
from agelens.errors import AgeLensError


def compare(
    source: Source = None,
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
    study = open_study(out, source, seed, limit, split_ratios, crops_as_they_are, cache)
    result = study.compare(
        backbones, weights=weights, image_size=image_size, head=head, epochs=epochs, precision=precision,
        notebook_exact=notebook_exact, force=force,
    ).content  # fmt: skip
    print_lines(comparison_lines(result), json, result)


def train(
    source: Source = None,
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
    study = open_study(out, source, seed, limit, split_ratios, crops_as_they_are, cache)
    cards = study.train(
        task, recipe, force=force, age_backbone=age_backbone, gender_backbone=gender_backbone, weights=weights,
        image_size=image_size, precision=precision, epochs=epochs, patience=patience, batch_size=batch_size,
        learning_rate=learning_rate, trainable=trainable, pretrained=tuple(pretrained or ()), soup_size=soup_size,
        unfreeze_stages=unfreeze_stages, notebook_exact=notebook_exact,
    ).cards  # fmt: skip
    print_lines([training_line(card) for card in cards.values()], json, cards)


def evaluate(
    source: Source = None,
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
    json: Json = False,
) -> None:
    """Measure networks on images they have not seen, with intervals, baselines and tables by group."""
    if align and crops_as_they_are:
        raise AgeLensError("--align and --crops-as-they-are exclude one another; give one of the two.")
    study = open_study(out, source, seed, limit, split_ratios, crops_as_they_are)
    figures = study.evaluate(
        bundle, split, overlap=overlap, precision=precision, align=align, force=force
    ).content
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
