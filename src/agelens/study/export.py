"""Packing: a measured network as a bundle for others, whose card holds its figures and can be read as a page."""

import copy
import os
import tempfile
from pathlib import Path
from typing import Any

from agelens.bundles.bundle import (
    CARD,
    NETWORK,
    PAGE,
    SUMS,
    TRAINING_IMAGES,
    Bundle,
    find_one_bundle,
    write_bundle,
)
from agelens.errors import AgeLensError
from agelens.evaluation.comparison_file import read_comparison
from agelens.evaluation.groups import PAIR
from agelens.evaluation.label_issues_file import read_label_issues
from agelens.evaluation.limitations import find_limitations
from agelens.evaluation.over_seeds import read_over_seeds
from agelens.evaluation.stress_file import read_stress
from agelens.export.cards import OUT_OF_SCOPE_USE
from agelens.reporting.card_page import card_page
from agelens.reporting.study_files import altered_files
from agelens.utils.files import read_json
from agelens.utils.shapes import fits

# What a bundle is made of; anything else beside it is somebody's own.
_OWN = {NETWORK, CARD, TRAINING_IMAGES, PAGE, SUMS, ".DS_Store"}


def export_bundle(
    run: Path,
    target: Path,
    measured_bundle: Path | None = None,
    seeds: Path | None = None,
    stress: Path | None = None,
    comparison: Path | None = None,
    label_issues: Path | None = None,
) -> dict[str, Any]:
    """Write a run's bundle to ``target`` with the figures of its test split in its card, and the card as a page.

    Args:
        run: the folder of a run whose one bundle was measured on the test split.
        measured_bundle: another bundle that the run measured there, or "agelens"; None is the run's own.
        seeds: JSON file with the figures of trainings from other seeds (`agelens.evaluation.over_seeds`), for the card.
        stress: ``stress.json`` of this network's stress test, for the card.
        comparison: ``model_comparison.json`` of this network beside another, for the card.
        label_issues: ``label_issues.json`` of the data that the network was made from, for the card.

    Returns:
        the new card.

    Raises:
        AgeLensError: the run was not measured, not on its test split, or not with this bundle, or a file for the card
            holds something else.
    """
    _refuse_to_replace(target, run)
    bundle = find_one_bundle(measured_bundle or run)
    _refuse_another(target, bundle)
    more = {} if seeds is None else {"over_seeds": read_over_seeds(seeds)}
    if stress is not None:
        more["stress"] = read_stress(stress, bundle.card["identity"])
    if comparison is not None:
        more["comparison"] = read_comparison(comparison, bundle.card["identity"])
    if label_issues is not None:
        more["label_issues"] = read_label_issues(label_issues, bundle.card["data"]["source"])
    evaluation = run / "evaluation.json"
    if not evaluation.is_file():
        raise AgeLensError(f"{run} was not measured yet; run 'agelens evaluate --out {run}' first.")
    config = run / "config.json"
    if config.is_file() and evaluation.name in altered_files(run, read_json(config)):
        raise AgeLensError(
            f"{evaluation} is not as it was measured: it was damaged, or altered by hand; run 'agelens evaluate --out "
            f"{run}' again."
        )
    figures = read_json(evaluation)
    if not fits(figures, {"settings": {"bundles": {"*": str}, "split": str, "overlap_included": bool}}):
        raise AgeLensError(
            f"{evaluation} is no evaluation that AgeLens wrote; run 'agelens evaluate --out {run} --force'."
        )
    settings = figures["settings"]
    measured = set(settings["bundles"].values()) == {bundle.card["identity"]}
    if measured and settings["split"] == "test" and settings["overlap_included"]:
        raise AgeLensError(
            f"{evaluation} counts images that made the network or its backbone, so it is no figure to hand on; measure "
            "with --overlap skip, split other images, or begin from a backbone that has not seen these."
        )
    if not measured or settings["split"] != "test":
        raise AgeLensError(
            f"{evaluation} does not tell how {bundle.folder} does on the test split; run 'agelens evaluate --out {run} "
            "--force'."
        )
    card = {key: value for key, value in bundle.card.items() if key != "format"} | {
        "evaluation": card_figures(figures),
        "limitations": find_limitations(figures),
        "out_of_scope_use": list(OUT_OF_SCOPE_USE),
        **more,
    }
    with tempfile.TemporaryDirectory() as folder:
        network = Path(folder) / "network.onnx"
        network.write_bytes(bundle.network)
        write_bundle(target, network, card, bundle.training_images, page=card_page(card))
    return card


def card_figures(figures: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of an evaluation that a card holds: without curves over challenge ages and pairs of groups.

    Args:
        figures: the content of ``evaluation.json``, which is left as it is.
    """
    told = copy.deepcopy(figures)
    for limit in told.get("age_limits", {}).get("limits", {}).values():
        groups = [group for named in limit["groups"].values() for group in named.values()]
        for group in (limit["overall"], *groups):
            del group["curve"]
    for figure in told.get("disaggregated", {}).get("figures", {}).values():
        figure["kinds"] = {kind: one for kind, one in figure["kinds"].items() if PAIR not in kind}
    if "gender" in told.get("certainty", {}):
        del told["certainty"]["gender"]["abstain"]["curve"]
    return told


def _refuse_to_replace(target: Path, run: Path) -> None:
    """Writing a bundle replaces its folder: only an older bundle, or an empty folder, may stand there."""
    inside = list(target.iterdir()) if target.is_dir() else []
    names = {path.name for path in inside}
    foreign = names - _OWN or any(not path.is_file() for path in inside) or not {SUMS, CARD} <= names
    if target.is_file() or (inside and foreign):
        raise AgeLensError(f"{target} holds something else than a bundle; give another folder.")
    # Not Path.resolve, which fails at a link to itself.
    place, study = (Path(os.path.realpath(path)) for path in (target, run))
    if place == study or place in study.parents:
        raise AgeLensError(f"{target} holds the run itself; give another folder.")


def _refuse_another(target: Path, bundle: Bundle) -> None:
    """The bundle that stands there may only be one of the same network, whose figures are new."""
    if not (target / CARD).is_file():
        return
    card = read_json(target / CARD)
    if not isinstance(card, dict) or card.get("identity") != bundle.card["identity"]:
        raise AgeLensError(
            f"{target} holds the bundle of another network; give another folder, or delete this one."
        )
