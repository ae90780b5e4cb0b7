"""The command `align`."""

from pathlib import Path
from typing import Annotated

import typer

from agelens.cli.options import Bundle, Columns, DetectorModel, Format, Json, Limit, Seed, Sources
from agelens.cli.runs import print_lines, reading_of


def align(
    source: Sources = None,
    format: Format = "",
    columns: Columns = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder that takes the crops and faces.csv.", show_default=False),
    ] = None,
    bundle: Bundle = None,
    detector_model: DetectorModel = None,
    image_size: Annotated[
        int | None,
        typer.Option(
            help="Width and height of the crops in pixels; those of the network's training crops if not given.",
            min=32,
            max=4096,
        ),
    ] = None,
    seed: Seed = None,
    limit: Limit = None,
    json: Json = False,
) -> None:
    """Find the labelled face of each photograph, cut it out and align it as the network's training faces are."""
    from agelens.bundles.bundle import find_bundles
    from agelens.data.aligned_folder import align_folder
    from agelens.data.sources.reading import read_sources
    from agelens.data.table import sample
    from agelens.detection.alignment import UTKFACE, Geometry
    from agelens.detection.detector import find_detector
    from agelens.errors import AgeLensError
    from agelens.utils.progress import bar, say

    if not source or out is None:
        raise AgeLensError(
            "Give the photographs, as a folder or a manifest, and --out, the folder for their faces."
        )
    faces = read_sources(source, reading_of(format, columns))
    for sentence in (*faces.describe_formats(), *faces.notes):
        say(sentence)
    table = sample(faces.table, limit, 42 if seed is None else seed)
    # A network's card says how its training faces were cut.
    cut = (one.read("geometry", Geometry.from_card) for one in find_bundles(bundle))
    geometry = next(filter(None, cut), UTKFACE)
    done = align_folder(
        table, faces.unreadable, out, find_detector(detector_model), geometry, image_size, bar,
        malformed=faces.rejected, sources=source,
    )  # fmt: skip
    print_lines(done.lines(), json, done.to_json())
    if done.unreadable:
        raise typer.Exit(1)
