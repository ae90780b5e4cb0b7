"""A bundle's card with the figures of another evaluation, and what of an evaluation a card holds."""

import copy
import json
import shutil
from pathlib import Path

import pytest

from agelens.bundles.bundle import BUNDLED, OWN, PAGE, open_bundle
from agelens.errors import AgeLensError
from agelens.evaluation.over_seeds import over_seeds
from agelens.study.export import card_figures, export_bundle


def test_a_bundle_gets_the_figures_of_the_run_that_measured_it(agelens, study, tmp_path: Path) -> None:
    run = tmp_path / "run"
    call = ["evaluate", study.source, "--bundle", "agelens", "--split", "test", "--age-limits", "18"]
    answer = agelens(*call, "--out", run)
    assert answer.status == 0, answer.err
    shutil.copytree(BUNDLED, tmp_path / "bundle")
    seeds = tmp_path / "seeds.json"
    seeds.write_text("[]")
    export = ["export", tmp_path / "bundle", "--bundle", "agelens", "--out", run, "--seeds", seeds]
    assert "seeds.json does not hold the figures of several seeds" in agelens(*export).err
    told = over_seeds([{"gender": {"accuracy": 0.92}}, {"gender": {"accuracy": 0.94}}], [1, 2], "test")
    seeds.write_text(json.dumps(told))
    answer = agelens(*export)
    assert answer.status == 0, answer.err
    before, after = open_bundle(BUNDLED), open_bundle(tmp_path / "bundle")
    assert after.network == before.network
    assert after.training_images == before.training_images
    assert after.card["identity"] == before.card["identity"]
    figures = json.loads((run / "evaluation.json").read_text())
    assert after.card["evaluation"] == card_figures(figures) != figures
    page = (tmp_path / "bundle" / PAGE).read_text(encoding="utf-8")
    assert "<h2>Age limits</h2>" in page
    assert after.card["over_seeds"] == told
    assert "<h2>How much is chance</h2>" in page
    assert "93.0 (1.4) %" in page
    assert "<h2>Certainty</h2>" in page
    assert "holds no bundle" in agelens("export", tmp_path / "other", "--out", run).err


def test_a_card_holds_no_curves_and_no_pairs(study) -> None:
    figures = json.loads((study.folder / "evaluation.json").read_text())
    before = copy.deepcopy(figures)
    told = card_figures(figures)
    assert figures == before
    assert '"curve"' in json.dumps(figures)
    assert '"curve"' not in json.dumps(told)
    assert all(
        " x " not in kind for one in told["disaggregated"]["figures"].values() for kind in one["kinds"]
    )
    assert told["age"] == figures["age"]
    assert card_figures({"age": {"n": 3}}) == {"age": {"n": 3}}


def test_two_networks_are_named_by_the_bundle_that_was_asked_for(tmp_path: Path) -> None:
    for task in ("age", "gender"):
        shutil.copytree(OWN["small"], tmp_path / "two" / task)
    with pytest.raises(AgeLensError, match="holds a network for each task") as told:
        export_bundle(tmp_path / "run", tmp_path / "out", tmp_path / "two")
    assert str(told.value).startswith(str(tmp_path / "two"))
    assert str(tmp_path / "run") not in str(told.value)
    assert "--recipe adapt" in str(told.value)
