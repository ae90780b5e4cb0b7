"""A bundle's card with the figures of another evaluation, and what of an evaluation a card holds."""

import copy
import json
import math
import shutil
from pathlib import Path

import pytest

from agelens.bundles.bundle import BUNDLED, OWN, PAGE, SUMS, open_bundle
from agelens.errors import AgeLensError
from agelens.evaluation.comparison_file import read_comparison
from agelens.evaluation.label_issues_file import read_label_issues
from agelens.evaluation.over_seeds import over_seeds
from agelens.evaluation.robustness import LEVEL_COLUMNS
from agelens.evaluation.stress_file import read_stress
from agelens.study.export import card_figures, export_bundle

LABELS = {
    "source": "UTKFace and FairFace", "faces": 120, "gender_labels": 110, "estimated_wrong_genders": 7, "folds": 5,
    "age_mae": 6.5, "gender_accuracy": 0.925, "backbone": "w600k_mbf", "weights": "w600k_mbf.onnx", "top": 5,
    "table": "label_issues.csv", "page": "label_issues.html",
}  # fmt: skip


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
    stress = tmp_path / "stress.json"
    call = ["stress", "agelens", study.source, "--crops", "--limit", 10, "--out", tmp_path]
    assert agelens(*call).status == 0
    told = over_seeds([{"gender": {"accuracy": 0.92}}, {"gender": {"accuracy": 0.94}}], [1, 2], "test")
    seeds.write_text(json.dumps(told))
    call = ["compare-models", "small", "agelens", run, "--split", "test", "--out", tmp_path]
    assert agelens(*call).status == 0
    comparison, labels = tmp_path / "model_comparison.json", tmp_path / "label_issues.json"
    labels.write_text(json.dumps(LABELS))
    more = ["--stress", stress, "--comparison", comparison, "--label-issues", labels]
    answer = agelens(*export, *more)
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
    (measured,) = json.loads(stress.read_text())["networks"]
    assert after.card["stress"]["levels"] == measured["levels"]
    assert "<h2>Worse pictures</h2>" in page
    assert page.count('<th scope="row">JPEG quality</th>') == 5
    assert "<h2>Certainty</h2>" in page
    beside = after.card["comparison"]
    assert (beside["other"], beside["source"], beside["split"]) == ("small", study.source.name, "test")
    whole = json.loads(comparison.read_text())["overall"]["age_mae"]
    assert beside["overall"][0] | {"p": 0, "ci95": 0, "better": ""} == {
        "figure": "age_mae", "this": whole["second"], "other": whole["first"], "difference": whole["difference"],
        "faces": whole["faces"], "p": 0, "ci95": 0, "better": "",
    }  # fmt: skip
    assert "<h2>This network and “small” on the same faces</h2>" in page
    assert after.card["label_issues"].items() < LABELS.items()
    assert after.card["label_issues"]["estimated_wrong_genders"] == 7
    assert "estimates that 7 of their 110 gender labels (6.4 %) are wrong" in page
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


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda told: told.pop("networks"), "does not hold a stress test"),
        (lambda told: told["networks"][0]["levels"][0].pop("mae"), "does not hold a stress test"),
        (lambda told: told["networks"][0]["levels"].clear(), "does not hold a stress test"),
        (lambda told: told["networks"][0]["levels"][0].update(mae=math.nan), "does not hold a stress test"),
        (lambda told: told["networks"][0]["levels"][0].update(mae_ci95=[1.0]), "does not hold a stress test"),
        (lambda told: told.update(images=-5), "does not hold a stress test"),
        (lambda told: told.update(source="\ud800"), "does not hold a stress test"),
        (lambda told: told["networks"][0]["bundles"].update(age="another"), "is about another network"),
        (lambda told: told.update(overlap="allow"), "counts images that made the network"),
    ],
)
def test_a_stress_test_that_does_not_belong_on_the_card_is_refused(
    tmp_path: Path, change, sentence: str
) -> None:
    row = {**dict.fromkeys(LEVEL_COLUMNS), "corruption": "blur", "level": 1, "n": 10, "found": 1.0, "aged": 9}
    told = {
        "source": "faces", "images": 10, "seed": 42, "crops": True, "overlap": "refuse",
        "corruptions": {"blur": {"title": "blur", "levels": [1]}},
        "networks": [{"name": "one", "bundles": {"age": "mine", "gender": "mine"}, "levels": [row]}],
    }  # fmt: skip
    file = tmp_path / "stress.json"
    file.write_text(json.dumps(told))
    assert read_stress(file, "mine")["levels"] == [row]
    change(told)
    file.write_text(json.dumps(told))
    with pytest.raises(AgeLensError, match=sentence):
        read_stress(file, "mine")


