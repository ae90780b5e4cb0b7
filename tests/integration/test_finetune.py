"""Fine-tuning through the command line: from a face network to a bundle with a card, measured and used."""

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from agelens.bundles.bundle import find_bundles
from agelens.errors import AgeLensError
from agelens.reporting.card_page import card_page
from agelens.study.export import card_figures
from agelens.study.folder import StudyFolder
from tests.models.encoder_files import write_h5


@dataclass(frozen=True)
class Made:
    run: Path
    packed: Path
    cache: Path
    said: dict[str, str]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, faces_folder: Path) -> Made:
    from tests.conftest import agelens

    place = tmp_path_factory.mktemp("finetuned")
    pretrained = write_h5(place / "face.h5")
    run, packed, cache = place / "run", place / "packed", place / "cache"
    calls = {
        "train": [
            "train",
            faces_folder,
            "--recipe",
            "finetune",
            "--pretrained",
            pretrained,
            "--epochs",
            2,
            "--cache",
            cache,
        ],
        "evaluate": ["evaluate", "--precision", "f32"],
        "export": ["export", packed],
    }
    said = {}
    for name, call in calls.items():
        answer = agelens(*call, "--out", run, "--json")
        assert answer.status == 0, answer.err
        said[name] = answer.out
    return Made(run, packed, cache, said)


def test_the_card_tells_how_to_repeat_it_and_how_it_did(made: Made) -> None:
    card = json.loads((made.packed / "card.json").read_text(encoding="utf-8"))
    trained = json.loads(made.said["train"])["both"]
    figures = json.loads(made.said["evaluate"])
    assert card["training"] == trained["training"]
    assert card["evaluation"] == card_figures(figures)
    command = card["training"]["command"]
    assert (
        command
        == "agelens train faces --out RUN --recipe finetune --pretrained face.h5:tf --epochs 2 --seed 42"
    )
    assert card["training"]["epochs_run"] == 2
    assert set(card["training"]["validation"]) == {"float32", "int8"}
    assert card["network"]["output"][0].startswith("age_distribution")
    page = (made.packed / "card.html").read_text(encoding="utf-8")
    assert f"{figures['age']['mae']:.2f} years" in page
    assert "must not" in page
    assert ("coverage" in figures["age"]) == ("<th>Held</th><th>Width</th>" in page)
    assert card["data"]["licence"] in page
    assert not re.search(r"https?://", page), "the page loads something"
    for band in figures["age"]["groups"]["age_band"]:
        assert re.search(rf">{re.escape(band)}( \(few\))?</th>", page)


def test_the_packed_file_scores_what_the_run_said(
    made: Made, agelens, faces_folder: Path, tmp_path: Path
) -> None:
    call = [
        "evaluate",
        faces_folder,
        "--bundle",
        made.packed,
        "--split",
        "test",
        "--precision",
        "f32",
        "--json",
    ]
    answer = agelens(*call, "--out", tmp_path / "other")
    assert answer.status == 0, answer.err
    again, before = json.loads(answer.out), json.loads(made.said["evaluate"])
    assert again["age"] == before["age"]
    assert again["gender"] == before["gender"]


