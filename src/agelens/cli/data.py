"""The commands of a data set: `audit`, `explore` and `fetch`."""

from pathlib import Path
from typing import Annotated

import typer

from agelens.cli.console import audit_lines
from agelens.cli.keras_start import load_keras
from agelens.cli.options import (
    DEFAULT_OUT,
    Columns,
    Force,
    Format,
    Json,
    Limit,
    Out,
    Seed,
    Sources,
    SplitRatios,
)
from agelens.cli.runs import begin_run, open_run, print_lines, reading_of, split_ratios_of


def audit(
    source: Sources = None,
    format: Format = "",
    columns: Columns = None,
    out: Out = DEFAULT_OUT,
    force: Force = False,
    seed: Seed = None,
    limit: Limit = None,
    split_ratios: SplitRatios = None,
    json: Json = False,
) -> None:
    """Find unreadable, identical and near-identical images and labels that contradict; split without leaks."""
    from agelens.study.folder import audit_faces

    found = audit_faces(
        open_run(out, force), source, seed, limit, split_ratios_of(split_ratios), reading_of(format, columns)
    )
    print_lines(audit_lines(found), json, found)


def explore(
    source: Sources = None,
    format: Format = "",
    columns: Columns = None,
    out: Out = DEFAULT_OUT,
    force: Force = False,
    seed: Seed = None,
    limit: Limit = None,
    split_ratios: SplitRatios = None,
    json: Json = False,
) -> None:
    """Chart the dataset and say in words what the charts show."""
    from agelens.study.reporting_steps import explore_faces

    found = explore_faces(
        begin_run(out, source, seed, limit, split_ratios, force, reading=reading_of(format, columns))
    )
    print_lines(found["findings"], json, found)


def fetch(
    what: Annotated[
        str, typer.Argument(help="'utkface', or the name of a backbone for its ImageNet weights.")
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder that takes it; Kaggle's or Keras's own if not given."),
    ] = None,
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
