"""The report's sections on suspicious labels, worse pictures and another network, and what it says is not done."""

import html
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from agelens.data.table import digest_table, write_table
from agelens.errors import AgeLensError
from agelens.evaluation.corruptions import CLEAN
from agelens.evaluation.robustness import LEVEL_COLUMNS
from agelens.reporting.checks import not_done
from agelens.reporting.report import write_report
from agelens.reporting.robustness_charts import worse_pictures
from agelens.reporting.study_files import StudyFiles
from agelens.utils.files import write_json
from tests.reporting.runs import make_evaluation, make_table

LABELS = {
    "faces": 120, "gender_labels": 118, "age_mae": 6.5, "gender_accuracy": 0.925,
    "estimated_wrong_genders": 7, "backbone": "w600k_mbf",
    "weights": "w600k_mbf.onnx", "source": "faces", "folds": 5, "top": 20,
    "table": "label_issues.csv", "page": "label_issues.html",
}  # fmt: skip


def level(corruption: str, value: float, mae: float) -> dict[str, Any]:
    row = {
        **dict.fromkeys(LEVEL_COLUMNS),
        "corruption": corruption,
        "level": value,
        "n": 40,
        "found": 1.0,
        "aged": 30,
    }
    return {**row, "mae": mae, "mae_ci95": [mae - 1, mae + 1]}


def stress_test(identity: str = "ours") -> dict[str, Any]:
    levels = [level(CLEAN, 0.0, 4.0), level("jpeg", 80, 4.25), level("jpeg", 7, 6.75), level("blur", 1, 4.5)]
    return {
        "source": "faces", "images": 40, "crops": True, "overlap": "refuse", "seed": 1,
        "corruptions": {
            "jpeg": {"title": "JPEG quality", "levels": [80, 7]},
            "blur": {"title": "Blur: % of the side", "levels": [1]},
        },
        "networks": [{"name": "<i>mine</i>", "bundles": {"age": identity}, "levels": levels}],
    }  # fmt: skip


def comparison(table: str, identity: str = "ours") -> dict[str, Any]:
    one = {
        "faces": 500, "first": 4.0, "second": 4.25, "difference": 0.25, "ci95": [0.125, 0.375], "p": 0.0002,
        "better": "first",
    }  # fmt: skip
    return {
        "names": ["mine", "other"], "faces": 500, "only": [0, 3], "neither": 0, "groups": {},
        "overall": {"age_mae": one},
        "verdicts": ["over all faces", "Age, gender female: mine is better."],
        "bundles": [{"age": identity}, {"age": "others"}],
        "settings": {"split": "test", "overlap": "skip", "data": "run", "source": "faces", "table": table},
    }  # fmt: skip


@pytest.fixture(autouse=True)
def coarse_png(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agelens.reporting.figure_files.DPI", 40)
    monkeypatch.setattr("agelens.reporting.figure_files.FORMATS", ("png",))


def words(page: str) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page)))


def test_the_checks_of_a_study_stand_in_its_report(tmp_path: Path) -> None:
    evaluation = make_evaluation()
    evaluation["settings"] = {"split": "test", "bundles": {"age": "ours"}}
    write_json(tmp_path / "evaluation.json", evaluation)
    write_json(tmp_path / "label_issues.json", LABELS)
    write_json(tmp_path / "stress.json", stress_test())
    table = make_table(tmp_path / "faces", 10)
    write_table(table, tmp_path / "table.csv")
    write_json(tmp_path / "model_comparison.json", comparison(digest_table(table)))
    page = write_report(tmp_path).read_text(encoding="utf-8")
    for section in ("labels", "worse-pictures", "beside"):
        assert f'<section id="{section}">' in page
        assert f'href="#{section}"' in page
    text = words(page)
    assert "Confident learning estimates that 7 of the 118 gender labels are wrong" in text
    assert 'href="label_issues.html"' in page
    assert 'data-figure="worse_pictures_age_1"' in page
    assert (tmp_path / "charts" / "worse_pictures_age_1.png").stat().st_size > 2000
    assert "JPEG quality 7 40 30 6.75 5.75 to 7.75" in text
    assert "<i>mine" not in page
    assert "Age: mean absolute error (years) 500 4.000 4.250 +0.250 +0.125 to +0.375 < 0.001 mine" in text
    assert "3 more that only other estimated are left out" in text
    assert "Age, gender female: mine is better." in text
    assert "Both on the same 500 faces of the test split; 3 more" in text
    assert "None of these is the network" not in text
    assert "file of predictions" not in text
    assert "These commands add more" not in text