def compared() -> dict:
    one = {
        "faces": 40, "first": 4.0, "second": 5.0, "difference": 1.0, "ci95": [0.5, 1.5], "p": 0.01, "better": "first"
    }  # fmt: skip
    few = {**one, "faces": 29}
    return {
        "names": ["one", "two"], "faces": 40, "only": [0, 0], "verdicts": [], "bundles": [{"age": "mine"}, {}],
        "overall": {"age_mae": one},
        "groups": {"age_mae": {"gender": {"female": one, "male": few}, "race": {"Asian": {**one, "better": ""}}}},
        "settings": {"data": "run", "source": "run", "table": "", "split": "test", "overlap": "skip"},
    }  # fmt: skip


def test_a_comparison_is_told_from_the_networks_own_side(tmp_path: Path) -> None:
    file = tmp_path / "model_comparison.json"
    file.write_text(json.dumps(compared()))
    told = read_comparison(file, "mine")
    assert (told["other"], told["source"]) == ("two", "run")
    (row,) = told["overall"]
    assert row["ci95"] == [-1.5, -0.5]
    assert (row["this"], row["other"], row["difference"], row["better"]) == (4.0, 5.0, -1.0, "this")
    # Groups of few faces, and those in which nobody is better, are not told.
    assert [(one["kind"], one["group"]) for one in told["groups"]] == [("gender", "female")]
    file.write_text(json.dumps({**compared(), "bundles": [{}, {"age": "mine", "gender": "mine"}]}))
    told = read_comparison(file, "mine")
    (row,) = told["overall"]
    assert (told["other"], row["this"], row["difference"], row["better"]) == ("one", 5.0, 1.0, "other")
    assert row["ci95"] == [0.5, 1.5]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda told: told.pop("bundles"), "does not hold a comparison of two networks"),
        (lambda told: told["overall"]["age_mae"].pop("p"), "does not hold a comparison of two networks"),
        (lambda told: told["bundles"][0].update(age="another"), "is about other networks"),
        (lambda told: told["bundles"][1].update(age="mine"), "compares this network with itself"),
        (lambda told: told["overall"].clear(), "does not hold a comparison of two networks"),
        (lambda told: told.update(names=[None, {"a": 1}]), "does not hold a comparison of two networks"),
        (
            lambda told: told["overall"]["age_mae"].update(ci95=[]),
            "does not hold a comparison of two networks",
        ),
        (lambda told: told["settings"].update(overlap="allow"), "counts images that made a network"),
    ],
)
def test_a_comparison_that_does_not_belong_on_the_card_is_refused(
    tmp_path: Path, change, sentence: str
) -> None:
    told, file = compared(), tmp_path / "model_comparison.json"
    change(told)
    file.write_text(json.dumps(told))
    with pytest.raises(AgeLensError, match=sentence):
        read_comparison(file, "mine")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"gender_labels": None}, "does not tell of suspicious labels"),
        ({"gender_labels": 0}, "does not tell of suspicious labels"),
        ({"age_mae": math.inf}, "does not tell of suspicious labels"),
        ({"weights": "random"}, "random weights"),
        ({"source": "faces"}, "is about labels of faces, and the network was made from FairFace and UTKFace"),
    ],
)
def test_suspicious_labels_that_say_nothing_of_the_network_are_refused(
    tmp_path: Path, change: dict, sentence: str
) -> None:
    file = tmp_path / "label_issues.json"
    file.write_text(json.dumps({**LABELS, **change}))
    with pytest.raises(AgeLensError, match=sentence):
        read_label_issues(file, "FairFace and UTKFace")


def test_what_is_for_a_card_is_refused_with_another_form(agelens, tmp_path: Path) -> None:
    answer = agelens("export", tmp_path / "out", "--format", "onnx", "--stress", tmp_path / "stress.json")
    assert answer.status == 2
    assert "are for the card of a bundle" in answer.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", [SUMS, "card.html/mine.txt", "network.onnx/mine.txt"])
def test_a_folder_that_only_looks_like_a_bundle_is_not_replaced(study, tmp_path: Path, name: str) -> None:
    target = tmp_path / "target"
    (target / name).parent.mkdir(parents=True)
    (target / SUMS).write_text("my sums")
    if name != SUMS:
        (target / name).write_text("mine")
    with pytest.raises(AgeLensError, match="holds something else than a bundle"):
        export_bundle(study.folder, target)
    assert (target / SUMS).read_text() == "my sums"
    assert (target / name).exists()


@pytest.mark.parametrize(
    "content", ["{}", "[]", '{"settings": 5}', '{"settings": {"bundles": {"age": ["x"]}}}']
)
def test_an_evaluation_that_is_none_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "evaluation.json").write_text(content)
    with pytest.raises(AgeLensError, match="is no evaluation that AgeLens wrote"):
        export_bundle(tmp_path / "run", tmp_path / "out", Path("agelens"))
