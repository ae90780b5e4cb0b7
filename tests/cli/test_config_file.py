"""`agelens run --config`: options from YAML or from another study, those of the command line first."""

import json
from inspect import signature
from pathlib import Path
from typing import Any

import pytest

from agelens.cli import study as commands
from agelens.data.sources.options import ReadingOptions
from agelens.errors import AgeLensError
from agelens.evaluation.compare_backbones import Comparison
from agelens.study.plan import TrainingPlan, study_options


class BegunError(AgeLensError):
    """The command has come as far as these tests want it."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What `agelens run` would begin a study with."""
    values: dict[str, Any] = {}
    takes = signature(commands.begin_run)

    def begin(*arguments: Any, **named: Any) -> None:
        values.update(takes.bind(*arguments, **named).arguments)
        raise BegunError("begun")

    monkeypatch.setattr(commands, "load_keras", lambda: None)
    monkeypatch.setattr(commands, "begin_run", begin)
    return values


def test_options_come_from_yaml_and_those_given_beside_it_win(
    agelens, asked: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "faces").mkdir()
    file = tmp_path / "study.yaml"
    file.write_text(
        "source: faces\nbackbones: [SmallConv, VGG16]\nimage-size: 64\nseed: 7\nsplit_ratios: [86, 4, 10]\n"
        "recipe: scratch\ncrops_as_they_are: true\nlimit: null\n"
    )
    answer = agelens("run", "--config", file, "--seed", "8", "--out", tmp_path / "run")
    assert answer.err == "agelens: begun\n"
    assert asked["source"] == [tmp_path / "faces"]
    assert (asked["out"], asked["seed"], asked["limit"]) == (tmp_path / "run", 8, None)
    assert (asked["backbones"], asked["split_ratios"]) == ("SmallConv,VGG16", "86/4/10")
    assert asked["plan"] == TrainingPlan(recipe="scratch", image_size=64)
    assert asked["crops_as_they_are"] is True
    assert asked["force"] is False


def test_a_study_is_repeated_from_its_config(agelens, asked: dict[str, Any], tmp_path: Path) -> None:
    plan = TrainingPlan(recipe="scratch", image_size=48, precision="f32", cache=tmp_path / "cache", epochs=3)
    comparison = Comparison(
        ("SmallConv",), "random", 48, "avg-pool", precision="f32", cache=tmp_path / "cache"
    )
    config = {
        "source": str(tmp_path), "seed": 5, "limit": 60, "split_ratios": [0.8, 0.1, 0.1], "steps": {"audit": {}},
        "versions": {}, "reading": {"format": "manifest", "columns": {"age": "Alter", "gender": "Sex"}},
        "options": {**study_options(comparison, plan), "exclude": "left out.csv", "relabel": None},
    }  # fmt: skip
    file = tmp_path / "config.json"
    file.write_text(json.dumps(config))
    (tmp_path / "left out.csv").touch()
    answer = agelens("run", "--config", file, "--backbones", "VGG16")
    assert answer.err == "agelens: begun\n"
    assert (asked["source"], asked["seed"], asked["limit"]) == ([tmp_path], 5, 60)
    assert (asked["split_ratios"], asked["backbones"]) == ("0.8/0.1/0.1", "VGG16")
    assert asked["plan"] == TrainingPlan(**{**vars(plan), "weights": "random"})
    assert asked["reading"] == ReadingOptions("manifest", {"age": "Alter", "gender": "Sex"})
    assert (asked["exclude"], asked["relabel"]) == (tmp_path / "left out.csv", None)


def test_several_sources_are_found_beside_the_file(agelens, asked: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "faces").mkdir()
    file = tmp_path / "study.yaml"
    file.write_text("source: [faces, elsewhere.csv]\n")
    agelens("run", "--config", file)
    assert asked["source"] == [tmp_path / "faces", Path("elsewhere.csv")]


BAD = {
    "source: [faces, 7]": "which is not a path or paths",
    "bakbones: VGG16": "unknown option 'bakbones'; do you mean backbones?",
    "force: true": "unknown option 'force'; known are age_backbone, backbones",
    "image_size: 64.5": "says image_size: 64.5, which is not a whole number",
    "image_size: true": "which is not a whole number",
    "seed: '5'": "which is not a whole number",
    "notebook_exact: 1": "which is not true or false",
    "recipe: [scratch]": "which is not text",
    "image_size: 8": "Invalid value for '--image-size': it takes a number from 16 up.",
    "head: round": "'round' is not one of",
    "- a": "holds no options",
    "a: [": "is neither YAML nor the config.json of a study",
    "": "holds no options",
    "steps: {}": "was made step by step",
    "{steps: {}, options: {limit: 40}, reading: 5}": "its entry reading holds no options",
    "return: foo": "unknown option 'return'; ",
    "limit: 50\nlimit: 60": "it says limit twice; say it once",
    "image-size: 32\nimage_size: 64": "it says image_size twice; say it once",
    "columns: {age: null}": "which is not text",
    "[" * 5000: "is nested too deep",
}


@pytest.mark.parametrize("text", BAD)
def test_what_cannot_be_taken_is_one_sentence(
    agelens, asked: dict[str, Any], tmp_path: Path, text: str
) -> None:
    file = tmp_path / "study.yaml"
    file.write_text(text)
    answer = agelens("run", "--config", file)
    assert (answer.status, answer.out, asked) == (2, "", {})
    assert BAD[text] in answer.err
    assert answer.err.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"limit": 50, "limit": 60}', "says limit twice"),
        ("[" * 100_000, "nested too deep"),
        ('{"a":' * 100_000, "deep"),
    ],
)
def test_json_is_told_as_yaml_is(
    agelens, asked: dict[str, Any], tmp_path: Path, text: str, words: str
) -> None:
    file = tmp_path / "config.json"
    file.write_text(text)
    answer = agelens("run", "--config", file)
    assert (answer.status, answer.out, asked) == (2, "", {})
    assert words in answer.err
    assert answer.err.count("\n") == 1


def test_a_file_that_is_not_there_is_told(agelens, tmp_path: Path) -> None:
    answer = agelens("run", "--config", tmp_path / "gone.yaml")
    assert answer.status == 2
    assert "gone.yaml cannot be read" in answer.err
