"""What made the result of a step, apart from its settings, and how two makings differ."""

from collections.abc import Sequence
from typing import Any

from agelens.runtime.execution import resolve_precision
from agelens.utils.environment import made_with

_NAMES = {"agelens": "AgeLens", "keras": "Keras", "openvino": "OpenVINO", "precision": "precision"}


def making(settings: dict[str, Any], packages: Sequence[str]) -> dict[str, str | int]:
    """The versions behind a step, and its precision if it has one, as "auto" means it on this processor."""
    made: dict[str, str | int] = made_with(*packages)
    if "precision" in settings:
        made["precision"] = resolve_precision(settings["precision"])
    return made


def differences(kept: dict[str, Any], made_by: dict[str, str | int], same: bool) -> str:
    """How what a step was made by differs from what it would be made by now, in words; "" where it does not.

    Args:
        kept: what the run's configuration says of the step, if anything; runs of older versions of AgeLens say less.
        made_by: from `making`.
        same: whether the same was asked for; otherwise another precision is no more than asked for.
    """
    if not kept or kept.get("made_by") == made_by:
        return ""
    before = kept.get("made_by") or {
        package: version for package, version in kept.get("versions", {}).items() if package in made_by
    }
    told = [
        f"{name} {made_by.get(key, 'none')} and not {before[key]}"
        for key, name in _NAMES.items()
        if key in before and before[key] != made_by.get(key) and (same or key != "precision")
    ]
    if told:
        return f"this is {', '.join(told)}"
    return "an older AgeLens computed it" if before.get("results") != made_by["results"] else ""
