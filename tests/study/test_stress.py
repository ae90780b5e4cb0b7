import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import skimage.data
from PIL import Image

from agelens.bundles.bundle import find_bundles
from agelens.data.table import Faces
from agelens.evaluation.corruptions import CORRUPTIONS
from agelens.study import labelled_data
from agelens.study import stress as steps
from agelens.utils.files import read_json


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    """One picture of a face, under a name of UTKFace."""
    folder = tmp_path / "faces"
    folder.mkdir()
    Image.fromarray(skimage.data.astronaut()).crop((130, 0, 330, 200)).save(folder / "36_1_0_1.png")
    return folder


def test_figures_table_and_page_are_written(
    faces: Path, tmp_path: Path, agelens: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    # All of them are tried in tests of corruptions.
    few = tuple(one for one in CORRUPTIONS if one.name == "grey")
    monkeypatch.setattr(steps, "CORRUPTIONS", few)
    out = tmp_path / "out"
    said = agelens("stress", "agelens", faces, "--out", out, "--beside", "agelens", "--json")
    assert said.status == 0, said.err
    result = read_json(out / "stress.json")
    assert result["images"] == 1
    assert [one["name"] for one in result["networks"]] == ["agelens", "agelens"]
    levels = result["networks"][0]["levels"]
    assert {row["corruption"] for row in levels} == {"clean", "grey"}
    assert levels == result["networks"][1]["levels"]
    with (out / "stress.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * len(levels)
    assert float(rows[0]["mae"]) == levels[0]["mae"]
    assert {"found_low", "found_high", "mae_change_low", "coverage_low"} <= set(rows[0])
    page = (out / "stress.html").read_text()
    assert 'data-figure="grey-mae"' in page
    assert "occlusion-mae" not in page
    assert "https://" not in page.split("<script>")[0]


def test_pictures_that_made_the_network_are_refused(
    study: Any, agelens: Callable[..., Any], tmp_path: Path
) -> None:
    said = agelens("stress", study.folder, study.source, "--out", tmp_path / "out")
    assert said.status == 2
    assert "--overlap skip" in said.err
    assert not (tmp_path / "out").exists()


def test_of_a_run_the_test_split_is_taken(
    study: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "CORRUPTIONS", ())
    test = steps.StressTest(Path("agelens"), study.folder, crops=True, limit=None, overlap="skip")
    result = steps.stress_network(test, tmp_path / "out")
    table = pd.read_csv(study.folder / "table.csv")
    assert result["images"] == (table["split"] == "test").sum()
    assert result["source"] == study.source.name


def test_crops_of_photographs_that_made_a_network_are_left_out(
    faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (faces / "37_1_0_2.png").write_bytes((faces / "36_1_0_1.png").read_bytes() + b" ")
    read = labelled_data.read_faces
    seen = next(iter(find_bundles()[0].training_images))

    def aligned(source: Path) -> Faces:
        told = read(source)
        return told.with_table(told.table.assign(original="a.jpg", original_digest=[seen, "0" * 64]))

    monkeypatch.setattr(labelled_data, "read_faces", aligned)
    monkeypatch.setattr(steps, "CORRUPTIONS", tuple(one for one in CORRUPTIONS if one.name == "grey"))
    result = steps.stress_network(steps.StressTest(Path("agelens"), faces, overlap="skip"), tmp_path / "out")
    assert result["images"] == 1
