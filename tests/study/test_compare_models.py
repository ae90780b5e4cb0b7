"""`agelens compare-models` from the command line to its page."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from filelock import FileLock

from agelens.study.compare_models import _names


@pytest.fixture
def guess(study, tmp_path: Path) -> Path:
    """Somebody's predictions: the same age for all, every gender right."""
    table = pd.read_csv(study.folder / "table.csv")
    said = pd.DataFrame({"path": table["path"], "age": 30, "gender": table["gender"]})
    said.to_csv(tmp_path / "guess.csv", index=False)
    return tmp_path / "guess.csv"


def test_a_bundle_stands_beside_anybodys_predictions(agelens, study, guess: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    call = ["compare-models", study.folder, guess, study.folder, "--split", "test", "--out", out]
    answer = agelens(*call, "--precision", "f32", "--json")
    assert answer.status == 0, answer.err
    told = json.loads((out / "model_comparison.json").read_text())
    evaluation = json.loads((study.folder / "evaluation.json").read_text())
    assert told["overall"]["age_mae"]["first"] == pytest.approx(evaluation["age"]["mae"])
    assert told["overall"]["gender_accuracy"]["first"] == pytest.approx(evaluation["gender"]["accuracy"])
    assert told["overall"]["gender_accuracy"]["second"] == 1
    assert told["settings"]["duplicates"] == "groups of near duplicates"
    assert json.loads(answer.out)["faces"] == told["faces"] == evaluation["age"]["n"]
    page = (out / "model_comparison.html").read_text(encoding="utf-8")
    assert "guess.csv" in page
    assert page.count("<h2>") == len(told["overall"])
    assert "<script" not in page


def test_a_comparison_in_the_folder_of_a_study_stands_in_its_report(
    agelens, study, guess: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "study"
    shutil.copytree(study.folder, folder)
    answer = agelens("compare-models", folder, guess, folder, "--split", "test", "--out", folder)
    assert answer.status == 0, answer.err
    assert f"report: {folder / 'report.html'}" in answer.out
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert '<section id="beside">' in page
    assert "None of these is the network" not in page
    told = json.loads((folder / "model_comparison.json").read_text())
    identities = {
        task: json.loads((folder / task / "card.json").read_text())["identity"] for task in ("age", "gender")
    }
    assert told["bundles"] == [identities, {}]
    assert told["settings"]["source"] == study.source.name
    # Nothing is added to a study while another command is at work there.
    with FileLock(folder / ".lock"):
        answer = agelens("compare-models", folder, guess, folder, "--split", "test", "--out", folder)
    assert answer.status == 2
    assert "Another agelens is at work" in answer.err


def test_faces_that_made_a_bundle_are_refused(agelens, study, guess: Path, tmp_path: Path) -> None:
    call = ["compare-models", study.folder, guess, study.folder, "--out", tmp_path / "out"]
    answer = agelens(*call)
    assert answer.status == 2
    assert "--overlap skip" in answer.err
    assert not (tmp_path / "out").exists()
    answer = agelens(*call, "--overlap", "skip")
    assert answer.status == 0, answer.err
    assert "page: " in answer.out


def test_two_files_need_no_network(agelens, study, guess: Path, tmp_path: Path) -> None:
    said = pd.read_csv(guess).assign(age=31)
    said.to_csv(tmp_path / "other.csv", index=False)
    answer = agelens("compare-models", guess, tmp_path / "other.csv", study.source, "--out", tmp_path / "out")
    assert answer.status == 0, answer.err
    told = json.loads((tmp_path / "out" / "model_comparison.json").read_text())
    assert told["settings"]["duplicates"] == "identical files"
    assert told["overall"]["gender_accuracy"]["p"] == 1


def test_the_same_one_twice_is_refused(agelens, study, guess: Path) -> None:
    answer = agelens("compare-models", guess, guess, study.source)
    assert answer.status == 2
    assert "named twice" in answer.err


def test_names_are_as_short_as_tells_them_apart() -> None:
    assert _names(Path("/home/me/a/bundle"), Path("/home/me/b/bundle")) == ("a/bundle", "b/bundle")
    assert _names(Path("agelens"), Path("old/agelens")) == ("agelens", "old/agelens")
    assert _names(Path("x/one"), Path("y/two")) == ("one", "two")


def test_faces_without_a_split_are_all_of_them(agelens, study, guess: Path, tmp_path: Path) -> None:
    said = pd.read_csv(guess).assign(age=31)
    said.to_csv(tmp_path / "other.csv", index=False)
    call = ["compare-models", guess, tmp_path / "other.csv", study.source, "--split", "test"]
    assert agelens(*call, "--out", tmp_path / "out").status == 0
    told = json.loads((tmp_path / "out" / "model_comparison.json").read_text())
    assert told["settings"]["split"] == "all"
    assert told["settings"]["source"] == study.source.name


def test_what_cannot_be_told_is_refused_before_anything_is_measured(agelens, study, tmp_path: Path) -> None:
    odd = tmp_path / "p\udcff.csv"
    answer = agelens("compare-models", odd, "agelens", study.source, "--out", tmp_path / "out")
    assert answer.status == 2
    assert "has letters that are no text; give it another name" in answer.err
    answer = agelens("stress", odd, study.source, "--out", tmp_path / "out")
    assert answer.status == 2
    assert "has letters that are no text" in answer.err
    answer = agelens("evaluate", study.source, "--out", tmp_path / "st\udcff")
    assert answer.status == 2
    assert "has letters that are no text" in answer.err


def test_a_report_that_fails_does_not_hide_the_result(agelens, study, guess: Path, tmp_path: Path) -> None:
    folder = tmp_path / "study"
    shutil.copytree(study.folder, folder)
    (folder / "stress.json").write_text("{}")
    report = (folder / "report.html").read_bytes()
    other = tmp_path / "other.csv"
    pd.read_csv(guess).assign(age=31).to_csv(other, index=False)
    answer = agelens("compare-models", guess, other, folder, "--split", "test", "--out", folder)
    assert answer.status == 1
    assert "page: " in answer.out
    assert "The result is written, but the report was not written anew: " in answer.err
    assert "stress.json does not hold a stress test" in answer.err
    assert (folder / "report.html").read_bytes() == report
    assert json.loads((folder / "model_comparison.json").read_text())["names"] == ["guess.csv", "other.csv"]


def test_ctrl_c_says_that_nothing_is_kept(agelens, study, guess: Path, tmp_path: Path, monkeypatch) -> None:
    def interrupted(*given: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("agelens.study.compare_models.compare_models", interrupted)
    answer = agelens("compare-models", guess, "agelens", study.source, "--out", tmp_path / "out")
    assert answer.status == 130
    assert "Interrupted; the command begins anew." in answer.err
