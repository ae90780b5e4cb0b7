"""The steps of a study that draw: exploring and reporting."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agelens.errors import InterruptionError
from agelens.reporting.exploration import explore
from agelens.reporting.report import write_report
from agelens.study.folder import REPORT, StudyFolder, is_study
from agelens.utils.files import read_json
from agelens.utils.progress import Track, quiet


def explore_faces(run: StudyFolder) -> dict[str, Any]:
    """Chart and describe the dataset; returns the content of ``exploration.json``."""

    def work() -> None:
        explore(run.table, run.folder, run.config["seed"], run.track)

    run.step("explore", run.settings(), ["exploration.json", "charts"], work, packages=())
    return dict(read_json(run.folder / "exploration.json"))


def report_run(run: StudyFolder) -> Path:
    """Write the report anew from what the run holds; returns its path."""
    with run.track("writing the report", None):
        return write_report(run.folder)


@contextlib.contextmanager
def adding_to(folder: Path) -> Iterator[None]:
    """Keep other commands out of a folder while something is added to it, if it is that of a study.

    Raises:
        AgeLensError: another command is at work there. InterruptionError: Ctrl-C; nothing is kept to go on from.
    """
    try:
        if not is_study(folder):
            yield
            return
        run = StudyFolder(folder)
        run.take()
        try:
            yield
        finally:
            run.release()
    except KeyboardInterrupt:
        raise InterruptionError("Interrupted; the command begins anew.") from None


def report_again(folder: Path, track: Track = quiet) -> Path | None:
    """Write the report of a study anew where it has one, for something that it tells was added; returns its path."""
    if not (is_study(folder) and (folder / REPORT).exists()):
        return None
    with track("writing the report", None):
        return write_report(folder)
