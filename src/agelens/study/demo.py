"""The whole study on synthetic faces: what AgeLens does, on any machine, with no data and no network."""

from typing import Any

from agelens.data.synthetic.dataset import synthesize_faces
from agelens.evaluation.compare_backbones import Comparison
from agelens.models.registry import NOTEBOOK_SEVEN
from agelens.study.folder import StudyFolder
from agelens.study.plan import TrainingPlan
from agelens.study.steps import run_study

# Nobody can download weights here, so the backbones are random and small; the two networks learn from nothing.
IMAGE_SIZE = 64


def run_demo(run: StudyFolder, faces: int, seed: int) -> dict[str, Any]:
    """Draw faces and study them; returns what `run_study` returns."""
    folder = run.folder / "synthetic-faces"
    with run.track("writing synthetic faces", faces) as advance:
        synthesize_faces(folder, faces, seed, with_faults=True, progress=advance)
    run.begin(folder, seed, None)
    cache = run.folder / "cache"
    comparison = Comparison(NOTEBOOK_SEVEN, weights="random", image_size=IMAGE_SIZE, seed=seed, cache=cache)
    return run_study(run, comparison, TrainingPlan(recipe="scratch", image_size=IMAGE_SIZE, cache=cache))
