"""What the commands of a study share: opening a run, and printing a result."""

import sys
from pathlib import Path
from typing import Any

import typer

from agelens.errors import AgeLensError
from agelens.utils.files import json_text


def open_study(
    out: Path,
    source: list[Path] | None,
    seed: int | None,
    limit: int | None,
    split_ratios: str | None,
    crops_as_they_are: bool = False,
    cache: Path | None = None,
    exclude: Path | None = None,
    relabel: Path | None = None,
    reading: Any = None,
) -> Any:
    """Return the `agelens.Study` whose methods do the steps that the commands ask for."""
    ratios = split_ratios_of(split_ratios)
    from agelens.study.study import Study

    return Study(
        source or None, out, seed=seed, limit=limit, split_ratios=ratios, crops_as_they_are=crops_as_they_are,
        cache=cache, exclude=exclude, relabel=relabel, reading=reading,
    )  # fmt: skip


def open_run(out: Path, force: bool = False) -> Any:
    from agelens.study.folder import StudyFolder
    from agelens.utils.progress import bar, say

    return StudyFolder(out, bar, say, force)


def correcting(run: Any, exclude: Path | None, relabel: Path | None) -> Any:
    """A run that leaves faces out and replaces labels when it reads its source."""
    from agelens.data.corrections import CorrectionFiles

    run.corrections = CorrectionFiles(exclude, relabel)
    return run


def split_ratios_of(text: str | None) -> Any:
    if text is None:
        return None
    from agelens.data.split_ratios import read_split_ratios

    return read_split_ratios(text)


def reading_of(form: str, columns: str | None) -> Any:
    """How a person wants the sources to be read; None leaves it to what is found there."""
    if not form and columns is None:
        return None
    from agelens.data.sources.options import ReadingOptions, read_columns

    return ReadingOptions(form, read_columns(columns) if columns else {})


def begin_run(
    out: Path,
    source: list[Path] | None,
    seed: int | None,
    limit: int | None,
    split_ratios: str | None,
    force: bool = False,
    backbones: str | None = None,
    weights: str = "imagenet",
    plan: Any = None,
    crops_as_they_are: bool = False,
    exclude: Path | None = None,
    relabel: Path | None = None,
    reading: Any = None,
    aligning: bool = False,
) -> Any:
    """Open a run and audit its source, once all that is to be compared and trained from is known to be there."""
    ratios = split_ratios_of(split_ratios)
    opened = correcting(open_run(out, force), exclude, relabel)
    opened.crops_as_they_are = crops_as_they_are
    opened.aligning = aligning
    if backbones is not None or plan:
        from agelens.study.needs import look_before

        look_before(opened, () if backbones is None else names_of(backbones), weights, plan)
    # Only who asks for the whole study again asks for another audit.
    opened.force = force and bool(backbones and plan)
    opened.begin(source, seed, limit, ratios, reading)
    opened.force = force
    return opened


def names_of(backbones: str) -> tuple[str, ...]:
    from agelens.models.registry import backbone_names

    return backbone_names(backbones)


def names_by_comma(text: str | None) -> tuple[str, ...]:
    """The names that a person wrote in one option."""
    return tuple(filter(None, (name.strip() for name in (text or "").split(","))))


def comparison_of(
    run: Any,
    backbones: str,
    weights: str,
    image_size: int | None,
    head: str,
    epochs: int,
    precision: str,
    cache: Path | None,
    notebook_exact: bool = False,
) -> Any:
    from agelens.evaluation.compare_backbones import Comparison

    return Comparison(
        names_of(backbones),
        weights,
        image_size,
        head,
        epochs,
        precision,
        run.config["seed"],
        cache,
        notebook_exact,
    )


def print_lines(lines: list[str], as_json: bool, result: Any) -> None:
    if as_json:
        print(json_text(result, sys.stdout.encoding or "utf-8"))
        return
    for line in lines:
        print(line)


def add_to_report(folder: Path, track: Any, as_json: bool) -> None:
    """Write the report of a study anew after a result was written and told; exit status 1 where that fails."""
    from agelens.study.reporting_steps import report_again

    try:
        report = report_again(folder, track)
    except (AgeLensError, OSError) as error:
        print(
            f"agelens: The result is written, but the report was not written anew: {error}", file=sys.stderr
        )
        raise typer.Exit(1) from None
    if report is not None and not as_json:
        print(f"report: {report}")
