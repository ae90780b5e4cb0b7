from pathlib import Path

import pytest

from agelens.networks.face_networks import KNOWN, FaceNetwork, Init
from agelens.networks.finetune_recipe import FineTuning
from agelens.study.learn import TrainingPlan, fine_tuning


def test_what_the_plan_says_holds_in_both_rounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "face.h5"
    file.write_bytes(b"a network")
    init = Init(file)
    suited = {"second": {"epochs": 8, "learning_rate": 3e-4}}
    monkeypatch.setitem(KNOWN, init.digest, FaceNetwork("from a friend", suited))

    def rounds(**said: object) -> list[tuple[int, float, int]]:
        recipe = fine_tuning(TrainingPlan(recipe="finetune", **said), init)  # type: ignore[arg-type]
        return [(one.epochs, one.learning_rate, one.batch_size) for one in recipe.rounds]

    usual = FineTuning()
    assert rounds() == [(usual.epochs, usual.learning_rate, 64), (8, 3e-4, 64)]
    assert rounds(learning_rate=1e-5, batch_size=16) == [(usual.epochs, 1e-5, 16), (8, 1e-5, 16)]
    # Who says how many epochs there are means all of them.
    assert rounds(epochs=3) == [(3, usual.learning_rate, 64)]
    assert rounds(epochs=3, learning_rate=1e-5) == [(3, 1e-5, 64)]
