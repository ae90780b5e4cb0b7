"""A study of several sources: exact ages and groups, with a label missing here and there."""

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from agelens.data.synthetic.dataset import synthesize_faces
from agelens.data.table import read_table


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A folder of 90 synthetic faces, and a manifest of 60 others with groups of ages, some without a gender."""
    place = tmp_path_factory.mktemp("sources")
    synthesize_faces(place / "exact", 90, seed=11, image_size=48)
    synthesize_faces(place / "other", 60, seed=12, image_size=48)
    rows = []
    for number, path in enumerate(sorted((place / "other").glob("*.jpg"))):
        age, gender = (int(word) for word in path.name.split("_")[:2])
        low = age // 10 * 10
        rows.append(
            [f"other/{path.name}", low, low + 9, "" if number % 10 == 0 else "MF"[gender], f"s{number % 2}"]
        )
    # A picture that both sources hold.
    shared = sorted((place / "exact").glob("*.jpg"))[0]
    rows.append([f"exact/{shared.name}", 0, 116, "", "s0"])
    pd.DataFrame(rows, columns=["path", "age_min", "age_max", "sex", "site"]).to_csv(
        place / "groups.csv", index=False
    )
    return place / "exact", place / "groups.csv"


@pytest.fixture(scope="module")
def run(sources: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.conftest import agelens

    place = tmp_path_factory.mktemp("several")
    small = ["--image-size", 32, "--cache", place / "cache", "--precision", "f32"]
    for call in (
        ["compare", *sources, "--backbones", "SmallConv", "--weights", "random", "--epochs", 1, *small],
        ["train", "--recipe", "scratch", "--epochs", 1, *small],
        ["evaluate", "--precision", "f32", "--group-by", "site"],
    ):
        said = agelens(*call, "--out", place / "run", "--crops-as-they-are")
        assert said.status == 0, said.err
    agelens("explore", "--out", place / "run")
    return place / "run"


def read(run: Path, name: str) -> dict:
    return json.loads((run / f"{name}.json").read_text(encoding="utf-8"))


def test_splits_lie_within_sources_and_a_shared_picture_in_one(run: Path) -> None:
    table = read_table(run / "table.csv")
    counts = table.groupby("source")["split"].value_counts().unstack(fill_value=0)
    assert (counts > 0).all(axis=None)
    shared = table[table["digest"].duplicated(keep=False)]
    assert set(shared["source"]) == {"exact", "groups"}
    assert shared["split"].nunique() == 1
    assert table["site"].isin(["", "s0", "s1"]).all()


def test_the_audit_counts_each_source_and_pairs_across(run: Path) -> None:
    apart = read(run, "audit")["sources"]
    assert apart["exact"]["images"] == 90
    assert apart["groups"]["images"] == 61
    assert apart["exact"]["in_other_sources"] >= 1


def test_comparison_and_exploration_tell_sources_apart(run: Path) -> None:
    comparison = read(run, "comparison")
    for task, figure in (("age", "mae"), ("gender", "accuracy")):
        assert set(comparison[task]["SmallConv"][f"val_{figure}_by_source"]) == {"exact", "groups"}
    exploration = read(run, "exploration")
    assert [one["name"] for one in exploration["numbers"]["sources"]] == ["exact", "groups"]
    assert any("Source groups: 61 faces" in line for line in exploration["findings"])
    assert any("the age is known as a group only" in line for line in exploration["findings"])
    assert (run / "charts" / "ages_by_source.png").exists()


def test_exact_ages_and_groups_are_measured_apart_and_by_column(run: Path) -> None:
    figures, table = read(run, "evaluation"), read_table(run / "table.csv")
    test = table[table["split"] == "test"]
    exact = test["age_min"] == test["age_max"]
    assert figures["age"]["n"] == exact.sum()
    assert figures["age_group"]["n"] == (~exact).sum()
    assert figures["gender"]["n"] == test["gender"].notna().sum()
    assert set(figures["gender"]["groups"]["source"]) == {"exact", "groups"}
    assert set(figures["age_group"]["groups"]["site"]) <= {"s0", "s1"}
    predictions = pd.read_csv(run / "predictions.csv")
    assert {"site", "source", "age_min", "age_max"} <= set(predictions.columns)


def test_the_report_shows_all_of_it(run: Path) -> None:
    page = (run / "report.html").read_text(encoding="utf-8")
    for words in (
        "Shown by other sources too",
        "from groups",
        "In the right group",
        "Validation, by source",
        ">site<",
    ):
        assert words in page, words


def test_one_source_is_measured_alone_and_wrong_names_are_refused(
    run: Path, agelens: Callable, tmp_path: Path
) -> None:
    start = ["evaluate", run, "--crops-as-they-are"]
    told = agelens(*start, "--sources", "all", "--group-by", "site", "--precision", "f32")
    assert told.status == 0
    assert "evaluate: done before" in told.err
    assert "on exact: MAE" in told.out
    assert "on groups: right group" in told.out
    wrong = agelens(*start, "--sources", "nowhere")
    assert wrong.status == 2
    assert "--sources nowhere: the table has no such source, but exact, groups" in wrong.err
    wrong = agelens(*start, "--group-by", "camera")
    assert wrong.status == 2
    assert "--group-by camera: the face table has no such column" in wrong.err


def test_a_data_set_of_ages_alone_is_a_study_too(
    sources: tuple[Path, Path], agelens: Callable, tmp_path: Path
) -> None:
    names = sorted(path.name for path in sources[0].glob("*.jpg"))
    lines = [f"{sources[0].as_posix()}/{name},{name.split('_')[0]}" for name in names]
    (tmp_path / "ages.csv").write_text("\n".join(["Bild,Alter", *lines]), encoding="utf-8")
    small = ["--image-size", 32, "--cache", tmp_path / "cache", "--precision", "f32", "--crops-as-they-are"]
    said = agelens(
        "run", tmp_path / "ages.csv", "--columns", "path=Bild,age=Alter", "--out", tmp_path / "run",
        "--recipe", "scratch", "--epochs", 1, "--backbones", "SmallConv", "--weights", "random", *small,
    )  # fmt: skip
    assert said.status == 0, said.err
    assert "no face is labelled for gender" in said.err
    assert "age     MAE" in said.out
    assert "gender" not in said.out
    assert not (tmp_path / "run" / "gender").exists()
