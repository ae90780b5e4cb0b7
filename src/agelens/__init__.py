"""AgeLens: study labelled face photographs, build age and gender networks from them, and use them.

The public names are loaded when they are first asked for, so that `import agelens` costs nothing:

    load, Predictor, Predictions, ImagePrediction, Face     use finished networks
    Study                                       a study of labelled faces, in a folder that it fills and goes on from
    read_faces, audit, split, compare_backbones, train, evaluate    its steps as single functions
    loaders, find_backbone                      batches of faces for Keras models of your own
    track_video, summarize_tracks               follow the faces of a video
    predict_table                               the same for a table of photographs, as cluster engines want it
    annotate, blur                              draw what was found over a photograph, or hide it
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from agelens._version import __version__

if TYPE_CHECKING:
    from agelens.data import loaders
    from agelens.data.sources.reading import read_faces
    from agelens.distributed.table import predict_table
    from agelens.inference.annotate import annotate
    from agelens.inference.blur import blur
    from agelens.inference.predictor import Predictor, load
    from agelens.inference.results import Face, ImagePrediction, Predictions
    from agelens.inference.video.pipeline import track_video
    from agelens.inference.video.tracker import summarize_tracks
    from agelens.models.registry import find_backbone
    from agelens.study.functions import audit, compare_backbones, evaluate, split, train
    from agelens.study.network_results import ComparisonResult, EvaluationResult, TrainingResult
    from agelens.study.results import AuditResult, ExplorationResult, ReportResult, SplitResult
    from agelens.study.study import Study

__all__ = [
    "AuditResult",
    "ComparisonResult",
    "EvaluationResult",
    "ExplorationResult",
    "Face",
    "ImagePrediction",
    "Predictions",
    "Predictor",
    "ReportResult",
    "SplitResult",
    "Study",
    "TrainingResult",
    "__version__",
    "annotate",
    "audit",
    "blur",
    "compare_backbones",
    "evaluate",
    "find_backbone",
    "load",
    "loaders",
    "predict_table",
    "read_faces",
    "split",
    "summarize_tracks",
    "track_video",
    "train",
]  # fmt: skip

# Nothing leaves the machine: OpenVINO would tell its makers of each import and each conversion, through a package that
# it brings along and does without where that is missing.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

_HOMES = {
    "Predictor": "agelens.inference.predictor",
    "Predictions": "agelens.inference.results",
    "Face": "agelens.inference.results",
    "ImagePrediction": "agelens.inference.results",
    "annotate": "agelens.inference.annotate",
    "blur": "agelens.inference.blur",
    "load": "agelens.inference.predictor",
    "loaders": "agelens.data.loaders",
    "summarize_tracks": "agelens.inference.video.tracker",
    "track_video": "agelens.inference.video.pipeline",
    "predict_table": "agelens.distributed.table",
    "read_faces": "agelens.data.sources.reading",
    "find_backbone": "agelens.models.registry",
    "Study": "agelens.study.study",
    "audit": "agelens.study.functions",
    "split": "agelens.study.functions",
    "compare_backbones": "agelens.study.functions",
    "train": "agelens.study.functions",
    "evaluate": "agelens.study.functions",
    "AuditResult": "agelens.study.results",
    "ExplorationResult": "agelens.study.results",
    "SplitResult": "agelens.study.results",
    "ReportResult": "agelens.study.results",
    "ComparisonResult": "agelens.study.network_results",
    "TrainingResult": "agelens.study.network_results",
    "EvaluationResult": "agelens.study.network_results",
}


# Names that are modules themselves, and those whose modules need Keras, which is started quietly first.
_MODULES = {"loaders"}
_NEED_KERAS = {"loaders", "find_backbone"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'agelens' has no attribute {name!r}")
    # Light, and here so that `import agelens` stays lighter.
    from agelens.utils.extras import naming_extras

    with naming_extras():
        if name in _NEED_KERAS:
            import_module("agelens.models.keras_start").load_keras()
        home = import_module(_HOMES[name])
    return home if name in _MODULES else getattr(home, name)


def __dir__() -> list[str]:
    return __all__
