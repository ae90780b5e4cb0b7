from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from agelens.data.synthetic.dataset import synthesize_face
from agelens.detection import framing
from agelens.detection.alignment import UTKFACE, Geometry, similarity
from agelens.detection.base import Detector, Found
from agelens.detection.detector import find_detector, find_faces
from agelens.detection.framing import Framing, compare_framing, measure_framing, refuse_scenes
from agelens.detection.labelled_face import align_labelled_face
from agelens.errors import AgeLensError

Pixels = NDArray[np.uint8]


@pytest.fixture(scope="module")
def detector() -> Detector:
    return find_detector()


@pytest.fixture(scope="module")
def crops() -> list[Pixels]:
    """Synthetic faces of several ages, 200 pixels."""
    return [
        np.asarray(synthesize_face(age, age % 2, np.random.default_rng(age), 200).convert("RGB"))
        for age in (3, 12, 19, 25, 33, 41, 56, 70)
    ]


def scene(crop: Pixels, share: float, size: tuple[int, int] = (450, 600), seed: int = 0) -> Pixels:
    """A picture of this width and height with a crop laid into it, whose side is this share of the shorter one."""
    rng = np.random.default_rng(seed)
    width, height = size
    picture = cv2.resize(
        rng.integers(60, 200, (6, 5, 3), dtype=np.uint8), size, interpolation=cv2.INTER_CUBIC
    )
    image_size = round(share * min(size))
    x, y = int(rng.integers(0, width - image_size + 1)), int(rng.integers(0, height - image_size + 1))
    picture[y : y + image_size, x : x + image_size] = cv2.resize(
        crop, (image_size, image_size), interpolation=cv2.INTER_AREA
    )
    return np.asarray(picture, np.uint8)


@pytest.fixture
def save(tmp_path: Path) -> Callable[[list[Pixels]], list[Path]]:
    def write(images: list[Pixels]) -> list[Path]:
        paths = [tmp_path / f"{number}.png" for number in range(len(images))]
        for path, image in zip(paths, images, strict=True):
            Image.fromarray(image).save(path)
        return paths

    return write


def turned(crop: Pixels, angle: float) -> Pixels:
    matrix = cv2.getRotationMatrix2D((99.5, 99.5), angle, 1)
    return np.asarray(cv2.warpAffine(crop, matrix, (200, 200), borderMode=cv2.BORDER_REPLICATE), np.uint8)


@pytest.mark.parametrize("size", [48, 200, 900])
def test_crops_of_any_size_are_crops(detector: Detector, crops: list[Pixels], save, size: int) -> None:
    paths = save([np.asarray(cv2.resize(one, (size, size), interpolation=cv2.INTER_AREA)) for one in crops])
    seen = measure_framing(paths, detector)
    assert seen.as_crops
    assert (seen.images, seen.unlike) == (8, 0)
    assert 0.75 < seen.size < 1.1


@pytest.mark.parametrize("angle", [25, -45, 90, 180])
def test_turned_crops_are_crops(detector: Detector, crops: list[Pixels], save, angle: int) -> None:
    seen = measure_framing(save([turned(one, angle) for one in crops]), detector)
    assert seen.as_crops
    assert seen.unlike == 0


def test_images_without_a_face_and_broken_ones_say_nothing(
    detector: Detector, crops: list[Pixels], save
) -> None:
    empty = np.full((200, 200, 3), 90, np.uint8)
    paths = save([*crops[:2], empty, empty, empty])
    paths[3].write_text("no image")
    assert measure_framing([*paths, paths[0].with_name("gone.png")], detector) == Framing(
        6, 2, 0, pytest.approx(0.87, abs=0.12), pytest.approx(0.08, abs=0.04)
    )
    assert measure_framing(paths[2:], detector).as_crops
    assert measure_framing([], detector) == Framing(0, 0, 0, 0.0)


@pytest.mark.parametrize("share", [0.2, 0.35, 0.5, 0.6])
@pytest.mark.parametrize("size", [(450, 600), (1600, 1000)])
def test_scenes_are_no_crops(
    detector: Detector, crops: list[Pixels], save, share: float, size: tuple[int, int]
) -> None:
    paths = save([scene(one, share, size, number) for number, one in enumerate(crops)])
    seen = measure_framing(paths, detector)
    assert not seen.as_crops
    with pytest.raises(
        AgeLensError, match=r"not framed as face crops: a sample of 8 shows \d faces.*Do this\."
    ):
        refuse_scenes(paths, detector, UTKFACE, "Do this.")


