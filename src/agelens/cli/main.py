"""The command line: each command calls one function of a room, and errors are one sentence with exit status 2."""

import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from agelens.cli.console import audit_lines, comparison_lines, evaluation_lines, training_line
from agelens.cli.errors import answer, leave
from agelens.cli.fetch import fetch
from agelens.cli.keras_start import load_keras
from agelens.cli.options import (
    DEFAULT_OUT,
    MOST_SEED,
    AgeBackbone,
    Align,
    Backbones,
    Cache,
    CropsAsTheyAre,
    Epochs,
    Force,
    Fractions,
    GenderBackbone,
    Head,
    IncludeSeen,
    Init,
    Json,
    Limit,
    MeasuredBundle,
    MeasuredPart,
    Members,
    NotebookExact,
    NotebookExactToo,
    Out,
    Patience,
    Precision,
    RecipeName,
    Seed,
    Side,
    SkipSeen,
    Source,
    Stages,
    Trainable,
    UnusedSeed,
    Version,
    Weights,
)
from agelens.cli.predict import predict, serve
from agelens.cli.runs import begin_run, comparison_of, fractions_of, open_run, print_lines
from agelens.errors import AgeLensError

# Rooms are imported inside the commands: --help must not wait for pandas, let alone for TensorFlow.
app = typer.Typer(
    name="agelens",
    help="Study labelled face photographs, build age and gender networks from them, and measure them honestly.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


# The command that has begun; a Ctrl-C before that has nothing to go on from.
_begun: list[str] = []


@app.callback()
def _root(
    context: typer.Context,
    version: Version = False,
) -> None:
    """Study labelled face photographs, build age and gender networks from them, and measure them honestly."""
    _begun.append(context.invoked_subcommand or "")


@app.command()
def audit(
    source: Source = None,
    out: Out = DEFAULT_OUT,
    force: Force = False,
    seed: Seed = None,
    limit: Limit = None,
    fractions: Fractions = None,
    json: Json = False,
) -> None:
    """Find unreadable, identical and near-identical images and labels that contradict; split without leaks."""
    from agelens.study.folder import audit_faces

    found = audit_faces(open_run(out, force), source, seed, limit, fractions_of(fractions))
    print_lines(audit_lines(found), json, found)


@app.command()
def explore(
    source: Source = None,
    out: Out = DEFAULT_OUT,
    force: Force = False,
    seed: Seed = None,
    limit: Limit = None,
    fractions: Fractions = None,
    json: Json = False,
) -> None:
    """Chart the dataset and say in words what the charts show."""
    from agelens.study.folder import explore_faces

    found = explore_faces(begin_run(out, source, seed, limit, fractions, force))
    print_lines(found["findings"], json, found)


@app.command()
def compare(
    source: Source = None,
    out: Out = DEFAULT_OUT,
    backbones: Backbones = "seven",
    weights: Weights = "imagenet",
    side: Side = None,
    head: Head = "flatten",
    epochs: Annotated[int, typer.Option(help="Epochs of the small head.", min=1)] = 5,
    notebook_exact: NotebookExactToo = False,
    precision: Precision = "auto",
    cache: Cache = None,
    force: Force = False,
    seed: Seed = None,
    limit: Limit = None,
    fractions: Fractions = None,
    crops_as_they_are: CropsAsTheyAre = False,
    json: Json = False,
) -> None:
    """Compare pretrained backbones on age and gender from one pass of each."""
    load_keras()
    from agelens.study.steps import compare_backbones

    run = begin_run(out, source, seed, limit, fractions, force, backbones, weights, None, crops_as_they_are)
    result = compare_backbones(
        run, comparison_of(run, backbones, weights, side, head, epochs, precision, cache, notebook_exact)
    )
    print_lines(comparison_lines(result), json, result)


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
    init: Init = None,
    members: Members = None,
    stages: Stages = None,
    age_backbone: AgeBackbone = None,
    gender_backbone: GenderBackbone = None,
    weights: Weights = "imagenet",
    side: Side = None,
    epochs: Epochs = None,
    patience: Patience = None,
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="How many faces each step learns from.")
    ] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Learning rate of Adam.", min=1e-8)] = None,
    trainable: Trainable = None,
    notebook_exact: NotebookExact = False,
    precision: Precision = "auto",
    cache: Cache = None,
    force: Force = False,
    seed: Seed = None,
    limit: Limit = None,
    fractions: Fractions = None,
    crops_as_they_are: CropsAsTheyAre = False,
    json: Json = False,
) -> None:
    """Train the age network and the gender network; killed and started again, it goes on where it was."""
    tasks = ("age", "gender") if task == "both" else (task,)
    load_keras()
    from agelens.study.steps import TrainingPlan, train_networks

    plan = TrainingPlan(
        tasks, recipe, age_backbone, gender_backbone, weights, side, precision, cache,
        epochs, patience, batch_size, learning_rate, trainable, tuple(init or ()), members, stages, notebook_exact,
    )  # fmt: skip
    run = begin_run(out, source, seed, limit, fractions, force, "", "", plan, crops_as_they_are)
    cards = train_networks(run, plan)
    print_lines([training_line(card) for card in cards.values()], json, cards)


