"""The commands of finished networks: `predict` and `serve`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from agelens.cli.options import (
    FACES,
    RESULT,
    Bundle,
    CropsAsTheyAre,
    DetectorModel,
    MaxPixels,
    Precision,
)
from agelens.errors import AgeLensError, InterruptionError
from agelens.utils.signals import endings_as_interrupts

VIDEO = "Video"

# Packages are imported inside the commands, as in `agelens.cli.main`.


def predict(
    paths: Annotated[
        list[Path] | None,
        # Of many, one that cannot be read is told at the end.
        typer.Argument(
            help="Photographs, folders of them, or patterns such as '*.jpg'.",
            show_default=False,
            readable=False,
        ),
    ] = None,
    crops: Annotated[
        bool,
        typer.Option(
            "--crops",
            help="Take each image as one face, cropped as in UTKFace, and search for none.",
            rich_help_panel=FACES,
        ),
    ] = False,
    crops_as_they_are: CropsAsTheyAre = False,
    bundle: Bundle = None,
    detector_model: DetectorModel = None,
    max_pixels: MaxPixels = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="File for the results. Its suffix decides the format: .csv, .tsv, .json, or .jsonl and .ndjson for "
            "JSON lines. An interrupted command that is given again goes on.",
            rich_help_panel=RESULT,
        ),
    ] = None,
    annotate: Annotated[
        Path | None,
        typer.Option(
            help="Folder for pictures with the faces drawn in. With --video it is a file: .mp4, .mkv or .mov.",
            rich_help_panel=RESULT,
        ),
    ] = None,
    video: Annotated[
        str | None,
        typer.Option(
            help="Video to take instead of photographs: a file, the address of a stream (rtsp://, http://), or a "
            "camera (0, /dev/video0).",
            show_default=False,
            rich_help_panel=VIDEO,
        ),
    ] = None,
    frame_stride: Annotated[
        int, typer.Option(help="Take only every n-th frame.", min=1, rich_help_panel=VIDEO)
    ] = 1,
    duration: Annotated[
        float | None,
        typer.Option(
            help="Stop after so many seconds of the video.",
            min=0.01,
            show_default=False,
            rich_help_panel=VIDEO,
        ),
    ] = None,
    age_limit: Annotated[
        list[int] | None,
        typer.Option(
            help="Add the probability to be this many years old or older, which decides about nobody by itself; may be "
            "given again.",
            min=0,
            max=116,
            show_default=False,
        ),
    ] = None,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite",
            help="Replace the file at --out, or the video at --annotate, whatever it holds. Without this option only "
            "results of the same inputs and options are replaced.",
            rich_help_panel=RESULT,
        ),
    ] = False,
    precision: Precision = "auto",
    json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Print JSON lines. A pipe gets them without this option too.",
            rich_help_panel=RESULT,
        ),
    ] = False,
    csv: Annotated[
        bool, typer.Option("--csv", help="Print CSV with one row for each face.", rich_help_panel=RESULT)
    ] = False,
) -> None:
    """Find the faces of photographs, or of a video, and estimate age and gender of each."""
    if (video is None) == (not paths):
        raise AgeLensError("Give photographs, or a video with --video, and not both.")
    if video is None and (frame_stride != 1 or duration is not None):
        raise AgeLensError(
            "--frame-stride and --duration belong to a video; give one with --video, or leave them out."
        )
    if video is not None and age_limit:
        raise AgeLensError("--age-limit belongs to photographs; leave it out for a video.")
    if json and csv:
        raise AgeLensError("Give --json or --csv, not both.")
    form: Literal["json", "csv"] | None = "json" if json else "csv" if csv else None
    try:
        # Loaded within, for a Ctrl-C meanwhile is one before anything was estimated.
        with endings_as_interrupts():
            from agelens.inference.predict_files import PredictionConfig, predict_files

            config = PredictionConfig(
                crops or crops_as_they_are, bundle, detector_model, precision, form, out, annotate, overwrite,
                max_pixels, crops_as_they_are, tuple(dict.fromkeys(age_limit or ())),
            )  # fmt: skip
            if video is not None:
                from agelens.inference.video.predict_video import predict_video

                failed = predict_video(video, config, frame_stride, duration)
            else:
                failed = predict_files(paths or [], config)
    except KeyboardInterrupt as interrupt:
        # Typer makes a bare exit status of KeyboardInterrupt.
        raise InterruptionError(
            str(interrupt) or "Interrupted before anything was estimated, so nothing was written."
        ) from None
    if failed:
        raise typer.Exit(1)