def test_figures_on_images_already_seen_are_not_packed(made: Made, agelens, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(made.run, run)
    evaluation = json.loads((run / "evaluation.json").read_text())
    evaluation["settings"]["overlap_included"] = True
    (run / "evaluation.json").write_text(json.dumps(evaluation))
    # As if it had been measured so.
    StudyFolder(run).accept("evaluate", ["evaluation.json"])
    answer = agelens("export", tmp_path / "packed", "--out", run)
    assert answer.status == 2
    assert "counts images that made the network or its backbone" in answer.err.replace("\n", " ")


def test_the_page_says_of_the_data_what_is_known_of_it(made: Made) -> None:
    card = json.loads((made.packed / "card.json").read_text(encoding="utf-8"))
    assert card["data"]["about"] == ""
    assert "UTKFace" not in card_page(card)
    known = {**card, "data": {**card["data"], "about": "Half of its labels are guesses."}}
    assert "<p>Half of its labels are guesses.</p>" in card_page(known)


@pytest.mark.parametrize("option", [("--precision", "f32"), ("--weights", "random")])
def test_options_of_other_recipes_are_refused(made: Made, agelens, option: tuple[str, str]) -> None:
    pretrained = made.run.parent / "face.h5"
    answer = agelens("train", "--recipe", "finetune", "--pretrained", pretrained, *option, "--out", made.run)
    assert answer.status == 2
    assert "leave out --weights and --precision" in answer.err.replace("\n", " ")


def test_training_again_takes_what_is_done(made: Made, agelens) -> None:
    pretrained = made.run.parent / "face.h5"
    call = [
        "train",
        "--recipe",
        "finetune",
        "--pretrained",
        pretrained,
        "--epochs",
        2,
        "--cache",
        made.cache,
        "--json",
    ]
    answer = agelens(*call, "--out", made.run)
    assert answer.status == 0, answer.err
    assert "train-both: done before" in answer.err
    assert json.loads(answer.out) == json.loads(made.said["train"])


def test_a_face_has_its_whole_distribution(made: Made, agelens) -> None:
    faces = list(pd.read_csv(made.run / "table.csv")["path"][:3])
    answer = agelens("predict", "--crops", *faces, "--bundle", made.packed)
    assert answer.status == 0, answer.err
    for line in answer.out.splitlines():
        (face,) = json.loads(line)["faces"]
        ensemble_weights = face["age_distribution"]
        assert len(ensemble_weights) == 117
        assert sum(ensemble_weights) == pytest.approx(1, abs=1e-3)
        median = next(age for age in range(117) if sum(ensemble_weights[: age + 1]) > 0.5)
        assert face["age_years"] == pytest.approx(median, abs=1)
        assert 0 <= face["p_female"] <= 1


def test_the_report_shows_a_network_for_both_tasks(made: Made) -> None:
    report = (made.run / "report.html").read_text(encoding="utf-8")
    assert "training_history_age" in report
    assert "training_history_gender" in report


def test_a_run_with_both_kinds_of_networks_is_asked_which(made: Made, study, tmp_path: Path) -> None:
    shutil.copytree(made.run / "both", tmp_path / "both")
    assert [bundle.tasks for bundle in find_bundles(tmp_path)] == [("age", "gender")]
    shutil.copytree(study.folder / "age", tmp_path / "age")
    with pytest.raises(AgeLensError, match="say which with --bundle"):
        find_bundles(tmp_path)


def test_what_was_not_measured_is_not_packed(made: Made, agelens, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(made.run, run)
    (run / "evaluation.json").unlink()
    answer = agelens("export", tmp_path / "packed", "--out", run)
    assert answer.status == 2
    assert "was not measured yet" in answer.err
    flattering = agelens("evaluate", "--split", "train", "--overlap", "allow", "--out", run)
    assert flattering.status == 0, flattering.err
    answer = agelens("export", tmp_path / "packed", "--out", run)
    assert answer.status == 2
    assert "on the test split" in answer.err
    assert not (tmp_path / "packed").exists()


def test_seen_images_are_left_out_when_asked(made: Made, agelens, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(made.run, run)
    answer = agelens("evaluate", "--split", "all", "--overlap", "skip", "--out", run)
    assert answer.status == 0, answer.err
    assert "images left out: they made a network, or look like some that did" in answer.out
    assert "Left out:" in (run / "report.html").read_text()


def test_packing_never_replaces_what_is_no_bundle(made: Made, agelens, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    for target in (tmp_path / "mine", made.run, made.run.parent):
        answer = agelens("export", target, "--out", made.run)
        assert answer.status == 2
        assert "give another folder" in answer.err
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"
    assert agelens("export", made.packed, "--out", made.run).status == 0
    # A bundle with something of a person's own in it, and the bundle of another network.
    for name, content in (("thesis.txt", "years of work"), ("card.json", '{"identity": "another"}')):
        copy = shutil.copytree(made.packed, tmp_path / f"with {name}")
        (copy / name).write_text(content)
        answer = agelens("export", copy, "--out", made.run)
        assert answer.status == 2
        assert "give another folder" in answer.err
        assert (copy / name).read_text() == content
