"""The command `compare-models`."""

from pathlib import Path
from typing import Annotated

import typer

from agelens.cli.measuring_options import Align, MeasuredSplit, Overlap
from agelens.cli.options import RESULT, STUDY, CropsAsTheyAre, Json, Precision
from agelens.cli.runs import add_to_report, print_lines
from agelens.utils.arguments import MOST_SEED

_MODEL = (
    "A bundle, a study with networks, 'agelens' or 'small' for AgeLens's own, or a file of predictions: CSV or Parquet "
    "of path, age, gender."
)


def compare_models(
    first: Annotated[Path, typer.Argument(help=_MODEL, show_default=False)],
    second: Annotated[Path, typer.Argument(help=_MODEL, show_default=False)],
    data: Annotated[
        Path,
        typer.Argument(
            help="Folder of UTKFace-named images, a CSV manifest, or the folder of a study that was audited.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the result and its page.", rich_help_panel=RESULT)
    ] = Path("agelens-comparison"),
    split: MeasuredSplit = None,
    overlap: Overlap = "refuse",
    align: Align = False,
    crops_as_they_are: CropsAsTheyAre = False,
    precision: Precision = "auto",
    seed: Annotated[
        int, typer.Option(help="Seed of the bootstrap.", min=0, max=MOST_SEED, rich_help_panel=STUDY)
    ] = 42,
    json: Json = False,
) -> None:
    """Compare two networks, or anybody's predictions, on the same faces: who is better, and for whom."""
    from agelens.evaluation.evaluate import framed_of
    from agelens.study.compare_models import PAGE, Settings
    from agelens.study.compare_models import compare_models as compare
    from agelens.study.reporting_steps import adding_to
    from agelens.utils.progress import bar, say

    settings = Settings(
        split or "all",
        overlap,
        framed_of(align, crops_as_they_are),
        precision,
        seed,
    )
    with adding_to(out):
        found = compare(first, second, data, out, settings, bar, say)
        print_lines([*found.verdicts(), f"page: {out / PAGE}"], json, found.to_json())
        add_to_report(out, bar, json)
