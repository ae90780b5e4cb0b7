"""The commands of a data set: `audit`, `explore` and `fetch`."""

from pathlib import Path
from typing import Annotated

import typer

from agelens.cli.console import audit_lines
from agelens.cli.options import (
    DEFAULT_OUT,
    Columns,
    Exclude,
    Force,
    Format,
    Json,
    Limit,
    Out,
    Relabel,
    Seed,
    Sources,
    SplitRatios,
)
from agelens.cli.runs import open_study, print_lines, reading_of
from agelens.errors import AgeLensError
from agelens.models.keras_start import load_keras


def audit(
    source: Sources = None,
    format: Format = "",
    columns: Columns = None,
    out: Out = DEFAULT_OUT,
    force: Force = False,
    seed: Seed = None,
    limit: Limit = None,
    split_ratios: SplitRatios = None,
    exclude: Exclude = None,
    relabel: Relabel = None,
    json: Json = False,
) -> None:
    """Find unreadable, identical and near-identical images and labels that contradict; split without leaks."""
    study = open_study(
        out,
        source,
        seed,
        limit,
        split_ratios,
        exclude=exclude,
        relabel=relabel,
        reading=reading_of(format, columns),
    )
    found = study.audit(force=force).content
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
    exclude: Exclude = None,
    relabel: Relabel = None,
    json: Json = False,
) -> None:
    """Chart the dataset and say in words what the charts show."""
    study = open_study(
        out,
        source,
        seed,
        limit,
        split_ratios,
        exclude=exclude,
        relabel=relabel,
        reading=reading_of(format, columns),
    )
    found = study.explore(force=force).content
    print_lines(found["findings"], json, found)


def fetch(
    what: Annotated[
        str,
        typer.Argument(
            help="What to download: 'utkface', or the name of a backbone for its ImageNet weights.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="Folder for the files. If not given, it is the one that Kaggle's or Keras's own programs use.",
        ),
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
        from agelens.models.registry import REGISTRY

        if what not in REGISTRY:
            raise AgeLensError(
                f"There is nothing called {what!r} to fetch; name utkface, or a backbone for its ImageNet weights: "
                f"{', '.join(REGISTRY)}."
            )
        path = fetch_backbone(what, out)
    print_lines([str(path)], json, {"path": str(path)})
