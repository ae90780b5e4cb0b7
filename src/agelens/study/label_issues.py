"""The step of a study that ranks suspicious labels."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agelens.data.provenance import data_name
from agelens.evaluation.label_issues import TOP, rank_labels
from agelens.evaluation.out_of_fold import FOLDS, default_backbone, predict_out_of_fold, refuse_seen
from agelens.models.backbones import build_backbone, content_digest
from agelens.models.registry import find_backbone
from agelens.reporting.label_gallery import write_label_gallery
from agelens.study.crops import check_crops
from agelens.study.folder import StudyFolder
from agelens.training.feature_cache import extract
from agelens.utils.files import read_json, replacing_file, write_json

# Count it up when the same settings rank or tell otherwise.
VERSION = 2
ISSUES, TABLE, PAGE = "label_issues.json", "label_issues.csv", "label_issues.html"


@dataclass(frozen=True)
class LabelCheck:
    """How labels are checked.

    Attributes:
        backbone: whose frozen features the heads learn on, as on the command line; None is `default_backbone`.
        weights: "imagenet", "random", or a file; a backbone that is a file brings its own.
        image_size: pixels; None is the backbone's own.
        precision: of the features.
        cache: folder of features; None is the default.
        folds: how many times heads are trained.
        top: how many of the worst labels of each kind are listed and shown.
    """

    backbone: str | None = None
    weights: str = "imagenet"
    image_size: int | None = None
    precision: str = "auto"
    cache: Path | None = None
    folds: int = FOLDS
    top: int = TOP


def find_label_issues(run: StudyFolder, check: LabelCheck) -> dict[str, Any]:
    """Rank the labels of a run's faces; returns the content of ``label_issues.json``.

    ``label_issues.csv`` lists the worst and ``label_issues.html`` shows them.

    Raises:
        AgeLensError: the backbone learned from labels of these faces, these are whole photographs, or cleanlab is not
            installed.
    """
    spec = find_backbone(check.backbone or default_backbone())
    refuse_seen(spec, run.table)
    check_crops(run)
    if spec.file is None and check.weights == "random":
        run.say(
            f"{spec.name} has RANDOM weights: its features say little of a face, and the ranking hardly more than "
            "chance."
        )
    settings = run.settings(
        backbone=spec.typed if spec.file else spec.name,
        content=content_digest(spec, check.weights),
        image_size=check.image_size, precision=check.precision, folds=check.folds, top=check.top,
        seed=run.config["seed"], version=VERSION,
    )  # fmt: skip

    def work() -> None:
        table = run.table
        backbone = build_backbone(spec, check.weights, check.image_size, run.config["seed"])
        features = extract(backbone, table, check.precision, pool=True, cache=check.cache, track=run.track)
        estimates = predict_out_of_fold(
            features.read(slice(None)), table, check.folds, run.config["seed"], run.track
        )
        found = rank_labels(table, estimates)
        figures = {
            **found.figures(),
            "backbone": spec.name,
            "weights": backbone.weights,
            "folds": check.folds,
            "source": data_name(run.config, table),
        }
        with replacing_file(run.folder / TABLE) as temporary:
            found.suspects(check.top).to_csv(temporary, index=False)
        write_label_gallery(found, figures, run.folder / PAGE, check.top)
        write_json(run.folder / ISSUES, {**figures, "table": TABLE, "page": PAGE, "top": check.top})

    run.step("label-issues", settings, [ISSUES, TABLE, PAGE], work, packages=("openvino",), edited=[TABLE])
    return dict(read_json(run.folder / ISSUES))
