"""A study that lacks weights says so before it has done anything, and names all of them."""

import dataclasses
from pathlib import Path

import pytest

from agelens.errors import AgeLensError
from agelens.models import registry as specs
from agelens.models.weights import WeightsFile
from agelens.study import needs as module
from agelens.study.folder import StudyFolder
from agelens.study.needs import look_before, weights_of
from agelens.study.plan import TrainingPlan
from agelens.utils.files import read_json, write_json

# Port 9 (discard) has no listener here: as on a machine without a network.
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    for name, spec in specs.REGISTRY.items():
        if spec.imagenet is not None:
            away = WeightsFile(f"{NOWHERE}/{spec.imagenet.name}", spec.imagenet.digest)
            monkeypatch.setitem(specs.REGISTRY, name, dataclasses.replace(spec, imagenet=away))


def names(*backbones: str) -> list[str]:
    files = [specs.REGISTRY[backbone].imagenet for backbone in backbones]
    return [one.name for one in files if one is not None]


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize(
    ("call", "missing"),
    [
        ("compare --backbones VGG16,Xception,SmallConv", ("VGG16", "Xception")),
        ("train --gender-backbone InceptionV3", ("VGG16", "InceptionV3")),
        ("train --task age --age-backbone MobileNetV3Large", ("MobileNetV3Large",)),
        ("run --backbones MobileNetV3Small,VGG16", ("MobileNetV3Small", "VGG16", "ResNet152V2")),
        ("run", (*specs.NOTEBOOK_SEVEN,)),
    ],
)
def test_nothing_is_begun(
    call: str, missing: tuple[str, ...], agelens, faces_folder: Path, tmp_path: Path
) -> None:
    command, *options = call.split()
    said = agelens(command, faces_folder, "--out", tmp_path / "run", *options)
    assert said.status == 2
    assert not (tmp_path / "run").exists()
    others = set(specs.REGISTRY) - set(missing) - {"SmallConv"}
    for name in names(*missing):
        assert said.err.count(f"{NOWHERE}/{name}") == 1
    assert not [name for name in names(*others) if name in said.err]
    assert ("SmallConv has no ImageNet weights" in said.err) == ("SmallConv" in call)


@pytest.mark.usefixtures("offline")
def test_networks_that_begin_from_nothing_need_nothing(study, tmp_path: Path) -> None:
    run = StudyFolder(tmp_path / "run")
    look_before(run, plan=TrainingPlan(recipe="scratch"))
    look_before(run, ("VGG16",), "random", TrainingPlan(weights="random"))
    with pytest.raises(
        AgeLensError, match=r"network nowhere\.h5 does not exist.*network gone\.onnx does not exist"
    ):
        look_before(run, plan=TrainingPlan(recipe="finetune", pretrained=("nowhere.h5", "gone.onnx:tf")))


@pytest.mark.usefixtures("offline")
def test_what_a_finished_step_was_made_from_is_not_asked_for_again(tmp_path: Path) -> None:
    """A study goes on, or is looked at again, where its weights are no more."""
    folder = tmp_path / "run"
    made = {"backbones": ["VGG16"], "weights": "imagenet"}
    trained = {"backbone": "VGG16", "weights": "imagenet"}
    steps = {"compare": {"settings": made}, "train-age": {"settings": trained}}
    write_json(folder / "config.json", {"split_ratios": [0.8, 0.1, 0.1], "steps": steps})
    look_before(StudyFolder(folder), ("VGG16",), plan=TrainingPlan(tasks=("age",)))
    for run, backbones, plan in (
        (StudyFolder(folder), ("VGG16", "Xception"), None),
        (StudyFolder(folder), (), TrainingPlan()),
        (StudyFolder(folder), (), TrainingPlan(tasks=("age",), age_backbone="Xception")),
        (StudyFolder(folder, force=True), ("VGG16",), None),
    ):
        with pytest.raises(AgeLensError, match="could not be downloaded"):
            look_before(run, backbones, plan=plan)
    assert read_json(folder / "config.json")["steps"]


def test_what_was_found_is_not_looked_for_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []
    monkeypatch.setattr(module, "look_for_all", lambda needs: asked.append([need.text for need in needs]))
    run = StudyFolder(tmp_path / "run")
    look_before(run, ("VGG16", "Xception"), plan=TrainingPlan(tasks=("age",)))
    look_before(run, ("VGG16",))
    look_before(run, plan=TrainingPlan())
    assert asked == [["VGG16", "Xception", "VGG16"], [], ["ResNet152V2"]]


def test_a_network_that_learns_from_nothing_needs_no_weights() -> None:
    assert weights_of(specs.REGISTRY["SmallConv"], "imagenet") == "random"
    assert weights_of(specs.REGISTRY["VGG16"], "imagenet") == "imagenet"
    assert weights_of(None, "imagenet") == "imagenet"
    assert weights_of(specs.REGISTRY["SmallConv"], "mine.h5") == "mine.h5"
