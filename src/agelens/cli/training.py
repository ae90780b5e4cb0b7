"""The commands of networks: `compare`, `train`, `evaluate` and `export`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from agelens.cli.console import comparison_lines, evaluation_lines, training_line
from agelens.cli.keras_start import load_keras
from agelens.cli.options import (
    DEFAULT_OUT,
    AgeBackbone,
    Align,
    Backbones,
    Cache,
    CropsAsTheyAre,
    DeviceName,
    Epochs,
    Force,
    GenderBackbone,
    Head,
    ImageSize,
    Json,
    Limit,
    MeasuredBundle,
    MeasuredPart,
    Members,
    NotebookExact,
    NotebookExactToo,
    Out,
    Overlap,
    Patience,
    Precision,
    Pretrained,
    Seed,
    Source,
    SplitRatios,
    Stages,
    Threads,
    Trainable,
    Weights,
)
from agelens.cli.runs import begin_run, comparison_of, print_lines
from agelens.errors import AgeLensError


def compare(
    source: Source = None,
    out: Out = DEFAULT_OUT,
    backbones: Backbones = "seven",
    weights: Weights = "imagenet",
    image_size: ImageSize = None,
    head: Head = "flatten",
    epochs: Annotated[int, typer.Option(help="Epochs of the small head.", min=1)] = 5,
    notebook_exact: NotebookExactToo = False,
    precision: Precision = "auto",
    device: DeviceName = "auto",
    threads: Threads = None,
    cache: Cache = None,
    force: Force = False,
    seed: Seed = None,
    limit: Limit = None,
    split_ratios: SplitRatios = None,
    crops_as_they_are: CropsAsTheyAre = False,
    json: Json = False,
) -> None:
    """Compare pretrained backbones on age and gender from one pass of each."""
    load_keras()
    from agelens.study.steps import compare_backbones

    run = begin_run(
        out, source, seed, limit, split_ratios, force, backbones, weights, None, crops_as_they_are
    )
    result = compare_backbones(
        run,
        comparison_of(
            run,
            backbones,
            weights,
            image_size,
            head,
            epochs,
            precision,
            cache,
            notebook_exact,
            device,
            threads,
        ),
    )
    print_lines(comparison_lines(result), json, result)


def train(
    source: Source = None,
    out: Out = DEFAULT_OUT,
    task: Annotated[Literal["age", "gender", "both"], typer.Option(help="What to learn.")] = "both",
    recipe: Annotated[
        Literal["notebook", "scratch", "finetune"],
        typer.Option(
            help="Frozen backbones as in the notebook, a small network that learns whole, or a face network, "
            "--pretrained."
        ),
    ] = "notebook",
    pretrained: Pretrained = None,
    soup_size: Members = None,
    unfreeze_stages: Stages = None,
    age_backbone: AgeBackbone = None,
    gender_backbone: GenderBackbone = None,
    weights: Weights = "imagenet",
    image_size: ImageSize = None,
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
    split_ratios: SplitRatios = None,
    crops_as_they_are: CropsAsTheyAre = False,
    json: Json = False,
) -> None:
    """Train the age network and the gender network; killed and started again, it goes on where it was."""
    tasks = ("age", "gender") if task == "both" else (task,)
    load_keras()
    from agelens.study.plan import TrainingPlan
    from agelens.study.steps import train_networks

    plan = TrainingPlan(
        tasks,
        recipe,
        age_backbone,
        gender_backbone,
        weights,
        image_size,
        precision,
        cache,
        epochs,
        patience,
        batch_size,
        learning_rate,
        trainable,
        tuple(pretrained or ()),
        soup_size,
        unfreeze_stages,
        notebook_exact,
    )
    run = begin_run(out, source, seed, limit, split_ratios, force, "", "", plan, crops_as_they_are)
    cards = train_networks(run, plan)
    print_lines([training_line(card) for card in cards.values()], json, cards)


def evaluate(
    source: Source = None,
    out: Out = DEFAULT_OUT,
    bundle: MeasuredBundle = None,
    split: MeasuredPart = None,
    overlap: Overlap = "refuse",
    precision: Precision = "auto",
    device: DeviceName = "auto",
    threads: Threads = None,
    force: Force = False,
    seed: Seed = None,
    limit: Limit = None,
    split_ratios: SplitRatios = None,
    align: Align = False,
    crops_as_they_are: CropsAsTheyAre = False,
    json: Json = False,
) -> None:
    """Measure networks on images they have not seen, with intervals, baselines and tables by group."""
    if align and crops_as_they_are:
        raise AgeLensError("--align and --crops-as-they-are exclude one another; give one of the two.")
    load_keras()
    from agelens.study.steps import evaluate_networks

    run = begin_run(out, source, seed, limit, split_ratios, force, crops_as_they_are=crops_as_they_are)
    figures = evaluate_networks(
        run, bundle, split or ("all" if bundle else "test"), overlap, precision, force, align,
        device=device, threads=threads,
    )  # fmt: skip
    print_lines(evaluation_lines(figures), json, figures)


def export(
    target: Annotated[Path, typer.Argument(help="Folder that takes the bundle.", show_default=False)],
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
    json: Json = False,
) -> None:
    """Write a run's measured network as a bundle for others, or a bundle in a form that other programs serve."""
    if form != "bundle":
        export_as(target, form, bundle or out, json)
        return
    if bundle is not None:
        raise AgeLensError("--bundle belongs to the other formats; leave it out, or give one with --format.")
    from agelens.study.export import export_bundle

    card = export_bundle(out, target)
    lines = [*evaluation_lines(card["evaluation"]), *card["limitations"], f"bundle: {target}"]
    print_lines(lines, json, card)


def export_as(target: Path, form: str, source: Path, json: bool) -> None:
    """Write a bundle in a form that other programs serve."""
    from agelens.bundles.bundle import find_bundles
    from agelens.export.formats import FACES, export_format, next_step

    found = find_bundles(source)
    if len(found) != 1:
        raise AgeLensError(f"{source} holds networks apart for age and gender; say which with --bundle.")
    difference = export_format(found[0], target, form)
    lines = [
        f"{target}: says what {found[0].folder} says on {FACES} faces, within {difference:.1g}.",
        next_step(form, target, found[0].card),
    ]
    print_lines(lines, json, {"target": str(target), "faces": FACES, "largest_difference": difference})