def test_checks_of_other_networks_and_other_faces_say_so(tmp_path: Path) -> None:
    evaluation = make_evaluation()
    evaluation["settings"] = {"split": "test", "bundles": {"age": "ours"}}
    write_json(tmp_path / "evaluation.json", evaluation)
    write_json(tmp_path / "stress.json", stress_test("theirs"))
    write_json(tmp_path / "model_comparison.json", comparison("another", "theirs"))
    write_json(tmp_path / "label_issues.json", LABELS)
    write_table(make_table(tmp_path / "faces", 10), tmp_path / "table.csv")
    write_json(tmp_path / "config.json", {"steps": {"label-issues": {"settings": {"table": "another"}}}})
    text = words(write_report(tmp_path).read_text(encoding="utf-8"))
    assert text.count("None of these is the network whose figures stand above") == 2
    assert "ranked when the face table was another one" in text
    assert "Both on the same 500 faces of faces of the test split" in text


def test_of_a_file_of_predictions_nobody_can_say_what_made_it(tmp_path: Path) -> None:
    evaluation = make_evaluation()
    evaluation["settings"] = {"split": "test", "bundles": {"age": "ours"}}
    write_json(tmp_path / "evaluation.json", evaluation)
    write_json(
        tmp_path / "model_comparison.json",
        comparison("another", "theirs") | {"bundles": [{"age": "a"}, {}]},
    )
    text = words(write_report(tmp_path).read_text(encoding="utf-8"))
    assert "other is a file of predictions: what made them is not known here." in text
    assert "None of these is the network" not in text


def commands(**parts: Any) -> list[str]:
    return [command for _, command in not_done(StudyFiles(Path("my run"), **parts))]


def test_what_is_not_done_has_a_command_for_the_faces_that_were_measured(tmp_path: Path) -> None:
    write_json(tmp_path / "evaluation.json", make_evaluation())
    text = words(write_report(tmp_path).read_text(encoding="utf-8"))
    assert f"agelens label-issues --out {tmp_path}" in text
    own = {"age": {"identity": "ours"}}
    assert commands(cards=own, stress=stress_test()) == [
        "agelens label-issues --out 'my run'",
        "agelens compare-models 'my run' agelens 'my run' --split test --overlap skip --out 'my run'",
    ]
    settings = {"networks": "the bundle agelens", "split": "all", "framed": "align"}
    # The faces of the test split alone would be others, and labels are ranked of crops.
    assert commands(cards=own, evaluation={"settings": settings}) == [
        "agelens compare-models agelens small 'my run' --split all --overlap skip --align --out 'my run'"
    ]
    settings = {"networks": "the bundle a b", "split": "test", "framed": "as-they-are"}
    assert commands(evaluation={"settings": settings}) == [
        "agelens label-issues --out 'my run' --crops-as-they-are",
        "agelens stress 'a b' 'my run' --overlap skip --out 'my run'",
        "agelens compare-models 'a b' agelens 'my run' --split test --overlap skip --crops-as-they-are --out 'my run'",
    ]
    # An earlier evaluation does not say what was measured.
    assert commands(evaluation={"settings": {"split": "test"}}) == ["agelens label-issues --out 'my run'"]


def test_the_chart_has_a_mark_for_each_level_in_its_row() -> None:
    figures = worse_pictures(stress_test())
    assert list(figures) == ["worse_pictures_age_1"], "gender was not measured"
    marks = pd.DataFrame(
        [
            (trace.name, y, text, x)
            for trace in figures["worse_pictures_age_1"].data
            for x, y, text in zip(trace.x, trace.y, trace.text, strict=True)
        ]
    )
    assert marks.values.tolist() == [
        ["level 1", "JPEG quality", "80", 4.25],
        ["level 1", "Blur", "1", 4.5],
        ["level 2", "JPEG quality", "7", 6.75],
    ]
    (dashed,) = figures["worse_pictures_age_1"].layout.shapes
    assert dashed.x0 == 4.0
    assert worse_pictures({}) == {}


@pytest.mark.parametrize("name", ["stress", "model_comparison", "label_issues"])
@pytest.mark.parametrize(
    "content", ["{}", "[]", '{"networks": [], "overall": {}, "faces": 3}', '{"a":', "9" * 5000]
)
def test_a_file_that_is_none_of_ours_is_named(name: str, content: str, tmp_path: Path) -> None:
    (tmp_path / f"{name}.json").write_text(content)
    with pytest.raises(AgeLensError, match=rf"{name}\.json (does not|is not valid JSON)"):
        write_report(tmp_path)
