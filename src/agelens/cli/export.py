"""The command `export`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from agelens.cli.console import evaluation_lines
from agelens.cli.measuring_options import MeasuredBundle
from agelens.cli.options import DEFAULT_OUT, RESULT, Json, Out
from agelens.cli.runs import print_lines
from agelens.errors import AgeLensError


def export(
    target: Annotated[Path, typer.Argument(help="Folder for the bundle.", show_default=False)],
    out: Out = DEFAULT_OUT,
    form: Annotated[
        Literal["bundle", "onnx", "openvino", "ovms", "triton", "huggingface"],
        typer.Option(
            "--format",
            help="A bundle, or what others serve: ONNX, OpenVINO, a folder of OpenVINO Model Server (ovms) or of "
            "Triton, or one of the Hugging Face hub; these come from --bundle.",
        ),
    ] = "bundle",
    bundle: MeasuredBundle = None,
    seeds: Annotated[
        Path | None,
        typer.Option(
            help="JSON file with the figures of trainings from other seeds, as benchmarks/adapt_seeds.py writes it; "
            "the card then tells their means and spread.",
            show_default=False,
            rich_help_panel=RESULT,
        ),
    ] = None,
    stress: Annotated[
        Path | None,
        typer.Option(
            help="stress.json of 'agelens stress' with this network, for the card.",
            show_default=False,
            rich_help_panel=RESULT,
        ),
    ] = None,
    comparison: Annotated[
        Path | None,
        typer.Option(
            help="model_comparison.json of 'agelens compare-models' with this network and another, for the card.",
            show_default=False,
            rich_help_panel=RESULT,
        ),
    ] = None,
    label_issues: Annotated[
        Path | None,
        typer.Option(
            help="label_issues.json of 'agelens label-issues' with the data that made this network, for the card.",
            show_default=False,
            rich_help_panel=RESULT,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Write a study's measured network as a bundle for others, or a bundle in a form that other programs serve."""
    if form != "bundle":
        if any(file is not None for file in (seeds, stress, comparison, label_issues)):
            raise AgeLensError(
                "--seeds, --stress, --comparison and --label-issues are for the card of a bundle; leave out --format, "
                "or leave them out."
            )
        export_as(target, form, bundle or out, json)
        return
    from agelens.study.export import export_bundle

    card = export_bundle(out, target, bundle, seeds, stress, comparison, label_issues)
    lines = [*evaluation_lines(card["evaluation"]), *card["limitations"], f"bundle: {target}"]
    print_lines(lines, json, card)


def export_as(target: Path, form: str, source: Path, json: bool) -> None:
    """Write a bundle in a form that other programs serve."""
    from agelens.bundles.bundle import find_one_bundle
    from agelens.export.formats import FACES, export_format, next_step

    found = find_one_bundle(source)
    difference = export_format(found, target, form)
    lines = [
        f"{target}: says what {found.folder} says on {FACES} faces, within {difference:.1g}.",
        next_step(form, target, found.card),
    ]
    print_lines(lines, json, {"target": str(target), "faces": FACES, "largest_difference": difference})
