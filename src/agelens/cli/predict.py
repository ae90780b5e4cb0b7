"""The commands of finished networks: `predict` and `serve`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from agelens.cli.cluster import predict_on_cluster
from agelens.cli.options import (
    COMPUTING,
    FACES,
    RESULT,
    Bundle,
    CropsAsTheyAre,
    DetectorModel,
    DeviceName,
    MaxPixels,
    NoCache,
    Precision,
    Threads,
)
from agelens.errors import NOTHING_ESTIMATED, AgeLensError, InterruptionError
from agelens.utils.ages import OLDEST
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
            help="File for the results. Its suffix decides the format: .csv, .tsv, .json, .parquet, or .jsonl and "
            ".ndjson for JSON lines; with --engine ray a folder for Parquet. An interrupted command that is "
            "given again goes on.",
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
    blur: Annotated[
        Path | None,
        typer.Option(
            help="Folder for pictures in which every face that is found is made unrecognisable. With --video it "
            "is a file.",
            show_default=False,
            rich_help_panel=RESULT,
        ),
    ] = None,
    blur_under: Annotated[
        float | None,
        typer.Option(
            help="Blur only faces that may be younger than this age: those whose interval begins below it.",
            min=1,
            show_default=False,
            rich_help_panel=RESULT,
        ),
    ] = None,
    fields: Annotated[
        str | None,
        typer.Option(
            help="Fields to write for each face, separated by commas, such as box,age_years,age_low,age_high; all if "
            "not given.",
            show_default=False,
            rich_help_panel=RESULT,
        ),
    ] = None,
    min_face: Annotated[
        float,
        typer.Option(
            help="Leave out faces whose box has a shorter side of fewer pixels.", min=0, rich_help_panel=FACES
        ),
    ] = 0,
    min_score: Annotated[
        float,
        typer.Option(
            help="Leave out faces with a lower detection score.", min=0, max=1, rich_help_panel=FACES
        ),
    ] = 0,
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
            help="Add the probability that the person is at least this old. It is not a decision about the person. May "
            "be given several times.",
            min=0,
            max=OLDEST,
            show_default=False,
            rich_help_panel=RESULT,
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
    device: DeviceName = "auto",
    threads: Threads = None,
    no_cache: NoCache = False,
    engine: Annotated[
        Literal["here", "ray"],
        typer.Option(
            help="Where it runs: here, or on a cluster through Ray, which also takes a text file or a Parquet file of "
            "paths, and writes the folder --out.",
            rich_help_panel=COMPUTING,
        ),
    ] = "here",
    address: Annotated[
        str | None,
        typer.Option(
            help="Address of a Ray cluster, or auto for one that runs on this machine; Ray is started here for the "
            "command alone if not given.",
            show_default=False,
            rich_help_panel=COMPUTING,
        ),
    ] = None,
    actors: Annotated[
        int | None,
        typer.Option(
            help="Number of Ray processes that predict, each with --threads cores (1 if not given); as many as fit if "
            "not given.",
            min=1,
            show_default=False,
            rich_help_panel=COMPUTING,
        ),
    ] = None,
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
    if video is None and not paths:
        raise AgeLensError("Give photographs, folders of them, or a video with --video.")
    if video is not None and paths:
        raise AgeLensError("Give photographs, or a video with --video, and not both.")
    if video is None and (frame_stride != 1 or duration is not None):
        raise AgeLensError(
            "--frame-stride and --duration belong to a video; give one with --video, or leave them out."
        )
    if engine == "here" and (address is not None or actors is not None):
        raise AgeLensError("--address and --actors belong to a cluster; add --engine ray, or leave them out.")
    if blur is not None and annotate is not None:
        raise AgeLensError("Give --annotate or --blur, not both.")
    if blur is None and blur_under is not None:
        raise AgeLensError("--blur-under belongs to --blur; give a folder with it.")
    if video is not None and age_limit:
        raise AgeLensError("--age-limit belongs to photographs; leave it out for a video.")
    if json and csv:
        raise AgeLensError("Give --json or --csv, not both.")
    form: Literal["json", "csv"] | None = "json" if json else "csv" if csv else None
    try:
        # Loaded within, for a Ctrl-C meanwhile is one before anything was estimated.
        with endings_as_interrupts():
            from agelens.inference.blur import Blur
            from agelens.inference.predict_files import predict_files
            from agelens.inference.prediction_config import PredictionConfig
            from agelens.inference.selection import Selection

            config = PredictionConfig(
                crops or crops_as_they_are, bundle, detector_model, precision, form, out, annotate or blur,
                overwrite, max_pixels, crops_as_they_are, tuple(dict.fromkeys(age_limit or ())), device, threads,
                not no_cache, Selection.of(fields, min_face, min_score), None if blur is None else Blur(blur_under),
            )  # fmt: skip
            if engine == "ray":
                failed = predict_on_cluster(paths or [], config, address, actors)
            elif video is not None:
                from agelens.inference.video.predict_video import predict_video

                failed = predict_video(video, config, frame_stride, duration)
            else:
                failed = predict_files(paths or [], config)
    except KeyboardInterrupt as interrupt:
        # Typer makes a bare exit status of KeyboardInterrupt.
        raise InterruptionError(str(interrupt) or NOTHING_ESTIMATED) from None
    if failed:
        raise typer.Exit(1)
