"""Options of the commands that train: recipe, epochs and what learns."""

from typing import Annotated, Literal

import typer

from agelens.cli.options import TRAINING

RecipeName = Annotated[
    Literal["notebook", "scratch"],
    typer.Option(
        help="Recipe of the training: heads on frozen backbones as in the notebook, or a small network from scratch.",
        rich_help_panel=TRAINING,
    ),
]
Epochs = Annotated[
    int | None,
    typer.Option(
        help="Most epochs of a training. If not given, the recipe decides.", min=1, rich_help_panel=TRAINING
    ),
]
Patience = Annotated[
    int | None,
    typer.Option(
        help="Stop after so many epochs without a better validation figure.", min=0, rich_help_panel=TRAINING
    ),
]
Trainable = Annotated[
    bool | None,
    typer.Option(
        "--trainable/--frozen",
        help="Train the backbone too, or keep it frozen. If not given, the recipe decides.",
        show_default=False,
        rich_help_panel=TRAINING,
    ),
]
NotebookExactToo = Annotated[
    bool,
    typer.Option(
        "--notebook-exact",
        help="Compare with the notebook's own arithmetic too: pixels / 255 for every backbone, features not "
        "standardized.",
        rich_help_panel=TRAINING,
    ),
]
NotebookExact = Annotated[
    bool,
    typer.Option(
        "--notebook-exact",
        help="Train with the notebook's own arithmetic: pixels / 255 for every backbone, features not standardized.",
        rich_help_panel=TRAINING,
    ),
]
Teacher = Annotated[
    str | None,
    typer.Option(
        help="Learn from the predictions of this bundle too (distillation): a folder, or agelens or small for "
        "AgeLens's own.",
        show_default=False,
        rich_help_panel=TRAINING,
    ),
]
SoupSize = Annotated[
    int | None,
    typer.Option(
        help="Average the weights of so many fine-tunings, each from another seed.",
        min=1,
        rich_help_panel=TRAINING,
    ),
]
UnfreezeStages = Annotated[
    int | None,
    typer.Option(
        help="Fine-tune so many of the network's last stages; 0 fine-tunes every layer.",
        min=0,
        rich_help_panel=TRAINING,
    ),
]
AugmentedViews = Annotated[
    int | None,
    typer.Option(
        help="Learn from so many randomly altered copies of each face; 0, with --recipe adapt alone, learns from it as "
        "it is.",
        min=0,
        rich_help_panel=TRAINING,
    ),
]
SourceBalance = Annotated[
    float | None,
    typer.Option(
        help="How far sources of different sizes are drawn equally often: 0 by their sizes, 1 equally.",
        min=0,
        max=1,
        show_default=False,
        rich_help_panel=TRAINING,
    ),
]
AgeBalance = Annotated[
    float | None,
    typer.Option(
        help="How far bands of ten years are drawn equally often within a source: 0 as they come, 1 equally.",
        min=0,
        max=1,
        show_default=False,
        rich_help_panel=TRAINING,
    ),
]
