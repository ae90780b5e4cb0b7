from pathlib import Path

import pytest

from agelens.study.folder import StudyFolder
from agelens.study.plan import TrainingPlan, fine_tuning
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
