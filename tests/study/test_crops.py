"""Whole photographs are not taken for crops, by whatever command, unless someone says so."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from agelens.bundles.bundle import Bundle, find_bundles
from agelens.data.sources.reading import read_faces
from agelens.data.synthetic.dataset import synthesize_face
from agelens.data.table import read_table
from agelens.errors import AgeLensError
from agelens.evaluation.evaluate import evaluate
from agelens.inference.predictor import load
from agelens.study import crops
from agelens.study.crops import check_crops
from agelens.study.folder import StudyFolder
from agelens.utils.files import read_json


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """16 pictures of 300 x 400 pixels, each with a synthetic face that is 130 pixels high."""
    folder = tmp_path_factory.mktemp("scenes")
    for number in range(16):
        rng = np.random.default_rng(number)
        age, gender = int(rng.integers(1, 80)), number % 2
        picture = Image.fromarray(rng.integers(60, 200, (4, 3, 3), dtype=np.uint8)).resize((300, 400))
        picture.paste(
            synthesize_face(age, gender, rng, 140), (int(rng.integers(0, 160)), int(rng.integers(0, 260)))
        )
        picture.save(folder / f"{age}_{gender}_0_2017010100000{number:04d}.jpg", quality=95)
    return folder


@pytest.fixture(scope="module")
def table(scenes: Path) -> pd.DataFrame:
    return read_faces(scenes).table


@pytest.fixture(scope="module")
def bundles(study) -> list[Bundle]:
    return find_bundles(study.folder)


def test_scenes_are_not_measured_as_crops(table: pd.DataFrame, bundles: list[Bundle]) -> None:
    with pytest.raises(AgeLensError, match=r"not framed as face crops.*16.*--align.*--crops-as-they-are"):
        evaluate(table, bundles, "all", precision="f32")


def test_scenes_are_measured_as_they_are_when_told_and_the_result_says_so(
    table: pd.DataFrame, bundles: list[Bundle], study
) -> None:
    done = evaluate(table, bundles, "all", precision="f32", framed="as-they-are")
    expected = load(study.folder, "f32").predict(table["path"].tolist(), crops=True)
    assert done.predictions["age_years"].tolist() == [photo.faces[0].age_years for photo in expected]
    assert done.figures["settings"]["framed"] == "as-they-are"


def test_aligned_the_largest_face_is_measured_and_images_without_one_are_left_out(
    scenes: Path, bundles: list[Bundle], study, tmp_path: Path
) -> None:
    for path in sorted(scenes.iterdir())[:5]:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    Image.new("RGB", (300, 300), "gray").save(tmp_path / "40_1_0_20180101000000000.jpg")
    table = read_faces(tmp_path).table
    done = evaluate(table, bundles, "all", precision="f32", framed="align")
    photos = load(study.folder, "f32").predict(table["path"].tolist())
    expected = [photo.faces[0].age_years for photo in photos if photo.faces]
    assert len(expected) == 5
    assert done.predictions["age_years"].tolist() == expected
    assert done.figures["age"]["n"] == 5
    assert done.figures["settings"]["images"] == 5
    assert done.figures["settings"]["images_without_face"] == 1
    only = table[table["age"] == 40]
    with pytest.raises(AgeLensError, match="In none of the 1 images a face was found"):
        evaluate(only, bundles, "all", precision="f32", framed="align")


def test_a_run_is_looked_at_once_for_a_table(
    scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = StudyFolder(tmp_path / "run")
    run.begin(scenes)
    with pytest.raises(
        AgeLensError, match=r"Networks learn from aligned crops.*name the source again.*--crops-as"
    ):
        check_crops(run)
    assert not (run.folder / crops.FILE).exists()
    run.crops_as_they_are = True
    check_crops(run)
    tight = tmp_path / "tight"
    tight.mkdir()
    for number in range(12):
        face = synthesize_face(20 + number, number % 2, np.random.default_rng(number), 100)
        face.save(tight / f"{20 + number}_{number % 2}_0_2017010100000{number:04d}.jpg")
    other = StudyFolder(tmp_path / "other")
    other.begin(tight)
    check_crops(other)
    assert read_json(other.folder / crops.FILE)["found"] == 12
    monkeypatch.setattr(crops, "refuse_scenes", lambda *_: pytest.fail("was looked at before"))
    check_crops(other)


@pytest.mark.parametrize(
    ("command", "way_out"),
    [
        (["predict", "--crops", "SCENES", "--bundle", "STUDY"], "Leave out --crops"),
        (["evaluate", "SCENES", "--bundle", "STUDY", "--out", "NEW"], "--align"),
    ],
)  # fmt: skip
def test_each_command_refuses_scenes_in_a_sentence(
    agelens: Callable, study, scenes: Path, tmp_path: Path, command: list[str], way_out: str
) -> None:
    places = {"SCENES": scenes, "STUDY": study.folder, "NEW": tmp_path / "run"}
    said = agelens(*(places.get(word, word) for word in command))
    assert said.status == 2
    assert said.out == ""
    last = said.err.strip().splitlines()[-1]
    assert last.startswith("agelens: These images are not framed as face crops: ")
    assert way_out in last
    assert "--crops-as-they-are" in last


def test_told_so_predict_takes_scenes_for_crops(agelens: Callable, study, scenes: Path) -> None:
    said = agelens("predict", "--crops-as-they-are", "--json", scenes, "--bundle", study.folder)
    assert said.status == 0
    assert len(said.out.splitlines()) == 16
    assert '"box"' not in said.out


def test_evaluate_tells_how_images_were_taken(agelens: Callable, study, scenes: Path, tmp_path: Path) -> None:
    start = ["evaluate", scenes, "--bundle", study.folder, "--out", tmp_path / "run"]
    said = agelens(*start, "--crops-as-they-are")
    assert said.status == 0
    assert "The images were taken for face crops as they are" in said.out
    assert "would replace them" in agelens(*start, "--align").err
    aligned = agelens(*start, "--align", "--force")
    assert aligned.status == 0
    assert "as they are" not in aligned.out
    both = agelens(*start, "--align", "--crops-as-they-are")
    assert both.status == 2
    assert "exclude one another" in both.err


def test_a_study_that_trains_aligns_photographs_by_itself_and_goes_on_with_them(
    agelens: Callable, scenes: Path, tmp_path: Path
) -> None:
    command = [
        "compare", scenes, "--backbones", "SmallConv", "--weights", "random", "--epochs", "1", "--image-size", 32,
        "--head", "avg-pool", "--precision", "f32", "--cache", tmp_path / "cache", "--out", tmp_path / "run",
    ]  # fmt: skip
    said = agelens(*command)
    assert said.status == 0, said.err
    assert "the images are not aligned as crops are" in said.err
    assert "of 16 faces found and aligned" in said.err
    table = read_table(tmp_path / "run" / "table.csv")
    assert len(table) >= 12
    assert all(Path(path).is_relative_to(tmp_path / "run" / "crops") for path in table["path"])
    assert set(table["original"]) <= {str(path) for path in scenes.iterdir()}
    again = agelens(*command)
    assert again.status == 0
    assert "audit: done before" in again.err
    assert "compare: done before" in again.err


def test_label_issues_aligns_scenes_beside_another_source(
    agelens: Callable, study, scenes: Path, tmp_path: Path
) -> None:
    how = ["--backbone", "SmallConv", "--weights", "random", "--image-size", 32, "--cache", tmp_path / "cache",
           "--precision", "f32", "--top", 3]  # fmt: skip
    # What was begun without aligning is looked at.
    assert agelens("audit", scenes, "--out", tmp_path / "begun").status == 0
    refused = agelens("label-issues", "--out", tmp_path / "begun", *how)
    assert refused.status == 2
    assert "not framed as face crops" in refused.err
    assert not (tmp_path / "begun" / "label_issues.csv").exists()
    said = agelens("label-issues", study.source, scenes, "--out", tmp_path / "run", *how)
    assert said.status == 0, said.err
    table = read_table(tmp_path / "run" / "table.csv")
    aligned = table[table["original"].str.startswith(str(scenes))]
    assert len(aligned) == 16
    assert aligned["path"].str.startswith(str(tmp_path / "run")).all()
    assert set(aligned["source"]) == {scenes.name}
    listed = pd.read_csv(tmp_path / "run" / "label_issues.csv")
    assert "original_digest" in listed.columns