def test_one_scene_alone_and_some_among_crops(detector: Detector, crops: list[Pixels], save) -> None:
    scenes = [scene(one, 0.3, seed=number) for number, one in enumerate(crops)]
    with pytest.raises(AgeLensError, match="it shows 1 face, 1 of which in another size"):
        refuse_scenes(save(scenes[:1]), detector, UTKFACE, "")
    assert not measure_framing(save([*crops[:5], *scenes[:3]]), detector).as_crops
    # One odd image is no reason to refuse the others.
    assert measure_framing(save([*crops[:7], scenes[0]]), detector).as_crops


def test_what_counts_is_the_geometry_of_the_network(detector: Detector, crops: list[Pixels], save) -> None:
    places = np.array(UTKFACE.landmarks)
    loose = Geometry(
        tuple((float(x), float(y)) for x, y in 0.5 + 0.4 * (places - 0.5)), UTKFACE.spread, UTKFACE.image_size
    )
    scenes = []
    for one in crops:
        picture = np.full((500, 500, 3), 120, np.uint8)
        picture[150:350, 150:350] = one
        scenes.append(picture)
    assert measure_framing(save(scenes), detector, loose).as_crops
    assert not measure_framing(save(scenes), detector).as_crops
    assert not measure_framing(save(crops), detector, loose).as_crops


def test_the_sample_is_limited_and_the_same_again(
    detector: Detector, crops: list[Pixels], save, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(framing, "SAMPLE", 3)
    paths = save([crops[0], *[scene(one, 0.3) for one in crops[1:]]])
    first, again = (measure_framing(paths, detector) for _ in range(2))
    assert first == again
    assert first.images == 3


@pytest.mark.parametrize(
    ("framing", "crops"),
    [
        (Framing(64, 60, 0, 0.99), True),
        (Framing(64, 60, 12, 0.95), True),
        (Framing(64, 60, 13, 0.95), False),
        (Framing(64, 60, 0, 0.69), False),
        (Framing(64, 60, 0, 1.45), False),
        (Framing(64, 0, 0, 0.0), True),
        (Framing(3, 3, 1, 0.9), True),
        (Framing(3, 3, 2, 0.5), False),
        (Framing(2, 2, 0, 0.65), True),
        (Framing(1, 1, 1, 0.3), False),
    ],
)
def test_when_images_are_crops(framing: Framing, crops: bool) -> None:
    assert framing.as_crops is crops


def test_size_and_shift_are_measured_against_the_geometry() -> None:
    points = (np.array(UTKFACE.landmarks) * 0.5 + [0.25, 0.35]) * [400, 200]
    box = np.array([[0.3 * 400, 0.4 * 200, 0.6 * 400, 0.75 * 200]], np.float32)
    found = Found(box, np.ones(1, np.float32), points[None].astype(np.float32))
    size, shift = compare_framing(found, 400, 200, UTKFACE)
    assert size == pytest.approx(0.5, abs=1e-3)
    assert shift == pytest.approx(np.hypot(0.45 - 0.4938, 0.575 - 0.494), abs=1e-3)


def test_the_largest_face_is_cut_out_as_crops_have_it(detector: Detector, crops: list[Pixels]) -> None:
    picture = np.full((700, 900, 3), 150, np.uint8)
    picture[40:140, 60:160] = cv2.resize(crops[2], (100, 100), interpolation=cv2.INTER_AREA)
    picture[300:600, 400:700] = cv2.resize(turned(crops[3], 30), (300, 300), interpolation=cv2.INTER_CUBIC)
    cut = align_labelled_face(picture, detector, UTKFACE, image_size=160)
    assert isinstance(cut, np.ndarray)
    assert cut.shape == (160, 160, 3)
    places = find_faces(detector, cut).landmarks[0] / 160
    assert np.abs(places - np.array(UTKFACE.landmarks)).max() < 0.08
    back = similarity(places * 160, UTKFACE, 160)
    assert np.hypot(*back[:, 0]) == pytest.approx(1, abs=0.1)
    empty = np.full((300, 300, 3), 90, np.uint8)
    assert align_labelled_face(empty, detector, UTKFACE) == "no face is found"


@pytest.mark.parametrize(
    ("framing", "is_aligned"),
    [
        (Framing(64, 60, 0, 1.0, 0.032), True),
        (Framing(64, 60, 0, 1.0, 0.054), False),
        (Framing(64, 4, 0, 1.0, 0.2), True),
        (Framing(64, 60, 0, 0.5, 0.01), False),
    ],
)
def test_crops_that_are_cut_out_and_not_aligned_are_known_by_their_landmarks(
    framing: Framing, is_aligned: bool
) -> None:
    assert framing.is_aligned == is_aligned
