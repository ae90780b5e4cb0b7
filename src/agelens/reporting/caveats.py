"""What a reader must know before trusting a figure of a report."""

from agelens.evaluation.resampling import LEAST_FACES
from agelens.reporting.facts import measured_split, split_summary
from agelens.reporting.formats import count
from agelens.reporting.result_charts import MEASURES
from agelens.reporting.study_files import StudyFiles

FEW_TEST_FACES = 200


def caveats(run: StudyFiles) -> list[str]:
    """What a reader must know before trusting a figure."""
    told = []
    if run.config.get("synthetic"):
        told.append(
            "The faces are synthetic: nobody in these pictures exists, and no figure here says how "
            "a network does on photographs."
        )
    if run.altered:
        are = "is" if len(run.altered) == 1 else "are"
        told.append(
            f"{' and '.join(run.altered)} {are} not as AgeLens wrote, and left out here: damaged, or altered by hand. "
            "The step that made such a file makes it again."
        )
    meaningless = _frozen_at_random(run)
    if meaningless:
        told.append(
            f"The weights of {', '.join(meaningless)} were random: their figures say nothing about pretrained "
            "backbones."
        )
    if run.config.get("limit") is not None:
        told.append(
            f"Only {count(run.config['limit'])} images of the source, picked at random, make up this run."
        )
    if measured_split(run) in ("train", "validation"):
        told.append(f"The figures are of the {measured_split(run)} split, not of the test split.")
    measured = run.evaluation.get("settings", {}).get("bundles", {})
    others = [
        task
        for task, card in run.cards.items()
        if measured.get(task, card.get("identity")) != card.get("identity")
    ]
    if others:
        told.append(
            f"The figures for {' and '.join(others)} are of another network than the one that this run holds: it was "
            "named with --bundle, or trained anew since; 'agelens evaluate --out RUN --force' measures the run's own."
        )
    if run.evaluation.get("settings", {}).get("overlap_included"):
        told.append(
            "The measured faces include images that a network was trained on: the figures are too good."
        )
    leaked = split_summary(run.table)["leaked"] if run.table is not None and run.is_split else 0
    if leaked:
        groups = "1 group" if leaked == 1 else f"{count(leaked)} groups"
        told.append(f"{groups} of (nearly) identical faces leaked between splits: the figures are too good.")
    faces = min((result["n"] for result in run.evaluation.values() if "n" in result), default=FEW_TEST_FACES)
    if faces < FEW_TEST_FACES:
        only = "1 face" if faces == 1 else f"{count(faces)} faces"
        wide = (
            "the intervals are wide"
            if faces >= LEAST_FACES
            else "too few to tell how far the figures may be off"
        )
        told.append(f"Measured on only {only}: {wide}.")
    return [*told, *run.evaluation.get("settings", {}).get("notes", [])]


def _frozen_at_random(run: StudyFiles) -> list[str]:
    """The backbones that stayed at random weights; a network that learned whole may well begin with them."""
    compared = [pair for task in MEASURES for pair in run.comparison.get(task, {}).items()]
    networks = [card.get("network", {}) for card in run.cards.values()]
    frozen = [(network.get("backbone", "?"), network) for network in networks if network.get("frozen", True)]
    names = (name for name, result in [*compared, *frozen] if result.get("weights") == "random")
    return list(dict.fromkeys(names))
