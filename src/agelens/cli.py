"""The command line: each command calls one function of a room, and errors are one sentence with exit status 2."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from agelens._version import __version__
from agelens.cli_errors import answer
from agelens.cli_start import load_keras
from agelens.cli_text import audit_lines, comparison_lines, evaluation_lines, training_line
from agelens.errors import AgeLensError

# Rooms are imported inside the commands: --help must not wait for pandas, let alone for TensorFlow.
app = typer.Typer(
    name="agelens",
    help="Study labelled face photographs, build age and gender networks from them, and measure them honestly.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Source = Annotated[
    Path | None,
    typer.Argument(
        help="Folder of UTKFace-named images, or a CSV manifest with path, age, gender.", show_default=False
    ),
]
Out = Annotated[Path, typer.Option("--out", "-o", help="Folder of the run.")]
Seed = Annotated[
    int | None,
    typer.Option(
        help="Of the sample, the split, random weights, orders and intervals; the run's own, or 42.", min=0
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]
Limit = Annotated[int | None, typer.Option(help="Use only this many images, drawn by chance.", min=30)]
Backbones = Annotated[
    str,
    typer.Option(help="Names by comma, 'seven' for the notebook's, or FILE.onnx@SIDE:SCALING for your own."),
]
Weights = Annotated[
    str,
    typer.Option(
        help="'imagenet', 'random', a weights file, or a folder that holds Keras's files of weights."
    ),
]
Side = Annotated[int | None, typer.Option(help="Pixels a side; each backbone's own if not given.", min=16)]
Head = Annotated[Literal["flatten", "pooled"], typer.Option(help="The notebook's, or small features.")]
Epochs = Annotated[int | None, typer.Option(help="Epochs; the recipe's if not given.", min=1)]
Precision = Annotated[
    Literal["auto", "bf16", "f32"], typer.Option(help="Of OpenVINO; auto is bf16 where the CPU computes it.")
]
Bundle = Annotated[
    Path | None,
    typer.Option(help="A bundle, or the folder of a run with networks; AgeLens's own if not given."),
]
DetectorModel = Annotated[
    Path | None,
    typer.Option(
        help="ONNX file of SCRFD, YuNet or CenterFace that finds the faces; AgeLens's own if not given."
    ),
]
Cache = Annotated[
    Path | None, typer.Option(help="Folder that keeps features; $AGELENS_CACHE or the system's if not given.")
]
RecipeName = Annotated[
    Literal["notebook", "scratch"],
    typer.Option(help="Frozen backbones as in the notebook, or a small network that learns whole."),
]
AgeBackbone = Annotated[str | None, typer.Option(help="Backbone of the age network; VGG16 in the notebook.")]
GenderBackbone = Annotated[
    str | None, typer.Option(help="Backbone of the gender network; ResNet152V2 in the notebook.")
]
Trainable = Annotated[
    bool | None, typer.Option("--trainable/--frozen", help="Train the backbone too.", show_default=False)
]

DEFAULT_OUT = Path("agelens-run")


def _version(asked: bool) -> None:
    if asked:
        print(f"agelens {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    """Study labelled face photographs, build age and gender networks from them, and measure them honestly."""


@app.command()
def audit(
    source: Source = None, out: Out = DEFAULT_OUT, seed: Seed = None, limit: Limit = None, json: Json = False
) -> None:
    """Find unreadable, identical and near-identical images and labels that contradict; split without leaks."""
    from agelens.study.run import audit_faces

    found = audit_faces(_open(out), source, seed, limit)
    _print_lines(audit_lines(found), json, found)


@app.command()
def explore(
    source: Source = None, out: Out = DEFAULT_OUT, seed: Seed = None, limit: Limit = None, json: Json = False
) -> None:
    """Chart the dataset and say in words what the charts show."""
    from agelens.study.run import explore_faces

    run = _begin(out, source, seed, limit)
    found = explore_faces(run)
    _print_lines(found["findings"], json, found)


@app.command()
def compare(
    source: Source = None,
    out: Out = DEFAULT_OUT,
    backbones: Backbones = "seven",
    weights: Weights = "imagenet",
    side: Side = None,
    head: Head = "flatten",
    epochs: Annotated[int, typer.Option(help="Epochs of the small head.", min=1)] = 5,
    precision: Precision = "auto",
    cache: Cache = None,
    seed: Seed = None,
    limit: Limit = None,
    json: Json = False,
) -> None:
    """Compare pretrained backbones on age and gender from one pass of each."""
    load_keras()
    from agelens.study.learn import compare_backbones

    run = _begin(out, source, seed, limit)
    result = compare_backbones(
        run, _comparison(run, backbones, weights, side, head, epochs, precision, cache)
    )
    _print_lines(comparison_lines(result), json, result)


@app.command()
def train(
    source: Source = None,
    out: Out = DEFAULT_OUT,
    task: Annotated[Literal["age", "gender", "both"], typer.Option(help="What to learn.")] = "both",
    recipe: Annotated[
        Literal["notebook", "scratch", "finetune"],
        typer.Option(
            help="Frozen backbones as in the notebook, a small network that learns whole, or a face network, --init."
        ),
    ] = "notebook",
    init: Annotated[
        list[str] | None,
        typer.Option(
            help="Face network to fine-tune, FILE.h5 or FILE.onnx, or FILE:SCALING; give several to average them.",
            show_default=False,
        ),
    ] = None,
    members: Annotated[
        int | None, typer.Option(help="Fine-tunings from other seeds whose weights are averaged.", min=1)
    ] = None,
    stages: Annotated[
        int | None, typer.Option(help="Resolutions that fine-tuning lets learn; 0 is all.", min=0)
    ] = None,
    age_backbone: AgeBackbone = None,
    gender_backbone: GenderBackbone = None,
    weights: Weights = "imagenet",
    side: Side = None,
    epochs: Epochs = None,
    patience: Annotated[
        int | None, typer.Option(help="Epochs without a better figure before it stops.", min=0)
    ] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Faces a step.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Of Adam.", min=1e-8)] = None,
    trainable: Trainable = None,
    precision: Precision = "auto",
    cache: Cache = None,
    seed: Seed = None,
    limit: Limit = None,
    json: Json = False,
) -> None:
    """Train the age network and the gender network; killed and started again, it goes on where it was."""
    tasks = ("age", "gender") if task == "both" else (task,)
    load_keras()
    from agelens.study.learn import TrainingPlan, train_networks

    plan = TrainingPlan(
        tasks, recipe, age_backbone, gender_backbone, weights, side, precision, cache,
        epochs, patience, batch_size, learning_rate, trainable, tuple(init or ()), members, stages,
    )  # fmt: skip
    cards = train_networks(_begin(out, source, seed, limit), plan)
    _print_lines([training_line(card) for card in cards.values()], json, cards)


@app.command()
def evaluate(
    source: Source = None,
    out: Out = DEFAULT_OUT,
    bundle: Annotated[
        Path | None,
        typer.Option(
            help="A bundle, a run with networks, or 'agelens' for AgeLens's own; the run's own if not given."
        ),
    ] = None,
    part: Annotated[
        Literal["train", "validation", "test", "all"] | None,
        typer.Option(help="Test for the run's own networks, else all, if not given."),
    ] = None,
    include_seen: Annotated[
        bool, typer.Option("--include-seen", help="Measure on images that made the network too.")
    ] = False,
    precision: Precision = "auto",
    seed: Seed = None,
    limit: Limit = None,
    json: Json = False,
) -> None:
    """Measure networks on images they have not seen, with intervals, baselines and tables by group."""
    load_keras()
    from agelens.study.learn import evaluate_networks

    run = _begin(out, source, seed, limit)
    figures = evaluate_networks(run, bundle, part or ("all" if bundle else "test"), include_seen, precision)
    _print_lines(evaluation_lines(figures), json, figures)


@app.command()
def predict(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(help="Photographs, folders of them, or patterns like '*.jpg'.", show_default=False),
    ] = None,
    crops: Annotated[
        bool,
        typer.Option("--crops", help="Each image is one face, cropped as in UTKFace; no face is searched."),
    ] = False,
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
    seed: Annotated[int, typer.Option(help="Taken by every command; nothing here is left to chance.")] = 42,
    json: Annotated[
        bool, typer.Option("--json", help="JSON lines, which is what goes into a pipe or file anyway.")
    ] = False,
    csv: Annotated[bool, typer.Option("--csv", help="CSV, one row a face.")] = False,
) -> None:
    """Find the faces of photographs, or of a video, and estimate age and gender of each."""
    from agelens.estimate.predict import Prediction, predict_files

    if (video is None) == (not paths):
        raise AgeLensError("Give photographs, or a video with --video, and not both.")
    if json and csv:
        raise AgeLensError("Give --json or --csv, not both.")
    how = Prediction(
        crops, bundle, detector_model, precision, "json" if json else "csv" if csv else None, out, annotate
    )
    if video is not None:
        from agelens.estimate.predict_video import predict_video

        failed = predict_video(video, how, every, seconds)
    else:
        failed = predict_files(paths or [], how)
    if failed:
        raise typer.Exit(1)


@app.command()
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

    limits = Limits(body_bytes=max_body * MEGABYTE, pixels=max_pixels, images=max_images, waiting=max_waiting)
    serve_until_stopped(bundle, host, port, limits, allow_host or (), open_browser, precision, detector_model)


@app.command()
def pack(
    target: Annotated[Path, typer.Argument(help="Folder that takes the bundle.", show_default=False)],
    out: Out = DEFAULT_OUT,
    seed: Annotated[int, typer.Option(help="Taken by every command; nothing here is left to chance.")] = 42,
    json: Json = False,
) -> None:
    """Write a run's measured network as a bundle for others, its figures in its card and on a page."""
    from agelens.study.pack import pack as pack_run

    card = pack_run(out, target)
    lines = [*evaluation_lines(card["evaluation"]), *card["known_failures"], f"bundle: {target}"]
    _print_lines(lines, json, card)


