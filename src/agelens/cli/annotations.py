"""The command `annotations`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from agelens.cli.options import RESULT, Json
from agelens.cli.runs import print_lines


def annotations(
    source: Annotated[
        Path,
        typer.Argument(
            help="The folder of a study, or a file that 'agelens predict --out' wrote.", show_default=False
        ),
    ],
    export: Annotated[
        Literal["fiftyone", "labelstudio"],
        typer.Option(help="The tool that is to read it.", show_default=False, rich_help_panel=RESULT),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", help="Folder that takes the files.", show_default=False, rich_help_panel=RESULT
        ),
    ],
    json: Json = False,
) -> None:
    """Write labels, audit and estimates as FiftyOne or Label Studio read them; the images stay where they are."""
    from agelens.study.annotations import export_annotations

    files = export_annotations(source, export, out)
    print_lines([str(file) for file in files], json, {"files": [str(file) for file in files]})
