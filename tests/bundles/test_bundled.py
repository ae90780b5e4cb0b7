"""The network that comes with AgeLens. How well it does on people stands in its card: no person's picture is here."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import agelens
from agelens.bundles.bundle import OWN, PAGE, open_bundle
from agelens.inference.predictor import Predictor
from agelens.utils.images import load_face, read_rgb

# Bytes that each may have at most, its training manifest apart.
SIZES = {"agelens": 50e6, "small": 6e6}


@pytest.fixture(scope="module", params=OWN)
def predictor(request: pytest.FixtureRequest) -> Predictor:
    return agelens.load(request.param, precision="f32")


@pytest.fixture(scope="module")
def paths(study) -> list[Path]:
    return [Path(path) for path in pd.read_csv(study.folder / "table.csv")["path"][:40]]


@pytest.mark.parametrize("name", OWN)
def test_it_is_whole_and_small(name: str) -> None:
    bundle = open_bundle(OWN[name])
    assert bundle.tasks == ("age", "gender")
    assert len(bundle.network) < SIZES[name]
    assert (OWN[name] / PAGE).read_text(encoding="utf-8").count("</table>") >= 8


@pytest.mark.parametrize("name", OWN)
def test_its_card_tells_what_it_was_measured_on_and_what_it_is_not_for(name: str) -> None:
    card = open_bundle(OWN[name]).card
    figures = card["evaluation"]
    assert figures["settings"]["split"] == "test"
    assert not figures["settings"]["overlap_included"]
    for task in ("age", "gender"):
        assert set(figures[task]["groups"]) >= {"age_band", "age_range", "gender", "race"}
    assert figures["age"]["mae_ci95"][0] < figures["age"]["mae"] < figures["age"]["mae_ci95"][1]
    assert "non-commercial" in card["data"]["licence"]
    assert card["out_of_scope_use"]
    assert card["limitations"]
    page = (OWN[name] / PAGE).read_text(encoding="utf-8")
    assert f"<b>{100 * figures['age']['coverage']:.1f} %</b>" in page
    assert "<th>Held</th><th>Width</th>" in page
    assert card["training"]["command"].startswith("agelens train")


def test_a_face_is_an_age_its_distribution_and_a_probability(predictor: Predictor, paths: list[Path]) -> None:
    results = predictor.predict(paths, crops=True)
    for result in results:
        (face,) = result.faces
        assert face.age_years is not None
        assert face.p_female is not None
        assert face.age_distribution is not None
        assert len(face.age_distribution) == 117
        assert sum(face.age_distribution) == pytest.approx(1, abs=1e-4)
        below = np.cumsum(face.age_distribution)
        assert face.age_years == int(face.age_years)
        assert below[int(face.age_years)] >= 0.5 - 1e-6
        assert face.age_years == 0 or below[int(face.age_years) - 1] < 0.5 + 1e-6
        assert 0 <= face.p_female <= 1
    image_size = predictor.bundles[0].image_size
    again = predictor.predict([load_face(path, image_size) for path in paths], crops=True)
    assert results.faces == again.faces


def test_the_network_itself_takes_faces_of_any_size(predictor: Predictor, paths: list[Path]) -> None:
    network = predictor._networks[0].compiled
    at_side = np.stack([load_face(path, predictor.bundles[0].image_size) for path in paths])
    whole = np.stack([read_rgb(path) for path in paths])
    assert whole.shape[1] != at_side.shape[1]
    ages = np.arange(117)
    one, other = (network(faces)["age_distribution"] @ ages for faces in (at_side, whole))
    # Synthetic faces of 64 pixels, made larger by two interpolations.
    assert np.abs(one - other).mean() < 1.5
    assert np.abs(one - other[::-1]).mean() > np.abs(one - other).mean()


def test_it_is_what_predict_takes_if_nothing_is_said(
    agelens, paths: list[Path], monkeypatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = agelens("predict", "--crops", *paths[:2])
    assert answer.status == 0, answer.err
    named = agelens("predict", "--crops", *paths[:2], "--bundle", "agelens")
    assert named.out == answer.out
    assert all("age_distribution" in json.loads(line)["faces"][0] for line in answer.out.splitlines())


def test_it_is_a_backbone(agelens, study, tmp_path: Path) -> None:
    call = ["compare", study.source, "--out", tmp_path, "--backbones", "agelens", "--epochs", 2]
    answer = agelens(*call, "--cache", tmp_path / "cache", "--json")
    assert answer.status == 0, answer.err
    found = json.loads(answer.out)["age"]["AgeLens"]
    assert len(found["val_mae"]) == 2
