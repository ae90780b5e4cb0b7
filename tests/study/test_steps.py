import shlex
from pathlib import Path

import pytest

from agelens.errors import AgeLensError
from agelens.study.folder import StudyFolder
from agelens.study.plan import TrainingPlan, adaptation, fine_tuning
from agelens.study.training_command import training_command
from agelens.training.finetune_recipe import FineTuning
from agelens.training.pretrained_encoders import KNOWN, KnownEncoder, PretrainedEncoder


def test_what_the_plan_says_goes_before_what_suits_the_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "face.h5"
    file.write_bytes(b"a network")
    pretrained = PretrainedEncoder(file)
    monkeypatch.setitem(
        KNOWN, pretrained.digest, KnownEncoder("from a friend", {"epochs": 8, "learning_rate": 3e-4})
    )

    def settings(**said: object) -> tuple[int, float, int]:
        recipe = fine_tuning(TrainingPlan(recipe="finetune", **said), pretrained)  # type: ignore[arg-type]
        return recipe.epochs, recipe.learning_rate, recipe.batch_size

    assert settings() == (8, 3e-4, FineTuning().batch_size)
    assert settings(epochs=3) == (3, 3e-4, FineTuning().batch_size)
    assert settings(learning_rate=1e-5, batch_size=16) == (8, 1e-5, 16)


@pytest.mark.parametrize(
    ("split_ratios", "told"), [((0.8, 0.1, 0.1), ""), ((0.86, 0.04, 0.1), "--split-ratios 86/4/10 ")]
)
def test_the_command_of_a_card_tells_how_the_faces_were_split(
    tmp_path: Path, split_ratios: tuple[float, float, float], told: str
) -> None:
    run = StudyFolder(tmp_path / "run")
    run.config = {"source": "/home/me/faces", "seed": 7, "split_ratios": list(split_ratios)}
    command = training_command(run, TrainingPlan(recipe="finetune", epochs=3), ["face.h5:tf"])
    assert command == (
        f"agelens train faces --out RUN --recipe finetune --pretrained face.h5:tf --epochs 3 {told}--seed 7"
    )


def test_the_command_of_a_card_tells_how_the_faces_were_read_and_corrected(tmp_path: Path) -> None:
    run = StudyFolder(tmp_path / "run")
    run.crops_as_they_are = True
    run.config = {
        "source": ["/home/me/my faces", "/home/me/b.csv"],
        "reading": {"format": "fairface", "columns": {"age": "My age", "gender": "Sex"}},
        "corrections": {"exclude": ["a.jpg"], "relabel": {"b.jpg": [3, None]}},
        "correction_files": {"exclude": "bad.csv"},
        "seed": 7,
    }
    command = training_command(run, TrainingPlan(recipe="adapt"), ["my bundle"])
    assert shlex.split(command) == [
        "agelens", "train", "my faces", "b.csv", "--out", "RUN", "--recipe", "adapt", "--pretrained", "my bundle",
        "--format", "fairface", "--columns", "age=My age,gender=Sex", "--exclude", "bad.csv",
        "--relabel", "relabel.csv", "--seed", "7", "--crops-as-they-are",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"recipe": "finetune", "augmented_views": 0}, "--augmented-views"),
        ({"recipe": "finetune", "soup_size": 0}, "--soup-size"),
        ({"recipe": "adapt", "augmented_views": -1}, "--augmented-views"),
        ({"recipe": "adapt", "epochs": 0}, "--epochs"),
        ({"recipe": "adapt", "source_balance": 2.0}, "--source-balance"),
    ],
)
def test_what_nothing_could_learn_by_is_refused_before_the_faces_are_looked_at(
    said: dict, words: str
) -> None:
    with pytest.raises(AgeLensError, match=words):
        TrainingPlan(**said)


def test_an_adaptation_may_learn_from_the_faces_as_they_are() -> None:
    assert adaptation(TrainingPlan(recipe="adapt", augmented_views=0), ("age",)).augmented_views == 0
