"""The command `stress`."""

from pathlib import Path
from typing import Annotated

import typer

from agelens.cli.measuring_options import Overlap
from agelens.cli.options import FACES, NETWORKS, RESULT, STUDY, Json, Precision
from agelens.cli.runs import add_to_report, print_lines
from agelens.utils.arguments import MOST_SEED


def stress(
    bundle: Annotated[
        Path,
        typer.Argument(
            help="A bundle, a study with networks, or 'agelens' or 'small' for AgeLens's own.",
            show_default=False,
        ),
    ],
    data: Annotated[
        Path,
        typer.Argument(
            help="Labelled faces: a folder, a CSV manifest, or a study, of which the test split is taken.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", help="Folder for stress.html, stress.json and stress.csv.", rich_help_panel=RESULT
        ),
    ] = Path("agelens-stress"),
    beside: Annotated[
        Path | None,
        typer.Option(
            help="A second bundle to measure on the same corrupted images.",
            show_default=False,
            rich_help_panel=NETWORKS,
        ),
    ] = None,
    crops: Annotated[
        bool,
        typer.Option(
            "--crops",
            help="The pictures are face crops; search no face in their worse copies.",
            rich_help_panel=FACES,
        ),
    ] = False,
    limit: Annotated[
        int,
        typer.Option(help="Use at most this many pictures, drawn by chance.", min=10, rich_help_panel=FACES),
    ] = 300,
    overlap: Overlap = "refuse",
    precision: Precision = "auto",
    seed: Annotated[
        int,
        typer.Option(
            help="Seed of the draw, the corruptions and the intervals.",
            min=0,
            max=MOST_SEED,
            rich_help_panel=STUDY,
        ),
    ] = 42,
    json: Json = False,
) -> None:
    """Measure networks on worse pictures: JPEG, blur, noise, darkness, colour, rotation, size, crop and occlusion."""
    from agelens.study.reporting_steps import adding_to
    from agelens.study.stress import PAGE, StressTest, stress_network
    from agelens.utils.progress import bar, say

    with adding_to(out):
        result = stress_network(
            StressTest(bundle, data, beside, crops, limit, overlap, precision, seed), out, bar, say
        )
        lines = [
            f"{network['name']}: {row['corruption'].replace('_', ' ')} {row['level']:g}: {_told(row, crops)}"
            for network in result["networks"]
            for row in network["levels"]
        ]
        print_lines([*lines, f"page: {out / PAGE}"], json, result)
        add_to_report(out, bar, json)


def _told(row: dict[str, object], crops: bool) -> str:
    # Among crops no face is searched.
    words = [] if crops else [f"found {100 * float(str(row['found'])):.1f} %"]
    for key, form in (("mae", "MAE {:.2f}"), ("mae_change", "change {:+.2f}")):
        if row[key] is not None:
            words.append(form.format(row[key]))
    for key, name in (("coverage", "in the interval"), ("accuracy", "gender")):
        if row[key] is not None:
            words.append(f"{name} {100 * float(str(row[key])):.1f} %")
    return ", ".join(words)
