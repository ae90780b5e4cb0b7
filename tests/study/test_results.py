"""Results print, plot and become tables; what strangers named is escaped."""

import dataclasses
import shutil
from pathlib import Path

import pandas as pd
import plotly.graph_objects as go
import pytest

from agelens.errors import AgeLensError
from agelens.reporting.study_files import read_predictions
from agelens.study.network_results import ComparisonResult, EvaluationResult, TrainingResult
from agelens.study.results import AuditResult, ExplorationResult, ReportResult, SplitResult, StudyResult
from agelens.study.study import Study
from agelens.utils.files import read_json
from tests.reporting.runs import make_comparison, make_evaluation

NAMES = ("audit", "explore", "split", "compare", "train", "evaluate", "report")


@pytest.fixture(scope="module")
def results(study, tmp_path_factory: pytest.TempPathFactory) -> dict[str, StudyResult]:
    """What each step gives, of one finished study."""
    folder = tmp_path_factory.mktemp("results") / "run"
    shutil.copytree(study.folder, folder, ignore=shutil.ignore_patterns(".lock"))
    mine = Study(out=folder, progress=False)
    predictions = read_predictions(folder / "predictions.csv")
    assert predictions is not None
    return {
        "audit": mine.audit(),
        "explore": mine.explore(),
        "split": mine.split(),
        "compare": ComparisonResult(read_json(folder / "comparison.json")),
        "train": TrainingResult(
            {task: read_json(folder / task / "card.json") for task in ("age", "gender")}, folder
        ),
        "evaluate": EvaluationResult(read_json(folder / "evaluation.json"), predictions),
        "report": mine.report(),
    }


@pytest.mark.parametrize("name", NAMES)
def test_every_result_prints_plots_and_becomes_a_table(results: dict[str, StudyResult], name: str) -> None:
    result = results[name]
    kind = type(result).__name__
    assert repr(result).startswith(f"{kind}(")
    assert len(repr(result)) < 400
    page = result._repr_html_()
    assert f"<strong>{kind}</strong>" in page
    assert page.count("<tr") <= 22
    frame = result.to_frame()
    assert isinstance(frame, pd.DataFrame)
    assert len(frame) > 1
    assert len(result.charts) == len(set(result.charts)) > 0
    for chart in result.charts:
        figure = result.plot(chart)
        assert isinstance(figure, go.Figure)
        assert figure.data
        assert figure.layout.meta["alt"]
    assert result.plot().to_json() == result.plot(result.charts[0]).to_json()
    with pytest.raises(AgeLensError, match=f"There is no chart 'pie'; there are {result.charts[0]}"):
        result.plot("pie")
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.anything = 1  # type: ignore[attr-defined]


def test_the_audit_has_a_row_for_each_fault(results: dict[str, StudyResult]) -> None:
    audited = results["audit"]
    assert isinstance(audited, AuditResult)
    counts = audited.to_frame()["issue"].value_counts().to_dict()
    content = audited.content
    assert counts["unreadable"] == content["unreadable"]
    assert counts["malformed"] == content["malformed"]
    lists = content["lists"]
    assert counts.get("near duplicate", 0) + counts.get("mirrored", 0) == len(lists["near_duplicate_pairs"])
    assert counts["different age"] == len(lists["label_conflicts"]["age"])
    assert f"{content['images']:,} images: {content['usable']:,} usable images" in audited.summary()
    assert "split" not in audited.table.columns


def test_figures_of_the_tables_are_those_of_the_files(results: dict[str, StudyResult]) -> None:
    compared, measured, trained = results["compare"], results["evaluate"], results["train"]
    assert isinstance(compared, ComparisonResult)
    row = compared.to_frame().set_index("backbone").loc["SmallConv"]
    kept = compared.content["age"]["SmallConv"]
    assert (row["age_mae"], [row["age_mae_low"], row["age_mae_high"]]) == (
        kept["val_mae"][-1], kept["val_mae_ci95"],
    )  # fmt: skip
    assert compared.to_frame()["backbone"].tolist() == ["SmallConv", "no network"]
    assert isinstance(measured, EvaluationResult)
    rows = measured.to_frame().set_index(["task", "kind", "group"])
    assert rows.loc[("age", "all", "all faces"), "mae"] == measured.content["age"]["mae"]
    male = measured.content["gender"]["groups"]["gender"]["male"]
    assert rows.loc[("gender", "gender", "male"), "accuracy"] == male["accuracy"]
    ends = rows.loc[("gender", "gender", "male"), ["accuracy_low", "accuracy_high"]]
    assert ends.tolist() == male["accuracy_ci95"]
    assert isinstance(trained, TrainingResult)
    history = trained.to_frame().query("task == 'age'")
    assert history["val_loss"].tolist() == trained.cards["age"]["training"]["history"]["val_loss"]
    assert "SmallConv, epoch" in trained.summary()


def test_splits_are_counted(results: dict[str, StudyResult]) -> None:
    parts = results["split"]
    assert isinstance(parts, SplitResult)
    frame = parts.to_frame().set_index("split")
    assert frame["faces"].sum() == len(parts.table)
    assert frame["share"].sum() == pytest.approx(1)
    train = parts.table[parts.table["split"] == "train"]
    assert frame.loc["train", "mean_age"] == train["age"].mean()
    assert frame.loc["train", "groups"] == train["group"].nunique()


