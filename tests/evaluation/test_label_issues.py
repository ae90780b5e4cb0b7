import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from agelens.evaluation import label_issues
from agelens.evaluation.label_issues import COLUMNS, LabelIssues, rank_labels
from agelens.evaluation.out_of_fold import OutOfFold
from agelens.reporting.label_gallery import write_label_gallery


@pytest.fixture(scope="module")
def found() -> LabelIssues:
    """300 good estimates, and ten labels of each kind that were made wrong: faces 0 to 9 of gender, 5 to 14 of age."""
    chance = np.random.default_rng(4)
    ages, genders = chance.integers(5, 80, 300), chance.integers(0, 2, 300)
    p_female = np.clip(np.where(genders == 1, 0.93, 0.07) + chance.normal(0, 0.03, 300), 0.001, 0.999)
    estimates = OutOfFold(ages + chance.normal(0, 3, 300), p_female, np.zeros(300, np.int64))
    genders[:10] = 1 - genders[:10]
    ages[5:15] = (ages[5:15] + 50) % 100
    table = pd.DataFrame(
        {
            "path": [f"/faces/{row}.jpg" for row in range(300)],
            "digest": [f"{row:064d}" for row in range(300)],
            "age": ages,
            "gender": genders,
        }
    )
    return rank_labels(table, estimates)


def test_wrong_labels_come_first(found: LabelIssues) -> None:
    assert set(found.worst("gender", 10).index) == set(range(10))
    assert len(set(found.worst("age", 10).index) & set(range(5, 15))) >= 9
    assert found.wrong_genders == 10
    assert sorted(found.table["age_rank"]) == list(range(1, 301))


def test_the_table_of_suspects_names_each_face_once(found: LabelIssues) -> None:
    rows = found.suspects(10)
    assert tuple(rows.columns) == COLUMNS
    assert not rows["path"].duplicated().any()
    assert rows["rank"].is_monotonic_increasing
    both = rows[rows["issue"] == "age+gender"]
    assert 4 <= len(both) <= 5
    assert len(rows) == 20 - len(both)
    assert (rows["new_age"] == "").all()
    assert (rows["new_gender"] == "").all()


def test_the_order_of_rows_changes_no_rank(found: LabelIssues) -> None:
    order = np.random.default_rng(1).permutation(300)
    table = found.table.iloc[order].reset_index(drop=True)
    estimates = OutOfFold(
        table["predicted_age"].to_numpy(), table["p_female"].to_numpy(), np.zeros(300, np.int64)
    )
    again = rank_labels(table[["path", "digest", "age", "gender"]], estimates)
    merged = found.table.merge(again.table, on="digest", suffixes=("", "_again"))
    assert (merged["gender_rank"] == merged["gender_rank_again"]).all()
    assert (merged["age_rank"] == merged["age_rank_again"]).all()


