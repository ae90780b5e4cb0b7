import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image

from agelens.bundles.bundle import find_bundles
from agelens.errors import AgeLensError, NoImageError
from agelens.inference.predictor import AHEAD, BATCH, Predictor, Source, load
from agelens.inference.results import Face, Predictions
from agelens.utils.images import load_face, read_rgb


def estimate(predictor: Predictor, crops: list[NDArray[np.uint8]]) -> list[Face]:
    return list(predictor.predict(crops, crops=True).faces)


@pytest.fixture(scope="module")
def paths(study) -> list[Path]:
    """More files than a batch holds, all readable."""
    return [Path(path) for path in pd.read_csv(study.folder / "table.csv")["path"][: 2 * BATCH + 5]]


@pytest.fixture(scope="module")
def crops(paths: list[Path]) -> list[NDArray[np.uint8]]:
    return [read_rgb(path) for path in paths]


@pytest.fixture(scope="module")
def predictor(study) -> Predictor:
    return load(study.folder, "f32")


def test_a_face_has_years_and_a_probability(predictor: Predictor, crops: list[NDArray[np.uint8]]) -> None:
    faces = estimate(predictor, crops)
    assert len(faces) == len(crops)
    assert all(isinstance(face.age_years, float) and np.isfinite(face.age_years) for face in faces)
    assert all(face.p_female is not None and 0 <= face.p_female <= 1 for face in faces)
    assert len({face.age_years for face in faces}) > len(faces) // 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        faces[0].age_years = 1.0  # type: ignore[misc]


@pytest.mark.parametrize("precision", ["f32", "auto"])
def test_a_face_does_not_depend_on_its_batch_or_its_place(
    study, crops: list[NDArray[np.uint8]], precision: str
) -> None:
    predictor = load(study.folder, precision)
    together = estimate(predictor, crops)
    assert estimate(predictor, crops[::-1])[::-1] == together
    assert [estimate(predictor, [crop])[0] for crop in crops[:5]] == together[:5]
    assert estimate(predictor, crops[BATCH - 3 : BATCH + 3]) == together[BATCH - 3 : BATCH + 3]


def test_files_and_crops_agree(predictor: Predictor, paths: list[Path]) -> None:
    results = list(predictor.stream(paths, crops=True))
    assert [result.file for result in results] == [str(path) for path in paths]
    # Decoded as in training: a JPEG twice as large as the network's side is decoded at half its size.
    crops = [load_face(path, 32) for path in paths]
    assert [result.faces[0] for result in results] == estimate(predictor, crops)


def test_files_are_taken_as_they_are_needed(predictor: Predictor, paths: list[Path]) -> None:
    asked: list[Path] = []

    def endless():
        while True:
            asked.append(paths[0])
            yield paths[0]

    next(predictor.stream(endless(), crops=True))
    assert len(asked) == AHEAD


def test_a_bad_file_stands_in_its_place_with_a_reason(
    predictor: Predictor, paths: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"no image")
    results = predictor.predict([paths[0], tmp_path / "bad.jpg", tmp_path / "gone.jpg", paths[1]], crops=True)
    assert [bool(result.error) for result in results] == [False, True, True, False]
    assert results[1].faces == ()
    assert "not an image" in results[1].error
    assert "No such file" in results[2].error
    assert results[1].to_dict() == {
        "file": str(tmp_path / "bad.jpg"),
        "error": results[1].error,
        "faces": [],
    }
    alone = predictor.predict(tmp_path / "bad.jpg", crops=True)
    assert len(alone) == 1


def test_nothing_gives_nothing(predictor: Predictor) -> None:
    for crops in (True, False):
        found = predictor.predict([], crops)
        assert isinstance(found, Predictions)
        assert len(found) == 0
        assert found.to_json() == []
        assert found.to_frame().empty


def test_crops_of_any_size_and_layout_in_memory(predictor: Predictor, crops: list[NDArray[np.uint8]]) -> None:
    one = np.zeros((1, 1, 3), np.uint8)
    wide = np.zeros((20, 300, 3), np.uint8)
    assert len(estimate(predictor, [one, wide])) == 2
    turned = np.asfortranarray(crops[0])
    assert estimate(predictor, [turned]) == estimate(predictor, [crops[0]])


