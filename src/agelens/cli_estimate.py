"""The commands of finished networks: `predict` and `serve`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from agelens.cli_options import Bundle, CropsAsTheyAre, DetectorModel, Precision, UnusedSeed
from agelens.errors import AgeLensError, InterruptionError

# Rooms are imported inside the commands, as in `agelens.cli`.


def predict(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(help="Photographs, folders of them, or patterns like '*.jpg'.", show_default=False),
    ] = None,
    crops: Annotated[
        bool,
        typer.Option("--crops", help="Each image is one face, cropped as in UTKFace; no face is searched."),
    ] = False,
    crops_as_they_are: CropsAsTheyAre = False,
    bundle: Bundle = None,
    detector_model: DetectorModel = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="File that takes JSON lines, or CSV by its name; interrupted, the command goes on.",
        ),
    ] = None,
    annotate: Annotated[
        Path | None,
        typer.Option(
            help="Folder that takes pictures with boxes and estimates; with --video a file, .mp4 or .mkv."
        ),
    ] = None,
    video: Annotated[
        str | None, typer.Option(help="A video file, or a camera: 0, /dev/video0.", show_default=False)
    ] = None,
    every: Annotated[int, typer.Option(help="Of a video, each n-th frame only.", min=1)] = 1,
    seconds: Annotated[
        float | None, typer.Option(help="Of a video, stop after so many.", min=0.01, show_default=False)
    ] = None,
    precision: Precision = "auto",
    seed: UnusedSeed = 42,
    json: Annotated[
        bool, typer.Option("--json", help="JSON lines, which is what goes into a pipe or file anyway.")
    ] = False,
    csv: Annotated[bool, typer.Option("--csv", help="CSV, one row a face.")] = False,
) -> None:
    """Find the faces of photographs, or of a video, and estimate age and gender of each."""
    from agelens.estimate.predict import Prediction, predict_files

    if (video is None) == (not paths):
        raise AgeLensError("Give photographs, or a video with --video, and not both.")
    if video is None and (every != 1 or seconds is not None):
        raise AgeLensError(
            "--every and --seconds belong to a video; give one with --video, or leave them out."
        )
    if json and csv:
        raise AgeLensError("Give --json or --csv, not both.")
    form: Literal["json", "csv"] | None = "json" if json else "csv" if csv else None
    how = Prediction(
        crops or crops_as_they_are, bundle, detector_model, precision, form, out, annotate, crops_as_they_are
    )
    if video is not None:
        from agelens.estimate.predict_video import predict_video

        failed = predict_video(video, how, every, seconds)
    else:
        try:
            failed = predict_files(paths or [], how)
        except KeyboardInterrupt as interrupt:
            if out is not None:
                raise
            # Typer makes a bare exit status of KeyboardInterrupt.
            raise InterruptionError(str(interrupt) or "Interrupted before anything was estimated.") from None
    if failed:
        raise typer.Exit(1)


def serve(
    bundle: Bundle = None,
    detector_model: DetectorModel = None,
    host: Annotated[
        str,
        typer.Option(help="Address to listen on; others than this machine's own are open to the network."),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 takes a free one.", min=0, max=65535)] = 8000,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(help="Further name under which browsers come, as of a proxy; repeatable."),
    ] = None,
    open_browser: Annotated[bool, typer.Option("--open", help="Show the page in the browser.")] = False,
    max_body: Annotated[int, typer.Option(help="Megabytes of a request.", min=1)] = 64,
    max_pixels: Annotated[
        int,
        typer.Option(
            help="Pixels of an image; Pillow decodes no more than the most.", min=1, max=178_000_000
        ),
    ] = 50_000_000,
    max_images: Annotated[int, typer.Option(help="Images in a request.", min=1)] = 16,
    max_waiting: Annotated[int, typer.Option(help="Requests at one time.", min=1)] = 64,
    precision: Precision = "auto",
) -> None:
    """Open a page and an HTTP interface on this machine; nothing is stored and nothing leaves it."""
    from agelens.estimate.limits import MEGABYTE, Limits
    from agelens.estimate.serve import serve as serve_until_stopped

    limits = Limits(
        body_bytes=max_body * MEGABYTE,
        # At least four of the largest find room at one time.
        held_bytes=max(Limits.held_bytes, 4 * max_body * MEGABYTE),
        pixels=max_pixels,
        images=max_images,
        waiting=max_waiting,
    )
    serve_until_stopped(bundle, host, port, limits, allow_host or (), open_browser, precision, detector_model)