@app.command("run")
def run_all(
    source: Source = None,
    out: Out = DEFAULT_OUT,
    backbones: Backbones = "seven",
    weights: Weights = "imagenet",
    side: Side = None,
    head: Head = "flatten",
    recipe: RecipeName = "notebook",
    age_backbone: AgeBackbone = None,
    gender_backbone: GenderBackbone = None,
    epochs: Epochs = None,
    precision: Precision = "auto",
    cache: Cache = None,
    seed: Seed = None,
    limit: Limit = None,
    json: Json = False,
) -> None:
    """The whole study: audit, explore, split, compare, train, evaluate, report. Started again, it goes on."""
    load_keras()
    from agelens.study.learn import TrainingPlan, run_study

    plan = TrainingPlan(
        recipe=recipe, age_backbone=age_backbone, gender_backbone=gender_backbone,
        weights=weights, side=side, precision=precision, cache=cache, epochs=epochs,
    )  # fmt: skip
    run = _begin(out, source, seed, limit)
    comparison = _comparison(run, backbones, weights, side, head, 5, precision, cache)
    result = run_study(run, comparison, plan)
    _print_lines([*evaluation_lines(result), f"report: {result['report']}"], json, result)


@app.command()
def demo(
    out: Out = Path("demo-run"),
    faces: Annotated[int, typer.Option(help="How many faces to draw.", min=300)] = 2000,
    seed: Annotated[int, typer.Option(help="Of the faces and of the study.", min=0)] = 42,
    json: Json = False,
) -> None:
    """The whole study on faces that the program draws itself; needs no data and no network."""
    load_keras()
    from agelens.study.demo import run_demo

    result = run_demo(_open(out), faces, seed)
    _print_lines([*evaluation_lines(result), f"report: {result['report']}"], json, result)


