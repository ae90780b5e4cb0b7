"""Files of a study that were altered since they were written."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agelens.errors import AgeLensError
from agelens.study.folder import StudyFolder
from agelens.study.seals import read_config, sealed_config
from agelens.utils.files import write_json, write_text


@pytest.fixture
def copy(study: Any, tmp_path: Path) -> Path:
    shutil.copytree(study.folder, tmp_path / "copy")
    return tmp_path / "copy"


def flip(file: Path, old: str, new: str) -> None:
    """One digit is another."""
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def counting(folder: StudyFolder, name: str, log: list[str]) -> Callable[[], None]:
    def work() -> None:
        log.append(name)
        write_text(folder.folder / name, "4.5\n")

    return work


@pytest.mark.parametrize("name", ["figures.json", "faces.csv"])
def test_an_altered_result_is_computed_again(name: str, tmp_path: Path) -> None:
    log: list[str] = []
    said: list[str] = []
    run = StudyFolder(tmp_path, say=said.append)
    for _ in range(2):
        run.step("count", {}, [name], counting(run, name, log))
    assert log == [name]
    flip(tmp_path / name, "4", "6")
    run.step("count", {}, [name], counting(run, name, log))
    assert log == [name, name]
    assert f"count: computed again, for {name} was altered or damaged" in said
    assert (tmp_path / name).read_text() == "4.5\n"
    run.step("count", {}, [name], counting(run, name, log))
    assert len(log) == 2


def test_what_people_may_edit_is_theirs(tmp_path: Path) -> None:
    log: list[str] = []
    run = StudyFolder(tmp_path)
    run.step("count", {}, ["list.csv"], counting(run, "list.csv", log), edited=["list.csv"])
    flip(tmp_path / "list.csv", "4", "6")
    run.step("count", {}, ["list.csv"], counting(run, "list.csv", log), edited=["list.csv"])
    assert log == ["list.csv"]
    assert (tmp_path / "list.csv").read_text() == "6.5\n"


def test_who_alters_a_file_on_purpose_can_say_so(tmp_path: Path) -> None:
    log: list[str] = []
    run = StudyFolder(tmp_path)
    run.step("count", {}, ["list.csv"], counting(run, "list.csv", log))
    flip(tmp_path / "list.csv", "4", "6")
    run.accept("count", ["list.csv"])
    run.step("count", {}, ["list.csv"], counting(run, "list.csv", log))
    assert log == ["list.csv"]


def test_an_altered_configuration_is_refused(tmp_path: Path) -> None:
    config = {"seed": 42, "split_ratios": (0.8, 0.1, 0.1), "source": "faces"}
    write_json(tmp_path / "config.json", sealed_config(config))
    assert read_config(tmp_path / "config.json") == {**config, "split_ratios": [0.8, 0.1, 0.1]}
    flip(tmp_path / "config.json", "42", "46")
    with pytest.raises(AgeLensError, match=r"config\.json is not as AgeLens wrote it"):
        StudyFolder(tmp_path)


def test_an_altered_table_is_refused_until_the_audit_makes_it_again(agelens, study, copy: Path) -> None:
    table = (copy / "table.csv").read_text()
    flip(copy / "table.csv", ",train", ",test")
    calls = (
        ["evaluate", "--out", copy],
        ["compare-models", "agelens", "small", copy, "--overlap", "skip", "--out", copy / "out"],
        ["stress", "agelens", copy, "--out", copy / "out"],
        ["annotations", copy, "--export", "fiftyone", "--out", copy / "out"],
    )
    for call in calls:
        answer = agelens(*call)
        assert answer.status == 2, call
        assert "table.csv is not as the audit left it" in answer.err
        assert not (copy / "out").exists()
    answer = agelens("audit", study.source, "--out", copy)
    assert answer.status == 0, answer.err
    assert "audit: computed again, for table.csv was altered or damaged" in answer.err
    assert (copy / "table.csv").read_text() == table


def test_altered_figures_reach_no_card_and_no_report_in_silence(agelens, copy: Path) -> None:
    figures = json.loads((copy / "evaluation.json").read_text())
    figures["age"]["mae"] = 1.5
    write_json(copy / "evaluation.json", figures)
    answer = agelens("export", copy.parent / "bundle", "--out", copy, "--bundle", "agelens")
    assert answer.status == 2
    assert "evaluation.json is not as it was measured" in answer.err
    from agelens.reporting.report import write_report

    page = write_report(copy).read_text(encoding="utf-8")
    assert "evaluation.json is not as AgeLens wrote" in page
