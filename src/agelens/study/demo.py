"""The whole study on drawn faces: what AgeLens does, on any machine, with no data and no network."""

from typing import Any

from agelens.data.synthetic.dataset import draw_faces
from agelens.evaluation.compare_backbones import Comparison
from agelens.models.registry import NOTEBOOK_SEVEN
from agelens.study.folder import Run
from agelens.study.plan import TrainingPlan
from agelens.study.steps import run_study

# Nobody can download weights here, so the backbones are random and small; the two networks learn from nothing.
SIDE = 64


def run_demo(run: Run, faces: int, seed: int) -> dict[str, Any]:
    """Draw faces and study them; returns what `run_study` returns."""
    folder = run.folder / "drawn-faces"
    with run.track("drawing faces", faces) as advance:
        draw_faces(folder, faces, seed, with_faults=True, progress=advance)
    run.begin(folder, seed, None)
    cache = run.folder / "cache"
    comparison = Comparison(NOTEBOOK_SEVEN, weights="random", side=SIDE, seed=seed, cache=cache)
    return run_study(run, comparison, TrainingPlan(recipe="scratch", side=SIDE, cache=cache))
