"""The command that downloads what others publish."""

from pathlib import Path
from typing import Annotated

import typer

from agelens.cli.keras_start import load_keras
from agelens.cli.options import Json, UnusedSeed
from agelens.cli.runs import print_lines

# Rooms are imported inside the command, as in `agelens.cli.main`.


def fetch(
    what: Annotated[
        str, typer.Argument(help="'utkface', or the name of a backbone for its ImageNet weights.")
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder that takes it; Kaggle's or Keras's own if not given."),
    ] = None,
    seed: UnusedSeed = 42,
    json: Json = False,
) -> None:
    """Download UTKFace from Kaggle, or the ImageNet weights of a backbone, and say where they are."""
    if what.lower() == "utkface":
        from agelens.data.sources.kaggle import fetch_utkface

        path = fetch_utkface(out)
    else:
        load_keras()
        from agelens.models.backbones import fetch_backbone

        path = fetch_backbone(what, out)
    print_lines([str(path)], json, {"path": str(path)})
