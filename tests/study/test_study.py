"""A study from Python: it goes on where the command line was, and each step gives what its files hold."""

import shutil
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

import agelens as package
from agelens.data.loaders import FaceBatches
from agelens.errors import AgeLensError
from agelens.study.folder import StudyFolder
from agelens.study.study import Study
from agelens.utils.files import read_json

SMALL = {"weights": "random", "image_size": 32, "precision": "f32"}


@pytest.fixture
def mine(study, tmp_path: Path) -> Study:
    """The finished study of the command line, to be gone on with from Python."""
    shutil.copytree(study.folder, tmp_path / "run", ignore=shutil.ignore_patterns(".lock"))
    return Study(study.source, tmp_path / "run", cache=study.cache, progress=False)


def finished(study: Study) -> dict[str, str]:
    """When each step was done."""
    return {name: step["finished_at"] for name, step in read_json(study.out / "config.json")["steps"].items()}


def test_python_goes_on_with_what_the_command_line_did(
    mine: Study, capfd: pytest.CaptureFixture[str]
) -> None:
    before = finished(mine)
    audited = mine.audit()
    compared = mine.compare("SmallConv", epochs=2, **SMALL)
    trained = mine.train(recipe="scratch", epochs=2, image_size=32, precision="f32")
    measured = mine.evaluate(precision="f32")
    assert finished(mine) == before
    assert audited.content == read_json(mine.out / "audit.json")
    assert compared.content == read_json(mine.out / "comparison.json")
    assert trained.cards == {task: read_json(mine.out / task / "card.json") for task in ("age", "gender")}
    assert measured.content == read_json(mine.out / "evaluation.json")
    assert len(measured.predictions) == measured.content["settings"]["images"]
    # Nothing was to be shown.
    assert capfd.readouterr().err == ""


def test_force_does_a_step_again_and_no_other(mine: Study) -> None:
    rounds = lambda: read_json(mine.out / "config.json").get("rounds", {})  # noqa: E731
    mine.evaluate(precision="f32", force=True)
    assert rounds() == {"evaluate": 1}
    mine.evaluate(precision="f32", force=True)
    assert rounds() == {"evaluate": 2}


def test_each_step_does_those_before_it(faces_folder: Path, tmp_path: Path) -> None:
    study = Study(str(faces_folder), tmp_path / "run", limit=60, seed=3, progress=False)
    explored = study.explore()
    assert set(finished(study)) == {"audit", "explore"}
    assert explored.content == read_json(tmp_path / "run" / "exploration.json")
    table = study.split().table
    assert len(table) == len(explored.table) <= 60
    assert set(table["split"]) == {"train", "validation", "test"}
    assert study.report().path == tmp_path / "run" / "report.html"
    # A study goes on without its source; another seed is another study.
    pd.testing.assert_frame_equal(Study(out=tmp_path / "run", progress=False).split().table, table)
    with pytest.raises(AgeLensError, match="was begun with seed 3 and not 4"):
        Study(out=tmp_path / "run", seed=4, progress=False).split()


def test_the_keras_model_estimates_as_the_bundle(mine: Study) -> None:
    trained = mine.train(recipe="scratch", epochs=2, image_size=32, precision="f32")
    rows = mine.split().table.head(20)
    images = FaceBatches(rows, "age", 32)[0][0]
    faces = [
        photo.faces[0]
        for photo in package.load(trained.folder, precision="f32").predict(list(images), crops=True)
    ]
    for task, estimates in (("age", [f.age_years for f in faces]), ("gender", [f.p_female for f in faces])):
        model = trained.model(task)
        assert isinstance(model, keras.Model)
        np.testing.assert_allclose(model.predict(images, verbose=0)[:, 0], estimates, rtol=1e-3, atol=2e-3)
    with pytest.raises(
        AgeLensError, match="No network was trained for 'race'; there are networks for age, gender"
    ):
        trained.model("race")