@app.command()
def fetch(
    what: Annotated[
        str, typer.Argument(help="'utkface', or the name of a backbone for its ImageNet weights.")
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder that takes it; Kaggle's or Keras's own if not given."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Taken by every command; nothing here is left to chance.")] = 42,
    json: Json = False,
) -> None:
    """Download UTKFace from Kaggle, or the ImageNet weights of a backbone, and say where they are."""
    if what.lower() == "utkface":
        from agelens.faces.sources import fetch_utkface

        path = fetch_utkface(out)
    else:
        load_keras()
        from agelens.networks.backbones import fetch_backbone

        path = fetch_backbone(what, out)
    _print_lines([str(path)], json, {"path": str(path)})


def _open(out: Path) -> Any:
    from agelens.progress import bar, say
    from agelens.study.run import Run

    return Run(out, bar, say)


def _begin(out: Path, source: Path | None, seed: int | None, limit: int | None) -> Any:
    opened = _open(out)
    opened.begin(source, seed, limit)
    return opened


def _comparison(
    run: Any,
    backbones: str,
    weights: str,
    side: int | None,
    head: str,
    epochs: int,
    precision: str,
    cache: Path | None,
) -> Any:
    from agelens.networks.specs import NOTEBOOK_SEVEN
    from agelens.study.compare import Comparison

    names = NOTEBOOK_SEVEN if backbones == "seven" else tuple(name.strip() for name in backbones.split(","))
    return Comparison(names, weights, side, head, epochs, precision, run.config["seed"], cache)


def _print_lines(lines: list[str], as_json: bool, result: Any) -> None:
    if as_json:
        print(json.dumps(result, ensure_ascii=False))
        return
    for line in lines:
        print(line)


def main() -> None:
    """Run the command line; the exit status is 2 for bad input, 1 where part of the work was done."""
    # This process is the program's own, so it may quiet TensorFlow's start; importing agelens never does.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.exit(answer(lambda: app(standalone_mode=False)))
