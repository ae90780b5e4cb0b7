"""What the commands of a study share: opening a run, and printing a result."""

import sys
from pathlib import Path
from typing import Any

from agelens.files import json_text


def open_run(out: Path) -> Any:
    from agelens.progress import bar, say
    from agelens.study.run import Run

    return Run(out, bar, say)


def fractions_of(text: str | None) -> Any:
    if text is None:
        return None
    from agelens.faces.split import read_fractions

    return read_fractions(text)


def begin_run(
    out: Path,
    source: Path | None,
    seed: int | None,
    limit: int | None,
    fractions: str | None,
    crops_as_they_are: bool = False,
) -> Any:
    shares = fractions_of(fractions)
    opened = open_run(out)
    opened.crops_as_they_are = crops_as_they_are
    opened.begin(source, seed, limit, shares)
    return opened


def comparison_of(
    run: Any,
    backbones: str,
    weights: str,
    side: int | None,
    head: str,
    epochs: int,
    precision: str,
    cache: Path | None,
    notebook_exact: bool = False,
) -> Any:
    from agelens.networks.specs import NOTEBOOK_SEVEN
    from agelens.study.compare import Comparison

    names = NOTEBOOK_SEVEN if backbones == "seven" else tuple(name.strip() for name in backbones.split(","))
    seed = run.config["seed"]
    return Comparison(names, weights, side, head, epochs, precision, seed, cache, notebook_exact)


def print_lines(lines: list[str], as_json: bool, result: Any) -> None:
    if as_json:
        print(json_text(result, sys.stdout.encoding or "utf-8"))
        return
    for line in lines:
        print(line)
