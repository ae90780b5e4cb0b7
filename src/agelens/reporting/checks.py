"""What a report says of the checks around a test: suspicious labels, worse pictures, another network beside it."""

import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from agelens.data.table import digest_table
from agelens.reporting.study_files import StudyFiles

# The bundled networks, as commands name them: the second stands beside the first where a study has none of its own.
_OWN = ("agelens", "small")


def checks(run: StudyFiles) -> dict[str, Any]:
    """Return what the template needs beside the files themselves.

    Returns:
        ``not_done``: what is not there yet, in words, with the command that makes it. ``labels_of_other_faces``:
        whether labels were ranked of another face table. ``stress_of_others`` and ``comparison_of_others``: whether
        they tell nothing of the networks whose figures the report has. ``stress_titles``: of corruptions, by name.
    """
    return {
        "not_done": not_done(run),
        "labels_of_other_faces": _of_other_faces(run),
        "stress_of_others": _of_others(run, (one["bundles"] for one in run.stress.get("networks", []))),
        "comparison_of_others": _of_others(run, run.model_comparison.get("bundles", [])),
        "stress_titles": {name: one["title"] for name, one in run.stress.get("corruptions", {}).items()},
    }


def not_done(run: StudyFiles) -> list[tuple[str, str]]:
    """The checks that a study has no file of, each with its command."""
    folder = shlex.quote(str(run.folder))
    network, other = (folder, _OWN[0]) if run.cards else _OWN
    commands = {
        "label_issues": ("labels that are probably wrong", f"agelens label-issues --out {folder}"),
        "stress": (
            "worse pictures",
            f"agelens stress {network} {folder} --overlap skip --out {folder}",
        ),
        "model_comparison": (
            "another network on the same faces",
            f"agelens compare-models {network} {other} {folder} --split test --overlap skip --out {folder}",
        ),
    }
    return [told for name, told in commands.items() if not getattr(run, name)]


def _of_other_faces(run: StudyFiles) -> bool:
    ranked = run.config.get("steps", {}).get("label-issues", {}).get("settings", {}).get("table")
    return ranked is not None and run.table is not None and ranked != digest_table(run.table)


def _of_others(run: StudyFiles, told: Iterable[Mapping[str, str]]) -> bool:
    """Whether networks, as identities by task, are all others than those that were measured."""
    identities = {identity for one in told for identity in one.values()}
    measured = set(run.evaluation.get("settings", {}).get("bundles", {}).values())
    return bool(identities and measured) and not identities & measured
