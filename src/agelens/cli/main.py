"""The command line: its commands in order; errors are one sentence with exit status 2."""

import os
import sys

import typer

from agelens.cli.align import align
from agelens.cli.annotations import annotations
from agelens.cli.compare_models import compare_models
from agelens.cli.data import audit, explore, fetch
from agelens.cli.devices import devices
from agelens.cli.errors import answer, leave
from agelens.cli.export import export
from agelens.cli.label_issues import label_issues
from agelens.cli.options import (
    Version,
)
from agelens.cli.predict import predict
from agelens.cli.serve import serve
from agelens.cli.stress import stress
from agelens.cli.study import demo, run_all
from agelens.cli.training import compare, evaluate, train

# Packages are imported inside the commands: --help must not wait for pandas, let alone for TensorFlow.
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


app.command()(audit)
app.command()(align)
app.command()(explore)
app.command()(compare)
app.command()(compare_models)
app.command()(train)
app.command()(evaluate)
app.command("label-issues")(label_issues)
app.command()(stress)
app.command()(predict)
app.command()(annotations)
app.command()(serve)
app.command()(devices)
app.command()(export)
app.command("run")(run_all)
app.command()(demo)
app.command()(fetch)


# Keras writes backbones through the tools of OpenVINO that these commands need not load.
_USERS = ("predict", "serve", "devices")


def main() -> None:
    """Run the command line; the exit status is 2 for bad input, 1 where part of the work was done."""
    # This process is the program's own, so it may quiet TensorFlow's start; importing agelens never does.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # OpenVINO's tools that convert networks are a third of its import; commands that only use networks do without.
    if sys.argv[1:2] and sys.argv[1] in _USERS:
        sys.modules.setdefault("openvino.tools.ovc", None)  # type: ignore[arg-type]
    # Names of files need not be text, nor the terminal's letters all there are.
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    leave(answer(lambda: app(standalone_mode=False), lambda: bool(_begun)))
