import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from agelens.data.synthetic.dataset import synthesize_face
from agelens.detection.base import NOTHING, Detector, Found
from agelens.detection.close_up import LEAST_SHARE, TILE, look_close
from agelens.detection.detector import find_detector, find_faces

skimage_data = pytest.importorskip(
    "skimage.data", reason="scikit-image, whose photographs these are, is not there"
)


@pytest.fixture(scope="module")
def detector() -> Detector:
    return find_detector()


def close_up(size: int, margin: float, angle: float) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """The astronaut's face, cut out with this margin (a share of the side) around its box, and that box."""
    image = np.asarray(skimage_data.astronaut())
    image_size = 110 / (1 - 2 * margin)
    matrix = cv2.getRotationMatrix2D((224, 122), angle, size / image_size)
    matrix[:, 2] += size / 2 - np.array([224, 122])
    how = cv2.INTER_AREA if size < image_size else cv2.INTER_CUBIC
    cut = cv2.warpAffine(image, matrix, (size, size), flags=how, borderMode=cv2.BORDER_REPLICATE)
    low, high = margin * size, (1 - margin) * size
    return np.asarray(cut, np.uint8), np.array([low, low, high, high], np.float32)


def overlap(box: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    low, high = np.maximum(box[:2], other[:2]), np.minimum(box[2:], other[2:])
    shared = float(np.prod(np.clip(high - low, 0, None)))
    return shared / (float(np.prod(box[2:] - box[:2])) + float(np.prod(other[2:] - other[:2])) - shared)


@pytest.mark.parametrize("angle", [0, 30, -45, 90, 180])
@pytest.mark.parametrize("margin", [0.0, 0.05, 0.1])
@pytest.mark.parametrize("size", [64, 224, 500, 900])
def test_a_face_that_fills_the_picture_is_found_once(
    detector: Detector, size: int, margin: float, angle: float
) -> None:
    image, box = close_up(size, margin, angle)
    found = find_faces(detector, image)
    assert len(found.scores) == 1
    assert overlap(found.boxes[0], box) > 0.5
    eyes = found.landmarks[0][:2]
    lean = -np.degrees(np.arctan2(*(eyes[1] - eyes[0])[::-1]))
    assert abs((lean - angle + 180) % 360 - 180) < 12


@pytest.mark.parametrize("shape", [(1600, 1200), (900, 2400), (2500, 500)])
def test_it_is_found_in_oblong_pictures(detector: Detector, shape: tuple[int, int]) -> None:
    image, _ = close_up(min(shape), 0.0, 0)
    canvas = np.full((*shape, 3), 180, np.uint8)
    top, left = (shape[0] - min(shape)) // 2, (shape[1] - min(shape)) // 2
    canvas[top : top + min(shape), left : left + min(shape)] = image
    found = find_faces(detector, canvas)
    assert len(found.scores) == 1
    expected = np.array([left, top, left + min(shape), top + min(shape)], np.float32)
    assert overlap(found.boxes[0], expected) > 0.5


def test_without_the_pass_it_is_not_and_frames_of_videos_have_it_too(detector: Detector) -> None:
    image, _ = close_up(800, 0.02, 0)
    assert len(find_faces(detector, image, close=False).scores) == 0
    assert len(find_faces(detector, image, rotations=False).scores) == 1


def test_a_drawn_face_is_found_as_close(detector: Detector) -> None:
    face = np.asarray(synthesize_face(36, 1, np.random.default_rng(0), 800).convert("RGB"))
    for size in (200, 400, 800):
        small = cv2.resize(face, (size, size), interpolation=cv2.INTER_AREA)
        assert len(find_faces(detector, np.asarray(small, np.uint8)).scores) == 1


class _Bright:
    """A detector that finds a face where a copy is white, in as many copies as there are."""

    least, confidence_threshold = 0.5, 0.6

    def detect(self, image: NDArray[np.uint8]) -> Found:
        boxes = []
        for left in range(0, image.shape[1], TILE):
            rows, columns = np.nonzero(image[:, left : left + TILE, 0] > 200)
            if len(rows):
                boxes.append([left + columns.min(), rows.min(), left + columns.max() + 1, rows.max() + 1])
        if not boxes:
            return NOTHING
        corners = np.array(boxes, np.float32)
        middle = (corners[:, :2] + corners[:, 2:]) / 2
        return Found(corners, np.ones(len(boxes), np.float32), np.repeat(middle[:, None], 5, 1))


@pytest.mark.parametrize("shape", [(300, 300), (60, 90), (2000, 1600), (1500, 4000)])
def test_every_copy_leads_back_to_the_same_place(shape: tuple[int, int]) -> None:
    image = np.zeros((*shape, 3), np.uint8)
    longest = max(shape)
    left, top, image_size = int(0.3 * shape[1]), int(0.05 * shape[0]), int(0.3 * longest)
    image[top : top + image_size, left : left + int(1.5 * image_size)] = 255
    found = look_close(_Bright(), image, (0.0, -33.0, 33.0, 90.0, -90.0, 180.0))
    assert len(found.scores) == 6
    expected = np.array([left + 0.75 * image_size, top + 0.5 * image_size])
    assert np.abs(found.landmarks - expected).max() < 0.02 * longest
    assert np.abs(found.boxes.reshape(-1, 2, 2).mean(1) - expected).max() < 0.02 * longest


def test_small_faces_are_left_to_the_other_passes() -> None:
    for share, count in ((LEAST_SHARE - 0.05, 0), (LEAST_SHARE + 0.05, 1)):
        image = np.zeros((1000, 1000, 3), np.uint8)
        image[100 : 100 + int(1000 * share), 100 : 100 + int(1000 * share)] = 255
        assert len(look_close(_Bright(), image).scores) == count
