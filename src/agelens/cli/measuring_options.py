"""The options of commands that measure networks."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from agelens.cli.options import FACES, NETWORKS, RESULT

MeasuredBundle = Annotated[
    Path | None,
    typer.Option(
        help="Bundle to measure, the folder of a study, or 'agelens' or 'small' for AgeLens's own. If not given, the "
        "study's networks are measured.",
        rich_help_panel=NETWORKS,
    ),
]
MeasuredSplit = Annotated[
    Literal["train", "validation", "test", "all"] | None,
    typer.Option(
        help="Split to measure on. If not given, it is test for the study's own networks, and all for others.",
        rich_help_panel=FACES,
    ),
]
MeasuredSources = Annotated[
    str | None,
    typer.Option(
        "--sources",
        help="Measure only these sources, separated by commas, or 'all'; each is reported alone and all together.",
        show_default=False,
        rich_help_panel=FACES,
    ),
]
Overlap = Annotated[
    Literal["refuse", "skip", "allow"],
    typer.Option(
        help="Treatment of images that the network was trained on: refuse to measure, skip them together with their "
        "near duplicates, or allow them, which the result then says.",
        rich_help_panel=FACES,
    ),
]
Align = Annotated[
    bool,
    typer.Option(
        "--align",
        help="Find the largest face of each image and align it, as predict does.",
        rich_help_panel=FACES,
    ),
]
AgeLimits = Annotated[
    str,
    typer.Option(
        help="Age limits to evaluate, separated by commas: for each, the share of under-age faces that pass and of "
        "faces of age that are refused.",
        rich_help_panel=RESULT,
    ),
]
MaxFalsePositives = Annotated[
    float,
    typer.Option(
        help="Report the smallest challenge age that lets at most this share of under-age faces pass.",
        min=0.0,
        max=1.0,
        rich_help_panel=RESULT,
    ),
]
AbstainError = Annotated[
    float,
    typer.Option(
        "--abstain",
        help="Report the confidence threshold at which at most this share of the answered genders is wrong, and how "
        "many faces are then answered.",
        min=0.0,
        max=1.0,
        rich_help_panel=RESULT,
    ),
]
GroupBy = Annotated[
    str | None,
    typer.Option(
        help="Columns of the table to group the figures by too, separated by commas, as in site,skin_type.",
        show_default=False,
        rich_help_panel=RESULT,
    ),
]