def test_many_faces_are_scored_in_parts(found: LabelIssues, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(label_issues, "_TOGETHER", 100)
    table = found.table
    # Digests of photographs are as good as chance; those of this table are numbers in order.
    mixed = table.assign(digest=[hashlib.sha256(digest.encode()).hexdigest() for digest in table["digest"]])
    estimates = OutOfFold(
        table["predicted_age"].to_numpy(), table["p_female"].to_numpy(), np.zeros(300, np.int64)
    )
    again = rank_labels(mixed[["path", "digest", "age", "gender"]], estimates)
    assert len(set(again.worst("age", 10).index) & set(range(5, 15))) >= 8


def test_figures_tell_how_good_the_estimates_are(found: LabelIssues) -> None:
    figures = found.figures()
    errors = np.abs(found.table["predicted_age"] - found.table["age"])
    assert figures["age_mae"] == pytest.approx(errors.mean())
    assert figures["gender_accuracy"] == pytest.approx(290 / 300)
    assert figures["estimated_wrong_genders"] == 10
    assert figures["gender_labels"] == 300


def test_of_one_gender_alone_no_number_of_wrong_labels_is_told(found: LabelIssues, tmp_path: Path) -> None:
    table = found.table.loc[found.table["gender"] == 1, ["path", "digest", "age", "gender"]].reset_index(
        drop=True
    )
    chosen = found.table[found.table["gender"] == 1]
    estimates = OutOfFold(
        chosen["predicted_age"].to_numpy(), chosen["p_female"].to_numpy(), np.zeros(len(chosen), np.int64)
    )
    ranked = rank_labels(table, estimates)
    assert ranked.figures()["estimated_wrong_genders"] is None
    assert len(ranked.worst("gender", 5)) == 5
    Image.new("RGB", (16, 16)).save(tmp_path / "face.png")
    shown = {**ranked.figures(), "backbone": "one", "weights": "random", "folds": 5}
    pictured = LabelIssues(ranked.table.assign(path=str(tmp_path / "face.png")), None)
    write_label_gallery(pictured, shown, tmp_path / "page.html", 3)
    assert "Confident learning" not in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_an_age_in_its_group_is_no_issue(found: LabelIssues, tmp_path: Path) -> None:
    table = found.table[["path", "digest", "age", "gender"]]
    years = found.table["predicted_age"].to_numpy()
    low = (years // 10 * 10).astype(int)
    table = table.assign(age_min=low, age_max=low + 9, age=low + 4)
    table.loc[:19, ["age_min", "age_max"]] = table.loc[:19, ["age", "age"]].to_numpy()
    table.loc[20, ["age", "age_min", "age_max"]] = 94, 90, 99
    estimates = OutOfFold(years, found.table["p_female"].to_numpy(), np.zeros(300, np.int64))
    ranked = rank_labels(table, estimates)
    # Only ages known in years have an error in years.
    assert ranked.figures()["age_mae"] == pytest.approx(np.abs(years - table["age"])[:20].mean())
    assert ranked.worst("age", 1).index.tolist() == [20]
    assert not len(ranked.worst("age", 10).index.difference(range(21)))
    Image.new("RGB", (16, 16)).save(tmp_path / "face.png")
    shown = {**ranked.figures(), "backbone": "one", "weights": "random", "folds": 5}
    gallery = rank_labels(table.assign(path=str(tmp_path / "face.png")), estimates)
    write_label_gallery(gallery, shown, tmp_path / "page.html", 5)
    assert "90-99" in (tmp_path / "page.html").read_text()


def test_missing_labels_are_not_ranked_and_crops_name_their_photographs(
    found: LabelIssues, tmp_path: Path
) -> None:
    table = found.table[["path", "digest", "age", "gender"]].astype({"age": float, "gender": float})
    table.loc[5:14, "age"] = np.nan
    table.loc[200:, "gender"] = np.nan
    table = table.assign(
        path=str(tmp_path / "face.png"), original=table["path"], original_digest=table["digest"]
    )
    Image.new("RGB", (16, 16)).save(tmp_path / "face.png")
    estimates = OutOfFold(
        found.table["predicted_age"].to_numpy(), found.table["p_female"].to_numpy(), np.zeros(300, np.int64)
    )
    ranked = rank_labels(table, estimates)
    assert ranked.table["age_rank"].isna().sum() == 10
    assert sorted(ranked.table["gender_rank"].dropna()) == list(range(1, 201))
    assert len(ranked.worst("age", 300)) == 290
    rows = ranked.suspects(10)
    assert tuple(rows.columns) == (*COLUMNS[:2], "original", "original_digest", *COLUMNS[2:])
    assert (rows["original_digest"] == rows["digest"]).all()
    assert rows["rank"].dtype == "int64"
    figures = ranked.figures()
    assert figures["gender_accuracy"] == pytest.approx(190 / 200)
    shown = {**figures, "backbone": "one", "weights": "random", "folds": 5}
    write_label_gallery(ranked, shown, tmp_path / "page.html", 20)
    assert "no gender" in (tmp_path / "page.html").read_text()
    only = rank_labels(table.assign(age=np.nan), estimates)
    assert only.figures()["age_mae"] is None
    write_label_gallery(only, {**shown, **only.figures()}, tmp_path / "page.html", 20)
    assert "err by" not in (tmp_path / "page.html").read_text()
    assert len(only.suspects(10)) == 10
