"""The commands of networks: `compare`, `train` and `evaluate`."""

from typing import Annotated, Literal

import typer

from agelens.cli.console import comparison_lines, evaluation_lines, training_line
from agelens.cli.measuring_options import (
    AbstainError,
    AgeLimits,
    Align,
    GroupBy,
    MaxFalsePositives,
    MeasuredBundle,
    MeasuredSources,
    MeasuredSplit,
    Overlap,
)
from agelens.cli.options import (
    DEFAULT_OUT,
    TRAINING,
    AgeBackbone,
    Backbones,
    Cache,
    Columns,
    CropsAsTheyAre,
    DeviceName,
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
    Pretrained,
    Relabel,
    Seed,
    Sources,
    SplitRatios,
    Threads,
    Weights,
)
from agelens.cli.runs import names_by_comma, open_study, print_lines, reading_of
from agelens.cli.training_options import (
    AgeBalance,
    AugmentedViews,
    Epochs,
    NotebookExact,
    NotebookExactToo,
    Patience,
    SoupSize,
    SourceBalance,
    Teacher,
    Trainable,
    UnfreezeStages,
)


def compare(
    source: Sources = None,
    format: Format = "",
    columns: Columns = None,
    out: Out = DEFAULT_OUT,
    backbones: Backbones = "seven",
    weights: Weights = "imagenet",
    image_size: ImageSize = None,
    head: Head = "flatten",
    epochs: Annotated[int, typer.Option(help="Epochs of each head.", min=1, rich_help_panel=TRAINING)] = 5,
    notebook_exact: NotebookExactToo = False,
    precision: Precision = "auto",
    device: DeviceName = "auto",
    threads: Threads = None,
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
    """Compare pretrained backbones on age and gender from one pass of each."""
    study = open_study(
        out,
        source,
        seed,
        limit,
        split_ratios,
        crops_as_they_are,
        cache,
        exclude,
        relabel,
        reading_of(format, columns),
    )
    result = study.compare(
        backbones, weights=weights, image_size=image_size, head=head, epochs=epochs, precision=precision,
        notebook_exact=notebook_exact, device=device, threads=threads, force=force,
    ).content  # fmt: skip
    print_lines(comparison_lines(result), json, result)


def train(
    source: Sources = None,
    format: Format = "",
    columns: Columns = None,
    out: Out = DEFAULT_OUT,
    task: Annotated[
        Literal["age", "gender", "both"], typer.Option(help="Task to train for.", rich_help_panel=TRAINING)
    ] = "both",
    recipe: Annotated[
        Literal["notebook", "scratch", "finetune", "adapt"],
        typer.Option(
            help="Recipe of the training: heads on frozen backbones as in the notebook, a small network from scratch, "
            "fine-tuning of the face networks that --pretrained names, or adapting a bundle's heads to these faces.",
            rich_help_panel=TRAINING,
        ),
    ] = "notebook",
    pretrained: Pretrained = None,
    teacher: Teacher = None,
    soup_size: SoupSize = None,
    unfreeze_stages: UnfreezeStages = None,
    augmented_views: AugmentedViews = None,
    source_balance: SourceBalance = None,
    age_balance: AgeBalance = None,
    age_backbone: AgeBackbone = None,
    gender_backbone: GenderBackbone = None,
    weights: Weights = "imagenet",
    image_size: ImageSize = None,
    epochs: Epochs = None,
    patience: Patience = None,
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Faces in a batch.", rich_help_panel=TRAINING)
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option(help="Learning rate of the optimizer.", min=1e-8, rich_help_panel=TRAINING)
    ] = None,
    trainable: Trainable = None,
    notebook_exact: NotebookExact = False,
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
    """Train the age network and the gender network; killed and started again, it goes on where it was."""
    study = open_study(
        out,
        source,
        seed,
        limit,
        split_ratios,
        crops_as_they_are,
        cache,
        exclude,
        relabel,
        reading_of(format, columns),
    )
    cards = study.train(
        task, recipe, force=force, age_backbone=age_backbone, gender_backbone=gender_backbone, weights=weights,
        image_size=image_size, precision=precision, epochs=epochs, patience=patience, batch_size=batch_size,
        learning_rate=learning_rate, trainable=trainable, pretrained=tuple(pretrained or ()), teacher=teacher,
        soup_size=soup_size, unfreeze_stages=unfreeze_stages, augmented_views=augmented_views,
        notebook_exact=notebook_exact, source_balance=source_balance, age_balance=age_balance,
    ).cards  # fmt: skip
    print_lines([training_line(card) for card in cards.values()], json, cards)


def evaluate(
    source: Sources = None,
    format: Format = "",
    columns: Columns = None,
    out: Out = DEFAULT_OUT,
    bundle: MeasuredBundle = None,
    split: MeasuredSplit = None,
    overlap: Overlap = "refuse",
    precision: Precision = "auto",
    device: DeviceName = "auto",
    threads: Threads = None,
    force: Force = False,
    seed: Seed = None,
    limit: Limit = None,
    split_ratios: SplitRatios = None,
    align: Align = False,
    crops_as_they_are: CropsAsTheyAre = False,
    age_limits: AgeLimits = "13,16,18,21",
    max_false_positives: MaxFalsePositives = 0.01,
    abstain: AbstainError = 0.01,
    group_by: GroupBy = None,
    sources: MeasuredSources = None,
    exclude: Exclude = None,
    relabel: Relabel = None,
    json: Json = False,
) -> None:
    """Measure networks on images they have not seen, with intervals, baselines and tables by group."""
    from agelens.evaluation.age_limit_rates import read_age_limits
    from agelens.study.folder import is_study

    # The study itself may be named in place of its sources.
    if source and len(source) == 1 and out == DEFAULT_OUT and is_study(source[0]):
        out, source = source[0], None
    study = open_study(
        out,
        source,
        seed,
        limit,
        split_ratios,
        crops_as_they_are,
        None,
        exclude,
        relabel,
        reading_of(format, columns),
    )
    figures = study.evaluate(
        bundle, split, overlap=overlap, precision=precision, align=align, device=device, threads=threads,
        force=force,
        age_limits=read_age_limits(age_limits), max_false_positives=max_false_positives, abstain=abstain,
        group_by=names_by_comma(group_by), sources=() if sources == "all" else names_by_comma(sources),
    ).content  # fmt: skip
    print_lines(evaluation_lines(figures), json, figures)