def test_a_keras_model_that_is_gone_is_made_again_from_the_training(mine: Study) -> None:
    settings = {"recipe": "scratch", "epochs": 2, "image_size": 32, "precision": "f32"}
    before = mine.train("age", **settings)
    weights = before.model("age").get_weights()
    (mine.out / "age.keras").unlink()
    again = mine.train("age", **settings)
    # The states of its epochs are still there: nothing is trained, and the network is the same.
    assert again.cards["age"]["training"] == before.cards["age"]["training"]
    for one, other in zip(again.model("age").get_weights(), weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_folder_is_free_between_steps_and_taken_within_them(mine: Study) -> None:
    mine.split()
    with mine._at_work() as folder:
        assert folder._lock is not None
        assert folder._lock.is_locked
        lock = folder._lock
    assert not lock.is_locked


def test_wrong_words_are_sentences(mine: Study) -> None:
    with pytest.raises(TypeError, match="epoch"):
        mine.train(epoch=3)  # type: ignore[call-arg]
    with pytest.raises(AgeLensError, match="There is no task 'race'"):
        mine.train("race")
    with pytest.raises(AgeLensError, match="exclude one another"):
        Study(out=mine.out, crops_as_they_are=True).evaluate(align=True)


def test_a_table_that_is_split_keeps_its_split(mine: Study, tmp_path: Path) -> None:
    table = mine.split().table.assign(split=lambda rows: ["train", "validation", "test"] * (len(rows) // 3) +
                                      ["train"] * (len(rows) % 3)).drop(columns="group")  # fmt: skip
    own = Study(table, tmp_path / "own", progress=False)
    assert own.split().table["split"].tolist() == table["split"].tolist()
    assert StudyFolder(tmp_path / "own").config["synthetic"] is True
    with pytest.raises(AgeLensError, match="split already, and a study of it audits nothing"):
        own.audit()
    with pytest.raises(AgeLensError, match="leave out limit and split_ratios"):
        Study(table, tmp_path / "own", limit=50)


def test_a_split_that_tears_duplicates_apart_is_refused(mine: Study, tmp_path: Path) -> None:
    table = mine.split().table
    twin = table["group"].duplicated(keep=False)
    assert twin.any()
    torn = table.assign(
        split=["train", "validation", "test"] * (len(table) // 3) + ["train"] * (len(table) % 3)
    )
    with pytest.raises(AgeLensError, match=r"\d groups of near duplicates stand in more than one split"):
        Study(torn, tmp_path / "torn", progress=False).split()
    with pytest.raises(AgeLensError, match="There is no split 'dev'"):
        Study(table.assign(split="dev"), tmp_path / "torn", progress=False).split()
    with pytest.raises(AgeLensError, match="has no column digest"):
        Study(table.drop(columns="digest"), tmp_path / "torn", progress=False).split()


def test_a_table_without_a_split_is_audited_and_split(faces_folder: Path, tmp_path: Path) -> None:
    faces = package.read_faces(faces_folder)
    study = Study(faces.table, tmp_path / "run", progress=False)
    audited = study.audit()
    assert audited.content["images"] == len(faces.table)
    assert study.split().table["path"].tolist() == audited.table["path"].tolist()
    assert repr(study) == f"Study(source='a face table', out='{tmp_path / 'run'}')"


def test_settings_of_one_recipe_are_refused_for_another(mine: Study) -> None:
    with pytest.raises(AgeLensError, match="--teacher belongs to --recipe finetune"):
        mine.train(teacher="agelens")
    with pytest.raises(AgeLensError, match="--pretrained belongs to --recipe finetune or adapt"):
        mine.train(pretrained=mine.out / "age")
    for recipe in ("notebook", "finetune", "adapt"):
        with pytest.raises(
            AgeLensError, match="--teacher has an empty name; name a network, or leave it out"
        ):
            mine.train(recipe=recipe, pretrained=mine.out / "age", teacher="")
        with pytest.raises(AgeLensError, match="--pretrained has an empty name"):
            mine.train(recipe=recipe, pretrained=["", mine.out / "age"])
