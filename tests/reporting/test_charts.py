"""Charts show the numbers that they were given, and their PNG files show something."""

import math
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from PIL import Image

from agelens.errors import AgeLensError
from agelens.reporting import dataset_charts as charts
from agelens.reporting import prediction_charts, result_charts
from agelens.reporting.face_grid import write_grid
from agelens.reporting.figure_files import write_figure
from agelens.reporting.training_chart import training_history

NAMES = ("VGG16", "Xception", "MobileNetV3Small")


@pytest.fixture(autouse=True)
def coarse_png(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw small PNG files: what is tested here does not hang on their resolution."""
    monkeypatch.setattr("agelens.reporting.figure_files.DPI", 50)


@pytest.fixture
def table() -> pd.DataFrame:
    random = np.random.default_rng(7)
    ages = random.integers(1, 90, 200)
    races = random.choice(["White", "Asian"], 200)
    return pd.DataFrame({"age": ages, "gender": [0] * 120 + [1] * 80, "race": races})


def comparison(first_mae: float = 14.0) -> dict[str, Any]:
    """Three backbones over five epochs."""
    results: dict[str, Any] = {"age": {}, "gender": {}, "baseline": {"age": {"val_mae": 15.0}}}
    for index, name in enumerate(NAMES):
        mae = [first_mae, 9.0, 8.5, 8.2, 8.0 + index]
        accuracy = [0.7, 0.8, 0.85, 0.86, 0.87 + index / 100]
        speed = {"images_per_second": 80.0 * (index + 1)}
        ci95 = [7.5 + index, 8.6 + index]
        results["age"][name] = {"train_mae": mae, "val_mae": mae, "val_mae_ci95": ci95, **speed}
        results["gender"][name] = {"train_accuracy": accuracy, "val_accuracy": accuracy, **speed}
    return results


def evaluation() -> dict[str, Any]:
    """Two age bands out of order, and a race without a figure."""
    band = {"n": 50, "mae": 5.0, "mae_ci95": [4.2, 6.1]}
    groups = {
        "age_band": {"80+": {**band, "mae": 9.0, "mae_ci95": None}, "0-9": band},
        "gender": {"male": band},
        "race": {"Other": {"n": 1, "mae": None}},
    }
    return {"age": {"n": 100, "mae": 6.0, "groups": groups}}


def ink(path: Path) -> float:
    """The share of pixels that are not white."""
    with Image.open(path) as image:
        return float((np.asarray(image.convert("L")) < 250).mean())


def test_histogram_has_a_bin_a_year(table: pd.DataFrame) -> None:
    bars = charts.age_histogram(table).data[0]
    assert list(bars.x) == list(range(int(table["age"].max()) + 1))
    assert sum(bars.y) == 200
    assert bars.y[40] == (table["age"] == 40).sum()
    assert set(np.atleast_1d(bars.width)) == {1.0}


def test_gender_charts_count(table: pd.DataFrame) -> None:
    pie = charts.gender_donut(table).data[0]
    assert dict(zip(pie.labels, pie.values, strict=True)) == {"Male": 120, "Female": 80}
    assert pie.hole > 0
    bars = charts.gender_bar(table).data
    assert [(bar.y[0], bar.x[0], bar.text[0]) for bar in bars] == [("Male", 120, "120"), ("Female", 80, "80")]


def test_box_is_notched_and_violin_keeps_every_age(table: pd.DataFrame) -> None:
    assert charts.age_box(table).data[0].notched
    assert sorted(charts.age_violin(table).data[0].x) == sorted(table["age"])


def test_age_by_gender_by_race(table: pd.DataFrame) -> None:
    figure = charts.age_gender_race(table)
    assert [trace.name for trace in figure.data] == ["Male", "Female"]
    assert sum(len(trace.y) for trace in figure.data) == 200
    assert [name.split("<br>")[0] for name in figure.layout.xaxis.categoryarray] == ["White", "Asian"]
    alone = charts.age_gender_race(table.drop(columns="race"))
    assert list(alone.layout.xaxis.categoryarray) == ["All faces<br>n 200"]


def test_every_chart_says_how_many_and_has_an_alt_text(table: pd.DataFrame) -> None:
    for draw in (
        charts.gender_donut,
        charts.gender_bar,
        charts.age_histogram,
        charts.age_violin,
        charts.age_box,
    ):
        layout = draw(table).layout
        assert layout.title.subtitle.text == "n = 200 faces"
        assert layout.meta["alt"].endswith(".")
    assert charts.gender_bar(table.head(1)).layout.title.subtitle.text == "n = 1 face"


def test_learning_curves_have_two_panels_and_a_baseline() -> None:
    figure = result_charts.learning_curves(comparison(), "age")
    panels = [(trace.name, trace.xaxis) for trace in figure.data]
    assert panels == [(name, axis) for name in NAMES for axis in ("x", "x2")]
    assert list(figure.data[0].x) == [1, 2, 3, 4, 5]
    assert {shape.y0 for shape in figure.layout.shapes} == {15.0}
    looks = {(t.line.color, t.line.dash, t.marker.symbol) for t in figure.data}
    assert len(looks) == len(NAMES)
    assert figure.layout.yaxis.type != "log"


def test_two_arithmetics_are_two_panels_with_one_scale() -> None:
    one = comparison()
    exact = {"age": {"VGG16": {"val_mae": [30.0, 20.0]}}}
    figure = result_charts.two_arithmetics({**one, "notebook_exact": exact}, "age")
    assert [trace.name for trace in figure.data] == ["VGG16", "VGG16"]
    assert list(figure.data[0].y) == one["age"]["VGG16"]["val_mae"]
    assert list(figure.data[1].y) == [30.0, 20.0]
    assert [note.text for note in figure.layout.annotations][:2] == ["AgeLens", "The notebook's arithmetic"]


def test_one_huge_error_makes_the_axis_logarithmic() -> None:
    assert result_charts.learning_curves(comparison(400.0), "age").layout.yaxis.type == "log"


def test_error_against_cost_has_intervals_and_leaves_out_unknown_speeds() -> None:
    value = comparison()
    value["age"]["Xception"]["images_per_second"] = None
    figure = result_charts.error_against_cost(value, "age")
    assert [trace.name for trace in figure.data] == ["VGG16", "MobileNetV3Small"]
    assert figure.data[0].error_y.array[0] == pytest.approx(0.6)
    assert figure.data[0].error_y.arrayminus[0] == pytest.approx(0.5)
    low, high = figure.layout.xaxis.range
    assert low < math.log10(80) < math.log10(240) < high


def test_training_history_marks_the_kept_epoch() -> None:
    history = {"loss": [3.0, 2.0, 1.0], "val_loss": [3.0, 2.5, 2.7]}
    card = {"task": "age", "training": {"history": history, "best_epoch": 2}}
    mark = training_history(card).data[2]
    assert (mark.x[0], mark.y[0]) == (2, 2.5)
    assert mark.name == "Kept: epoch 2"


@pytest.mark.parametrize(
    ("recipe", "words"), [("notebook", "Loss: MAE (years)"), ("finetune", "Loss: cross-entropy and")]
)
def test_training_history_says_what_the_loss_is(recipe: str, words: str) -> None:
    training = {"recipe": recipe, "history": {"loss": [5.0, 4.0], "val_loss": [5.0, 4.5]}}
    figure = training_history({"task": "age", "training": training})
    assert figure.layout.yaxis.title.text.startswith(words)


def test_training_history_marks_the_epochs_that_were_averaged() -> None:
    history = {"loss": [5.0, 4.0, 3.0], "val_loss": [5.0, 4.0, 4.5]}
    training = {"history": history, "best_epoch": 2, "kept_epochs": [2, 3]}
    mark = training_history({"task": "age", "training": training}).data[2]
    assert (mark.x, mark.y, mark.name) == ((2, 3), (4.0, 4.5), "Averaged: epochs 2 and 3")


def test_groups_are_in_order_and_without_the_unmeasured() -> None:
    figure = result_charts.error_by_group(evaluation())
    assert [list(trace.y) for trace in figure.data] == [["0-9  (n 50)", "80+  (n 50)"], ["male  (n 50)"]]
    assert list(figure.data[0].error_x.array) == [pytest.approx(1.1), 0.0]
    assert result_charts.has_groups(evaluation(), "age")
    assert not result_charts.has_groups(evaluation(), "gender")


def test_loss_and_accuracy_of_a_gender_network_stand_side_by_side() -> None:
    history = {"loss": [0.7, 0.5], "val_loss": [0.6, 0.4], "accuracy": [0.5, 0.7], "val_accuracy": [0.6, 0.8]}
    figure = training_history({"task": "gender", "training": {"history": history, "best_epoch": 2}})
    drawn = {(trace.name, trace.yaxis): list(trace.y) for trace in figure.data}
    assert drawn == {
        ("Training", "y"): history["loss"],
        ("Validation", "y"): history["val_loss"],
        ("Kept: epoch 2", "y"): [0.4],
        ("Training", "y2"): history["accuracy"],
        ("Validation", "y2"): history["val_accuracy"],
        ("Kept: epoch 2", "y2"): [0.8],
    }
    assert figure.layout.meta["panels"] == 2
    assert (figure.layout.yaxis.title.text, figure.layout.yaxis2.title.text) == ("Loss: log loss", "Accuracy")


def genders() -> pd.DataFrame:
    """Three labelled male, one of them predicted female; five labelled female, two of them predicted male."""
    return pd.DataFrame(
        {"gender": [0, 0, 0, 1, 1, 1, 1, 1], "p_female": [0.1, 0.2, 0.7, 0.9, 0.5, 0.8, 0.3, 0.15]}
    )


def test_the_confusion_matrix_counts_by_label() -> None:
    trace = prediction_charts.gender_confusion(genders()).data[0]
    assert [[cell.split("<br>")[0] for cell in row] for row in trace.text] == [["2", "1"], ["2", "3"]]
    assert np.asarray(trace.z) == pytest.approx(np.array([[2 / 3, 1 / 3], [0.4, 0.6]]))
    alone = prediction_charts.gender_confusion(genders().query("gender == 1"))
    assert alone.data[0].text[0][0] == "0<br>0.0%"


def test_the_roc_curve_has_the_share_of_pairs_in_order_as_its_area() -> None:
    table = genders()
    female, male = (table.loc[table["gender"] == code, "p_female"].to_numpy() for code in (1, 0))
    in_order = float((female[:, None] > male[None, :]).mean())
    curve, _, point = prediction_charts.gender_roc(table).data
    assert curve.name == f"AUC {in_order:.3f}"
    assert (curve.x[0], curve.y[0], curve.x[-1], curve.y[-1]) == (0, 0, 1, 1)
    assert (point.x[0], point.y[0]) == (pytest.approx(1 / 3), pytest.approx(0.6))
    assert not prediction_charts.has_roc(table.query("gender == 1"))


def test_medians_of_estimates_by_band() -> None:
    predictions = pd.DataFrame({"age": [21, 25, 29, 71], "age_years": [30.0, 31.0, 40.0, 60.0]})
    medians = prediction_charts.predicted_against_true(predictions).data[2]
    assert list(medians.x) == [25.0, 71.0]
    assert list(medians.y) == [31.0, 60.0]


def test_every_chart_becomes_a_png_an_svg_and_a_pdf(table: pd.DataFrame, tmp_path: Path) -> None:
    history = {"loss": [3.0, 2.0], "val_loss": [3.0, 2.5]}
    figures = {
        "donut": charts.gender_donut(table),
        "bar": charts.gender_bar(table),
        "histogram": charts.age_histogram(table),
        "violin": charts.age_violin(table),
        "box": charts.age_box(table),
        "races": charts.age_gender_race(table),
        "curves": result_charts.learning_curves(comparison(400.0), "age"),
        "cost": result_charts.error_against_cost(comparison(), "gender"),
        "history": training_history({"task": "gender", "training": {"history": history}}),
        "scatter": prediction_charts.predicted_against_true(table.assign(age_years=table["age"] + 2.0)),
        "groups": result_charts.error_by_group(evaluation()),
        "confusion": prediction_charts.gender_confusion(genders()),
        "roc": prediction_charts.gender_roc(genders()),
    }
    for name, figure in figures.items():
        write_figure(figure, tmp_path / name)
        assert ink(tmp_path / f"{name}.png") > 0.01, name
        svg = ElementTree.parse(tmp_path / f"{name}.svg").getroot()
        assert len(list(svg.iter("{http://www.w3.org/2000/svg}path"))) > 10, name
        assert (tmp_path / f"{name}.pdf").read_bytes().startswith(b"%PDF-"), name


def test_the_same_figure_gives_the_same_files(table: pd.DataFrame, tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_figure(charts.gender_bar(table), tmp_path / name)
    for form in ("png", "svg", "pdf"):
        assert (tmp_path / f"one.{form}").read_bytes() == (tmp_path / f"two.{form}").read_bytes()


def test_png_shows_the_bars_at_their_height(tmp_path: Path) -> None:
    table = pd.DataFrame({"age": [1] * 100 + [3] * 50, "gender": 0})
    write_figure(charts.age_histogram(table), tmp_path / "bars")
    with Image.open(tmp_path / "bars.png") as image:
        blue = (np.asarray(image.convert("RGB")) == (0, 114, 178)).all(axis=2).sum(axis=0)
    full = blue.max()
    assert (blue > 0.95 * full).sum() == pytest.approx((np.abs(blue - full / 2) < 0.05 * full).sum(), rel=0.1)


def test_an_unknown_trace_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot draw funnel traces"):
        write_figure(go.Figure(go.Funnel(x=[1])), tmp_path / "x")
    assert not list(tmp_path.iterdir())


def test_a_grid_of_faces(tmp_path: Path) -> None:
    faces = [(np.full((30, 30, 3), (255, 0, 0), dtype=np.uint8), f"{age} F $") for age in range(10)]
    write_grid(faces, tmp_path / "grid.png")
    with Image.open(tmp_path / "grid.png") as image:
        red = (np.asarray(image.convert("RGB")) == (255, 0, 0)).all(axis=2)
        assert image.width > image.height
    # Ten faces: a full first row of eight, two in the second.
    rows = red.any(axis=1).nonzero()[0]
    edges = np.diff(red[rows[5]].astype(int))
    assert (edges == 1).sum() == 8
    edges = np.diff(red[rows[-5]].astype(int))
    assert (edges == 1).sum() == 2


def test_an_empty_grid_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AgeLensError, match="no face"):
        write_grid([], tmp_path / "grid.png")