def test_no_logit_is_too_large(
    predictor: Predictor, crops: list[NDArray[np.uint8]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bundles that are averaged give the logit; e to the power of 1,000 is beyond every number."""
    logits = np.array([-1000, -104, -3, 0, 3, 104, 1000], np.float32)

    class Saying:
        def run(self, images: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
            return [logits]

    network = dataclasses.replace(predictor._networks[0], outputs={"female_logit": ()}, session=Saying())
    monkeypatch.setattr(predictor, "_networks", [network])
    side = network.image_size
    faces = predictor.predict_crops({side: np.zeros((7, side, side, 3), np.uint8)})
    assert [face.p_female for face in faces] == pytest.approx([0, 0, 0.0474259, 0.5, 0.9525741, 1, 1])


def test_what_is_no_batch_of_crops_is_refused(predictor: Predictor) -> None:
    side = predictor.bundles[0].image_size
    good = np.zeros((2, side, side, 3), np.uint8)
    for odd in (
        None,
        5,
        good,
        {},
        {side: good[0]},
        {side: good.astype(float)},
        {side: good[:, 1:]},
        {side + 1: good},
    ):
        with pytest.raises(NoImageError, match=f"A batch of crops is a dict of {side}: uint8"):
            predictor.predict_crops(odd)  # type: ignore[arg-type]
    assert len(predictor.predict_crops({side: good})) == 2


def test_one_network_leaves_the_other_estimate_open(study, crops: list[NDArray[np.uint8]]) -> None:
    both = estimate(load(study.folder, "f32"), crops[:2])
    age = estimate(load(study.folder / "age", "f32"), crops[:2])
    gender = estimate(load(study.folder / "gender", "f32"), crops[:2])
    assert age == [Face(face.age_years, age_low=face.age_low, age_high=face.age_high) for face in both]
    assert gender == [Face(None, face.p_female) for face in both]


def test_two_networks_for_one_task_are_refused(study) -> None:
    age = find_bundles(study.folder / "age")[0]
    with pytest.raises(AgeLensError, match="at most one bundle for age"):
        Predictor([age, age])


def test_an_unknown_precision_is_refused(study) -> None:
    with pytest.raises(AgeLensError, match="Precision 'f64' is not one of auto, bf16, f32"):
        load(study.folder, "f64")


def test_a_network_that_is_none_is_refused(study) -> None:
    age = find_bundles(study.folder / "age")[0]
    with pytest.raises(AgeLensError, match=r"The network in .*age cannot be used: "):
        Predictor([dataclasses.replace(age, network=b"this is no network")])


def test_images_may_come_from_a_generator(predictor: Predictor, crops: list[NDArray[np.uint8]]) -> None:
    given = predictor.predict((crop for crop in crops[:3]), crops=True)
    assert given.to_json() == predictor.predict(crops[:3], crops=True).to_json()
    assert len(given) == 3


@pytest.mark.parametrize(
    "image", [Image.new("RGB", (0, 10)), np.zeros((0, 10, 3), np.uint8)], ids=["Pillow", "array"]
)
def test_an_image_without_pixels_is_a_problem_of_its_own(
    predictor: Predictor, crops: list[NDArray[np.uint8]], image: Source
) -> None:
    found = predictor.predict([image, crops[0]], crops=True)
    assert found[0].error == "has no pixels"
    assert len(found[1].faces) == 1


def test_what_is_no_image_is_told_and_not_taken_for_the_end(
    predictor: Predictor, crops: list[NDArray[np.uint8]]
) -> None:
    with pytest.raises(ValueError, match="not NoneType"):
        predictor.predict([crops[0], None, crops[1]], crops=True)  # type: ignore[list-item]
    for nothing in (None, 3, {"a.jpg": 1}):
        with pytest.raises(ValueError, match=f"not {type(nothing).__name__}"):
            predictor.predict(nothing)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="not NoneType"):
        list(predictor.stream(iter([crops[0], None]), crops=True))  # type: ignore[list-item]


def test_predictors_and_faces_print_themselves_shortly() -> None:
    predictor = load()
    assert repr(predictor).startswith("<Predictor of age and gender from ")
    face = Face(age_years=31.0, age_distribution=(0.5, 0.5))
    assert "age_years=31.0" in repr(face)
    assert "distribution" not in repr(face)
