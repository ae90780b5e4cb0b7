"""The steps of a study that draw: exploring and reporting."""

from pathlib import Path
from typing import Any

from agelens.reporting.exploration import explore
from agelens.reporting.report import write_report
from agelens.study.folder import StudyFolder
from agelens.utils.files import read_json


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
