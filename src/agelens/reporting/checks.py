"""What a report says of the checks around a test: suspicious labels, worse pictures, another network beside it."""

import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from agelens.data.table import digest_table
from agelens.reporting.study_files import StudyFiles

# The bundled networks, as commands name them: the second stands beside the first.
_BUNDLED = ("agelens", "small")


def checks(run: StudyFiles) -> dict[str, Any]:
    """Return what the template needs beside the files themselves.

    Returns:
        ``not_done``: what is not there yet, in words, with the command that makes it. ``labels_of_other_faces``:
        whether labels were ranked of another face table. ``stress_of_others`` and ``comparison_of_others``: whether
        all their networks are others than those that were measured. ``predictions``: names of what is compared that
        are files of predictions, of which nobody can tell what made them. ``other_data``: the data of the comparison,
        "" where it is this study. ``stress_titles``: of corruptions, by name.
    """
    compared = run.model_comparison.get("bundles", [])
    return {
        "not_done": not_done(run),
        "labels_of_other_faces": _of_other_faces(run),
        "stress_of_others": _of_others(run, (one["bundles"] for one in run.stress.get("networks", []))),
        "comparison_of_others": all(compared) and _of_others(run, compared),
        "predictions": [
            name
            for name, one in zip(run.model_comparison.get("names", []), compared, strict=False)
            if not one
        ],
        "other_data": _other_data(run),
        "stress_titles": {name: one["title"] for name, one in run.stress.get("corruptions", {}).items()},
    }


def not_done(run: StudyFiles) -> list[tuple[str, str]]:
    """The checks that a study has no file of, each with the command that does it on the faces that were measured.

    A check of photographs that were aligned only for the measurement has no such command.
    """
    settings = run.evaluation.get("settings", {})
    folder, framed = shlex.quote(str(run.folder)), settings.get("framed")
    crops = " --crops-as-they-are" if framed == "as-they-are" else ""
    commands = {}
    if framed != "align":
        commands["label_issues"] = (
            "labels that are probably wrong",
            f"agelens label-issues --out {folder}{crops}",
        )
    if network := _measured_network(run):
        if settings.get("split", "test") == "test":
            searched = " --crops" if framed == "refuse" else ""
            commands["stress"] = (
                "worse pictures",
                f"agelens stress {network} {folder}{searched} --overlap skip --out {folder}",
            )
        other = _BUNDLED[network == _BUNDLED[0]]
        framing = " --align" if framed == "align" else crops
        commands["model_comparison"] = (
            "another network on the same faces",
            f"agelens compare-models {network} {other} {folder} --split {settings.get('split', 'test')} "
            f"--overlap skip{framing} --out {folder}",
        )
    return [told for name, told in commands.items() if not getattr(run, name)]


def _measured_network(run: StudyFiles) -> str:
    """The network that was measured as a command names it; "" where that is not known."""
    told = str(run.evaluation.get("settings", {}).get("networks", ""))
    if told.startswith("the bundle "):
        return shlex.quote(told.removeprefix("the bundle "))
    return shlex.quote(str(run.folder)) if run.cards else ""


def _of_other_faces(run: StudyFiles) -> bool:
    ranked = run.config.get("steps", {}).get("label-issues", {}).get("settings", {}).get("table")
    return ranked is not None and run.table is not None and ranked != digest_table(run.table)


def _of_others(run: StudyFiles, told: Iterable[Mapping[str, str]]) -> bool:
    """Whether networks, as identities by task, are all others than those that were measured."""
    identities = {identity for one in told for identity in one.values()}
    measured = set(run.evaluation.get("settings", {}).get("bundles", {}).values())
    return bool(identities and measured) and not identities & measured


def _other_data(run: StudyFiles) -> str:
    settings = run.model_comparison.get("settings", {})
    if not settings or (run.table is not None and settings["table"] == digest_table(run.table)):
        return ""
    return str(settings["source"])
