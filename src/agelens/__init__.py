"""AgeLens: study labelled face photographs, build age and gender networks from them, and use them.

The public names are loaded when they are first asked for, so that `import agelens` costs nothing:

    load, Predictor, Predictions, ImagePrediction, Face     use finished networks
    predict_table                               the same for a table of photographs, as cluster engines want it
    annotate, blur                              draw what was found over a photograph, or hide it
    read_faces, audit, split                    study labelled faces
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from agelens._version import __version__

if TYPE_CHECKING:
    from agelens.data.audit import audit
    from agelens.data.sources.reading import read_faces
    from agelens.data.splits import split
    from agelens.distributed.table import predict_table
    from agelens.inference.annotate import annotate
    from agelens.inference.blur import blur
    from agelens.inference.predictor import Predictor, load
    from agelens.inference.results import Face, ImagePrediction, Predictions

__all__ = [
    "Face",
    "ImagePrediction",
    "Predictions",
    "Predictor",
    "__version__",
    "annotate",
    "audit",
    "blur",
    "load",
    "predict_table",
    "read_faces",
    "split",
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
    "predict_table": "agelens.distributed.table",
    "audit": "agelens.data.audit",
    "split": "agelens.data.splits",
    "read_faces": "agelens.data.sources.reading",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'agelens' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
