"""The command line: each command calls one function of a room, and errors are one sentence with exit status 2."""

import contextlib
import errno
import json
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from agelens._version import __version__
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
    _print_lines(_audit_lines(found), json, found)


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
    _load_keras()
    from agelens.study.learn import compare_backbones

    run = _begin(out, source, seed, limit)
    result = compare_backbones(
        run, _comparison(run, backbones, weights, side, head, epochs, precision, cache)
    )
    _print_lines(_comparison_lines(result), json, result)


@app.command()
def train(
    source: Source = None,
    out: Out = DEFAULT_OUT,
    task: Annotated[Literal["age", "gender", "both"], typer.Option(help="What to learn.")] = "both",
    recipe: RecipeName = "notebook",
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
    _load_keras()
    from agelens.study.learn import TrainingPlan, train_networks

    plan = TrainingPlan(
        tasks, recipe, age_backbone, gender_backbone, weights, side, precision, cache,
        epochs, patience, batch_size, learning_rate, trainable,
    )  # fmt: skip
    cards = train_networks(_begin(out, source, seed, limit), plan)
    _print_lines([_training_line(card) for card in cards.values()], json, cards)


@app.command()
def evaluate(
    source: Source = None,
    out: Out = DEFAULT_OUT,
    bundle: Annotated[
        Path | None, typer.Option(help="A bundle, or a run with networks; the run's own if not given.")
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
    _load_keras()
    from agelens.study.learn import evaluate_networks

    run = _begin(out, source, seed, limit)
    figures = evaluate_networks(run, bundle, part or ("all" if bundle else "test"), include_seen, precision)
    _print_lines(_evaluation_lines(figures), json, figures)


@app.command()
def predict(
    paths: Annotated[list[Path], typer.Argument(help="Image files or folders of them.", show_default=False)],
    crops: Annotated[
        bool, typer.Option("--crops", help="Each image is one face, cropped as in UTKFace.")
    ] = False,
    bundle: Annotated[
        Path, typer.Option(help="A bundle, or the folder of a run with networks.")
    ] = DEFAULT_OUT,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File that takes the lines.")] = None,
    precision: Precision = "auto",
    seed: Annotated[int, typer.Option(help="Taken by every command; nothing here is left to chance.")] = 42,
    json: Annotated[bool, typer.Option("--json", help="JSON lines, which is what it prints anyway.")] = False,
) -> None:
    """Estimate age and gender; prints one JSON line an image."""
    if not crops:
        raise AgeLensError(
            "This version estimates faces that are cropped already; add --crops, one face an image."
        )
    from agelens.estimate.predict import predict_files

    failed = predict_files(paths, bundle, out, precision)
    if failed:
        raise typer.Exit(1)


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
    _load_keras()
    from agelens.study.learn import TrainingPlan, run_study

    plan = TrainingPlan(
        recipe=recipe, age_backbone=age_backbone, gender_backbone=gender_backbone,
        weights=weights, side=side, precision=precision, cache=cache, epochs=epochs,
    )  # fmt: skip
    run = _begin(out, source, seed, limit)
    comparison = _comparison(run, backbones, weights, side, head, 5, precision, cache)
    result = run_study(run, comparison, plan)
    _print_lines([*_evaluation_lines(result), f"report: {result['report']}"], json, result)


@app.command()
def demo(
    out: Out = Path("demo-run"),
    faces: Annotated[int, typer.Option(help="How many faces to draw.", min=300)] = 2000,
    seed: Annotated[int, typer.Option(help="Of the faces and of the study.", min=0)] = 42,
    json: Json = False,
) -> None:
    """The whole study on faces that the program draws itself; needs no data and no network."""
    _load_keras()
    from agelens.study.demo import run_demo

    result = run_demo(_open(out), faces, seed)
    _print_lines([*_evaluation_lines(result), f"report: {result['report']}"], json, result)


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
        _load_keras()
        from agelens.networks.backbones import fetch_backbone

        path = fetch_backbone(what, out)
    _print_lines([str(path)], json, {"path": str(path)})


@contextlib.contextmanager
def _hushed() -> Iterator[None]:
    """Keep what native libraries write to standard error while they load; it is shown if loading fails."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as caught:
        os.dup2(caught.fileno(), 2)
        try:
            yield
        except Exception:
            os.dup2(kept, 2)
            caught.seek(0)
            sys.stderr.write(caught.read().decode(errors="replace"))
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _load_keras() -> None:
    """Load Keras before the rooms that need it, without TensorFlow's lines about its own start."""
    try:
        with _hushed():
            import keras  # noqa: F401
    except ValueError as error:
        raise AgeLensError(
            f"Keras cannot start: {error}; unset KERAS_BACKEND, or set it to tensorflow, jax or torch."
        ) from None
    logging.getLogger("tensorflow").setLevel(logging.ERROR)


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
    from agelens.networks.backbones import NOTEBOOK_SEVEN
    from agelens.study.compare import Comparison

    names = NOTEBOOK_SEVEN if backbones == "seven" else tuple(name.strip() for name in backbones.split(","))
    return Comparison(names, weights, side, head, epochs, precision, run.config["seed"], cache)


def _print_lines(lines: list[str], as_json: bool, result: Any) -> None:
    if as_json:
        print(json.dumps(result, ensure_ascii=False))
        return
    for line in lines:
        print(line)


def _audit_lines(found: dict[str, Any]) -> list[str]:
    conflicts = found["label_conflicts"]
    lines = [f"{key.replace('_', ' ')}: {value:,}" for key, value in found.items() if isinstance(value, int)]
    return [
        *lines,
        f"pairs with contradicting labels: age {conflicts['age']:,}, gender {conflicts['gender']:,}",
    ]


def _comparison_lines(result: dict[str, Any]) -> list[str]:
    lines = []
    for name, age in result["age"].items():
        gender = result["gender"][name]
        lines.append(
            f"{name:18} MAE {age['val_mae'][-1]:6.2f} {_interval(age['val_mae_ci95'], 1)}  "
            f"accuracy {gender['val_accuracy'][-1]:6.1%}  {age['weights']} weights"
        )
    blind = result["baseline"]
    lines.append(
        f"{'no network':18} MAE {blind['age']['val_mae']:6.2f}  accuracy {blind['gender']['val_accuracy']:.1%}"
    )
    return lines


def _training_line(card: dict[str, Any]) -> str:
    training, metric = card["training"], {"age": "mae", "gender": "accuracy"}[card["task"]]
    best = training["best_epoch"]
    return (
        f"{card['task']}: {card['network']['backbone']}, best epoch {best} of {training['epochs_run']}, "
        f"validation {metric} {training['history'][f'val_{metric}'][best - 1]:.3f}"
    )


def _evaluation_lines(figures: dict[str, Any]) -> list[str]:
    lines = []
    if "age" in figures:
        age = figures["age"]
        lines.append(
            f"age     MAE {age['mae']:.2f} years {_interval(age['mae_ci95'], 1)}, CS@5 {age['cs5']:.1%}, "
            f"predicting the median {age['baseline_mae']:.2f}, {age['n']} faces"
        )
    if "gender" in figures:
        gender = figures["gender"]
        lines.append(
            f"gender  accuracy {gender['accuracy']:.1%} {_interval(gender['accuracy_ci95'], 100)} %, "
            f"predicting the majority {gender['baseline_accuracy']:.1%}, {gender['n']} faces"
        )
    if figures.get("settings", {}).get("seen_images_included"):
        lines.append("These figures include images that made the networks, so they flatter.")
    return lines


def _interval(ci95: list[float] | None, scale: float) -> str:
    return f"[{ci95[0] * scale:.2f}, {ci95[1] * scale:.2f}]" if ci95 else "[no interval]"


INTERRUPTED = 130
_INTERRUPTED = "Interrupted; the same command goes on from what is done."

# Modules that come with the extra; the base installation lacks them by design.
_EXTRA = frozenset(
    {
        "filelock", "imagehash", "jax", "jinja2", "kagglehub", "keras", "matplotlib", "ml_dtypes", "onnx",
        "platformdirs", "plotly", "pooch", "requests", "scipy", "tensorboardX", "tensorflow", "tf2onnx",
        "torch",
    }
)  # fmt: skip


def main() -> None:
    """Run the command line; the exit status is 2 for bad input, 1 where part of the work was done."""
    # This process is the program's own, so it may quiet TensorFlow's start; importing agelens never does.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.exit(_answer(lambda: app(standalone_mode=False)))


def _answer(work: Callable[[], Any]) -> int:
    """Do the work and give the exit status; what goes wrong for a reason is told in one sentence."""
    try:
        status = work() or 0
        # Here, where a full disk behind standard output can still be told.
        sys.stdout.flush()
        return _complain(_INTERRUPTED, status) if status == INTERRUPTED else status
    except KeyboardInterrupt:
        return _complain(_INTERRUPTED, INTERRUPTED)
    except BrokenPipeError:
        # Whoever read the lines has enough, as `head` does; nobody is left to be told.
        return 1
    except typer.TyperException as error:
        return _complain(error.format_message(), error.exit_code)
    except AgeLensError as error:
        return _complain(str(error))
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] not in _EXTRA:
            raise
        return _complain(_about_missing(error.name))
    except OSError as error:
        return _complain(_about_files(error))
    finally:
        _drop_output()


def _drop_output() -> None:
    """Let go of lines that standard output cannot take, or Python tries once more at its end and fails loudly."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _about_missing(module: str) -> str:
    if module in ("jax", "torch"):
        return f"Keras is set to run on {module}, which is not installed: pip install {module}, or unset KERAS_BACKEND."
    return f"This command needs {module}, which comes with: pip install 'agelens[train]'"


def _about_files(error: OSError) -> str:
    place = error.filename or "standard output or a temporary file"
    if error.errno == errno.ENOSPC:
        return f"The disk is full ({place}); make room or give another --out or --cache, and start again to go on."
    return f"{place} cannot be used: {error.strerror or error}; give another --out."


def _complain(sentence: str, status: int = 2) -> int:
    print(f"agelens: {sentence}", file=sys.stderr)
    return status