@app.command()
def evaluate(
    source: Source = None,
    out: Out = DEFAULT_OUT,
    bundle: MeasuredBundle = None,
    part: MeasuredPart = None,
    include_seen: IncludeSeen = False,
    skip_seen: SkipSeen = False,
    precision: Precision = "auto",
    force: Force = False,
    seed: Seed = None,
    limit: Limit = None,
    fractions: Fractions = None,
    align: Align = False,
    crops_as_they_are: CropsAsTheyAre = False,
    json: Json = False,
) -> None:
    """Measure networks on images they have not seen, with intervals, baselines and tables by group."""
    if include_seen and skip_seen:
        raise AgeLensError("--include-seen and --skip-seen exclude one another; give one of the two.")
    seen: Literal["refuse", "skip", "include"] = (
        "include" if include_seen else "skip" if skip_seen else "refuse"
    )
    if align and crops_as_they_are:
        raise AgeLensError("--align and --crops-as-they-are exclude one another; give one of the two.")
    load_keras()
    from agelens.study.steps import evaluate_networks

    run = begin_run(out, source, seed, limit, fractions, force, crops_as_they_are=crops_as_they_are)
    figures = evaluate_networks(
        run, bundle, part or ("all" if bundle else "test"), seen, precision, force, align
    )
    print_lines(evaluation_lines(figures), json, figures)


app.command()(predict)
app.command()(serve)


@app.command()
def pack(
    target: Annotated[Path, typer.Argument(help="Folder that takes the bundle.", show_default=False)],
    out: Out = DEFAULT_OUT,
    seed: UnusedSeed = 42,
    json: Json = False,
) -> None:
    """Write a run's measured network as a bundle for others, its figures in its card and on a page."""
    from agelens.study.export import pack as pack_run

    card = pack_run(out, target)
    lines = [*evaluation_lines(card["evaluation"]), *card["known_failures"], f"bundle: {target}"]
    print_lines(lines, json, card)


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
    notebook_exact: NotebookExactToo = False,
    precision: Precision = "auto",
    cache: Cache = None,
    force: Force = False,
    seed: Seed = None,
    limit: Limit = None,
    fractions: Fractions = None,
    crops_as_they_are: CropsAsTheyAre = False,
    json: Json = False,
) -> None:
    """The whole study: audit, explore, split, compare, train, evaluate, report. Started again, it goes on."""
    load_keras()
    from agelens.study.steps import TrainingPlan, run_study

    plan = TrainingPlan(
        recipe=recipe, age_backbone=age_backbone, gender_backbone=gender_backbone,
        weights=weights, side=side, precision=precision, cache=cache, epochs=epochs,
    )  # fmt: skip
    run = begin_run(out, source, seed, limit, fractions, force, backbones, weights, plan, crops_as_they_are)
    comparison = comparison_of(run, backbones, weights, side, head, 5, precision, cache, notebook_exact)
    result = run_study(run, comparison, plan)
    print_lines([*evaluation_lines(result), f"report: {result['report']}"], json, result)


@app.command()
def demo(
    out: Out = Path("demo-run"),
    faces: Annotated[int, typer.Option(help="How many faces to draw.", min=300)] = 2000,
    seed: Annotated[int, typer.Option(help="Seed of the faces and of the study.", min=0, max=MOST_SEED)] = 42,
    json: Json = False,
) -> None:
    """The whole study on faces that the program draws itself; needs no data and no network."""
    load_keras()
    from agelens.study.demo import run_demo

    result = run_demo(open_run(out), faces, seed)
    print_lines([*evaluation_lines(result), f"report: {result['report']}"], json, result)


app.command()(fetch)


def main() -> None:
    """Run the command line; the exit status is 2 for bad input, 1 where part of the work was done."""
    # This process is the program's own, so it may quiet TensorFlow's start; importing agelens never does.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Names of files need not be text, nor the terminal's letters all there are.
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    leave(answer(lambda: app(standalone_mode=False), lambda: bool(_begun)))
