"""What `agelens train` writes into a bundle for photographs."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from agelens.bundles.bundle import open_bundle
from agelens.data.splits import CALIBRATION, hold_out_calibration
from agelens.data.synthetic.dataset import synthesize_faces
from agelens.data.table import read_table
from agelens.detection.alignment import UTKFACE, Geometry, align_faces
from agelens.detection.detector import find_detector, find_faces
from agelens.errors import AgeLensError
from agelens.evaluation.calibration import calibration_entries, fit_intervals, is_calibrated, measure_geometry
from agelens.inference.intervals import Calibration
from agelens.inference.predictor import load
from tests.conftest import IMAGE_SIZE

skimage_data = pytest.importorskip(
    "skimage.data", reason="scikit-image, whose photographs these are, is not there"
)


ENTRIES = {"geometry", "calibrated", "calibration"}


@pytest.fixture
def table(study) -> pd.DataFrame:
    return pd.read_csv(study.folder / "table.csv", keep_default_na=False)


def test_trained_networks_come_calibrated(study, table: pd.DataFrame) -> None:
    age, gender = (open_bundle(study.folder / task).card for task in ("age", "gender"))
    fitted = Calibration.from_card(age["calibration"])
    assert sum(fitted.faces) == (table["split"] == "validation").sum()
    assert "calibration" not in gender
    for card in (age, gender):
        assert 0 <= card["calibrated"]["found"] <= 1
        # Synthetic faces are no photographs: where the detector knows too few of them, there is no geometry.
        assert (card["geometry"] is None) == (card["calibrated"]["found"] < 0.5)


def test_intervals_hold_the_ages_that_they_were_calibrated_on(study, table: pd.DataFrame) -> None:
    rows = table[table["split"] == "validation"]
    faces = load(study.folder / "age").predict(rows["path"].tolist(), crops=True).faces
    intervals = np.array([face.prediction_interval for face in faces])
    held = rows["age"].between(intervals[:, 0], intervals[:, 1])
    assert held.mean() >= 0.9


def test_evaluation_tells_how_many_ages_the_intervals_hold(study) -> None:
    figures = json.loads((study.folder / "evaluation.json").read_text())["age"]
    low, high = figures["coverage_ci95"]
    assert low <= figures["coverage"] <= high
    assert figures["interval_years"] > 0
    bands = figures["groups"]["predicted_band"]
    assert sum(band["n"] for band in bands.values()) == figures["n"]
    assert all("coverage" in band for band in bands.values())
    predictions = pd.read_csv(study.folder / "predictions.csv")
    held = predictions["age"].between(predictions["age_low"], predictions["age_high"])
    assert held.mean() == pytest.approx(figures["coverage"])


def test_a_bundle_is_calibrated_before_it_is_written_and_never_again(study, table: pd.DataFrame) -> None:
    bundle = open_bundle(study.folder / "age")
    assert is_calibrated(bundle.card)
    # The same network gives the same entries, before its card holds any.
    bare = {key: value for key, value in bundle.card.items() if key not in ENTRIES}
    assert not is_calibrated(bare)
    entries = calibration_entries(replace(bundle, card=bare), table)
    assert set(entries) == ENTRIES
    assert json.loads(json.dumps(entries)) == {key: bundle.card[key] for key in ENTRIES}
    assert not is_calibrated({**bundle.card, "identity": "of another network"})


def test_faces_that_chose_the_epoch_do_not_calibrate(
    agelens, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    source = tmp_path / "faces"
    synthesize_faces(source, count=520, image_size=IMAGE_SIZE, seed=7)
    out = tmp_path / "run"
    done = agelens(
        "train", source, "--out", out, "--recipe", "scratch", "--epochs", 1, "--image-size", IMAGE_SIZE,
        "--split-ratios", "10/85/5",
    )  # fmt: skip
    assert done.status == 0, done.err
    table = hold_out_calibration(read_table(out / "table.csv"))
    held_out = table[table["split"] == CALIBRATION]
    assert len(held_out) > 190
    for task in ("age", "gender"):
        bundle = open_bundle(out / task)
        counts = table["split"].value_counts()
        assert bundle.card["data"]["images"] == {
            name: counts[name] for name in ("train", "validation", CALIBRATION)
        }
        made = Counter(bundle.training_images.values())
        assert made[CALIBRATION] == held_out["digest"].nunique()
    calibration = open_bundle(out / "age").card["calibration"]
    assert calibration["split"] == CALIBRATION
    fitted = Calibration.from_card(calibration)
    assert sum(fitted.faces) == len(held_out)
    faces = load(out / "age").predict(held_out["path"].tolist(), crops=True).faces
    assert fit_intervals(faces, held_out) == fitted


def test_the_geometry_is_that_of_the_crops(tmp_path: Path) -> None:
    photo = np.asarray(skimage_data.astronaut())
    detector = find_detector()
    landmarks = find_faces(detector, photo).landmarks
    rng = np.random.default_rng(0)
    paths = []
    wanted = Geometry(
        tuple((x * 0.8 + 0.1, y * 0.8 + 0.15) for x, y in UTKFACE.landmarks), UTKFACE.spread, 160
    )
    for number in range(12):
        shaken = landmarks + rng.normal(0, 1, landmarks.shape)
        paths.append(str(tmp_path / f"{number}.png"))
        Image.fromarray(align_faces(photo, shaken, wanted)[0]).save(paths[-1])
    found, share = measure_geometry(paths, detector)
    assert share == 1
    assert found is not None
    assert found.image_size == 160
    # Eyes decide where a crop lies; the astronaut's smile is her own.
    np.testing.assert_allclose(found.landmarks[:2], wanted.landmarks[:2], atol=0.015)
    np.testing.assert_allclose(found.landmarks, wanted.landmarks, atol=0.06)
    assert max(found.spread) < 0.05


def test_where_few_faces_are_found_there_is_no_geometry(tmp_path: Path) -> None:
    paths = []
    for number in range(4):
        paths.append(str(tmp_path / f"{number}.png"))
        image = (
            np.asarray(skimage_data.coffee())[:200, :200] if number else np.asarray(skimage_data.astronaut())
        )
        cv2.imwrite(paths[-1], image[..., ::-1])
    assert measure_geometry(paths, find_detector()) == (None, 0.25)


def test_a_crop_that_cannot_be_decoded_is_named(tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("not an image")
    with pytest.raises(AgeLensError, match=r"text\.jpg .*audit the images again"):
        measure_geometry([str(tmp_path / "text.jpg")], find_detector())