def test_findings_stand_below_the_counts_of_an_exploration(results: dict[str, StudyResult]) -> None:
    explored = results["explore"]
    assert isinstance(explored, ExplorationResult)
    frame = explored.to_frame().set_index("age_band")
    assert frame.loc["all", "faces"] == len(explored.table)
    assert frame.loc["all", "female"] == int((explored.table["gender"] == 1).sum())
    assert explored._repr_html_().count("<li>") == len(explored.findings) > 2


def test_names_that_are_code_are_escaped() -> None:
    table = pd.DataFrame({"path": ["a"], "age": [3], "gender": [0]})
    nasty = "<script>alert(1)</script>"
    explored = ExplorationResult({"findings": [nasty], "numbers": {}}, table)
    assert "<script>" not in explored._repr_html_()
    assert "&lt;script&gt;" in explored._repr_html_()
    assert "<script>" not in ReportResult(Path(nasty) / "report.html")._repr_html_()


def test_the_notebooks_arithmetic_stands_beside_that_of_agelens(results: dict[str, StudyResult]) -> None:
    content = results["compare"].content  # type: ignore[attr-defined]
    exact = {task: content[task] for task in ("age", "gender")}
    compared = ComparisonResult({**content, "notebook_exact": exact})
    assert compared.to_frame()["arithmetic"].tolist()[:2] == ["agelens", "notebook"]
    assert {"two_arithmetics_age", "two_arithmetics_gender"} < set(compared.charts)


def test_a_network_of_both_tasks_is_told_by_task(study) -> None:
    cards = {task: read_json(study.folder / task / "card.json") for task in ("age", "gender")}
    history = {
        f"{'val_' if key.startswith('val_') else ''}{task}_{key.removeprefix('val_')}": values
        for task, card in cards.items()
        for key, values in card["training"]["history"].items()
    }
    card = {**cards["age"], "task": "both", "training": {**cards["age"]["training"], "history": history}}
    trained = TrainingResult({"both": card}, study.folder)
    assert trained.to_frame()["task"].unique().tolist() == ["age", "gender"]
    assert trained.charts == ("training_history_age", "training_history_gender")
    with pytest.raises(AgeLensError, match=r"both\.keras does not exist: fine-tuned and adapted networks"):
        trained.model("age")


@pytest.mark.parametrize(
    ("task", "other", "column"), [("age", "gender", "age_mae"), ("gender", "age", "gender_accuracy")]
)
def test_a_comparison_of_faces_with_one_label_tells_that_one(task: str, other: str, column: str) -> None:
    content = make_comparison()
    content[other] = {}
    del content["baseline"][other], content["paired"][other]
    compared = ComparisonResult({**content, "notebook_exact": {task: content[task], other: {}}})
    assert compared.tasks == (task,)
    assert compared.summary().count("Best on the validation split") == 1
    frame = compared.to_frame()
    assert frame[column].notna().all()
    assert not [name for name in frame.columns if name.startswith(other)]
    assert compared._repr_html_()
    assert compared.charts == tuple(
        f"{name}_{task}" for name in ("learning_curves", "error_against_cost", "two_arithmetics")
    )
    assert all(compared.plot(name).data for name in compared.charts)


def test_an_exploration_draws_what_the_labels_allow() -> None:
    rows = {
        "path": ["a", "b", "c"],
        "age": [1, 3, None],
        "gender": [None, None, None],
        "source": ["x", "x", "x"],
    }
    explored = ExplorationResult({"findings": [], "numbers": {}}, pd.DataFrame(rows))
    assert explored.summary() == "3 faces from 1 to 3 years; 0 findings"
    assert explored.charts == ("age_box", "age_histogram")
    assert all(explored.plot(name).data for name in explored.charts)
    nobody = ExplorationResult({"findings": [], "numbers": {}}, pd.DataFrame({**rows, "age": [None] * 3}))
    assert nobody.summary() == "3 faces; 0 findings"
    assert nobody.charts == ()


def test_an_evaluation_of_groups_of_ages_tells_them() -> None:
    figures = {
        "n": 40, "right_group": 0.5, "right_group_ci95": [0.35, 0.65], "years_outside": 3.0,
        "years_outside_ci95": [2.0, 4.0], "one_off": 0.9, "one_off_ci95": [0.8, 0.95],
    }  # fmt: skip
    groups = {"age_group": {"20-29": figures}, "gender": {"male": figures}}
    content = {"age_group": {**figures, "confusion": {}, "groups": groups}, "settings": {}}
    rows = {"age": [24], "age_min": [20], "age_max": [29], "gender": [0], "age_years": [30.0]}
    measured = EvaluationResult(content, pd.DataFrame(rows))
    assert measured.measured == ("age_group",)
    assert repr(measured) == "EvaluationResult(age group: right group 50.0 % [35.0 %, 65.0 %], 40 faces)"
    frame = measured.to_frame().set_index(["task", "kind", "group"])
    assert frame.loc[("age_group", "age_group", "20-29"), "right_group_low"] == 0.35
    assert "confusion" not in frame.columns
    assert "20-29" in measured._repr_html_()


def test_groups_of_ages_stand_beside_exact_ages_and_are_not_drawn_as_such() -> None:
    content = {**make_evaluation(), "age_group": {"n": 1, "right_group": 1.0, "groups": {}}}
    rows = {
        "age": [24, 30],
        "age_min": [20, 30],
        "age_max": [29, 30],
        "gender": [0, 1],
        "age_years": [30.0, 33.0],
    }
    measured = EvaluationResult(content, pd.DataFrame(rows))
    assert measured.tasks == ("age", "gender")
    assert "age group: right group 100.0 %" in measured.summary()
    assert list(measured.plot("predicted_against_true").data[0].x) == [30]
