import dataclasses
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from agelens.bundles.bundle import Bundle, find_bundles
from agelens.data.sources.reading import read_faces
from agelens.data.synthetic.dataset import synthesize_faces
from agelens.data.table import read_table
from agelens.errors import AgeLensError
from agelens.evaluation.evaluate import Rules, evaluate, framed_of, swapped_genders
from agelens.evaluation.measured_rows import check_columns, choose_rows
from agelens.inference.predictor import Predictor, load
from agelens.inference.results import ImagePrediction


@pytest.fixture(scope="module")
def bundles(study) -> list[Bundle]:
    return find_bundles(study.folder)


@pytest.fixture(scope="module")
def table(study) -> pd.DataFrame:
    return read_table(study.folder / "table.csv")


def copies(table: pd.DataFrame, split: str, count: int, folder: Path) -> pd.DataFrame:
    """A new dataset out of images of one split, under other names and with other labels."""
    folder.mkdir()
    for number, path in enumerate(table.loc[table["split"] == split, "path"].iloc[:count]):
        shutil.copy(path, folder / f"50_0_0_{number}.jpg")
    return read_faces(folder).table


def test_figures_are_those_of_the_estimates(table: pd.DataFrame, bundles: list[Bundle], study) -> None:
    done = evaluate(table, bundles, "test", precision="f32")
    test = table[table["split"] == "test"]
    assert done.predictions["path"].tolist() == test["path"].tolist()
    estimates = load(study.folder, "f32").predict(test["path"].tolist(), crops=True)
    assert done.predictions["age_years"].tolist() == [one.faces[0].age_years for one in estimates]
    assert done.predictions["p_female"].tolist() == [one.faces[0].p_female for one in estimates]
    errors = done.predictions["age_years"].to_numpy() - test["age"].to_numpy()
    assert done.figures["age"]["mae"] == pytest.approx(np.abs(errors).mean())
    right = (done.predictions["p_female"].to_numpy() >= 0.5) == (test["gender"].to_numpy() == 1)
    assert done.figures["gender"]["accuracy"] == pytest.approx(right.mean())
    assert done.figures["settings"]["overlap_included"] is False
    assert done.figures["settings"]["overlapping_images"] == {"age": 0, "gender": 0}
    json.dumps(done.figures, allow_nan=False)


def test_baselines_come_from_the_training_part(table: pd.DataFrame, bundles: list[Bundle]) -> None:
    figures = evaluate(table, bundles, "test").figures
    train, test = (table[table["split"] == split] for split in ("train", "test"))
    assert figures["age"]["baseline_mae"] == pytest.approx((test["age"] - train["age"].median()).abs().mean())
    majority = int(train["gender"].mean() >= 0.5)
    assert figures["gender"]["baseline_accuracy"] == pytest.approx((test["gender"] == majority).mean())


def test_a_part_that_made_the_network_is_refused_and_counted(
    table: pd.DataFrame, bundles: list[Bundle]
) -> None:
    count = int((table["split"] == "train").sum())
    with pytest.raises(
        AgeLensError,
        match=rf"{count} of {count} were used .* age network \(train {count}\)",
    ):
        evaluate(table, bundles, "train")
    with pytest.raises(
        AgeLensError,
        match=rf"of {len(table)} were used .* age network \(train {count}, validation ",
    ):
        evaluate(table, bundles, "all")


def test_a_copied_and_renamed_image_is_known_by_its_bytes(
    table: pd.DataFrame, bundles: list[Bundle], tmp_path: Path
) -> None:
    synthesize_faces(tmp_path / "new", 12, seed=99, image_size=64)
    fresh = read_faces(tmp_path / "new").table
    assert evaluate(fresh, bundles).figures["settings"]["images"] == 12
    mixed = pd.concat([fresh, copies(table, "validation", 1, tmp_path / "copied")], ignore_index=True)
    with pytest.raises(
        AgeLensError,
        match=r"1 of 13 were used .* age network \(validation 1\).*--overlap allow",
    ):
        evaluate(mixed, bundles)


def test_seen_images_are_measured_when_asked_and_the_result_says_so(
    table: pd.DataFrame, bundles: list[Bundle], tmp_path: Path
) -> None:
    seen = copies(table, "train", 5, tmp_path / "copied")
    settings = evaluate(seen, bundles, overlap="allow").figures["settings"]
    assert settings["overlap_included"] is True
    assert settings["overlapping_images"] == {"age": 5, "gender": 5}
    assert settings["split"] == "all"


def test_seen_images_and_their_look_alikes_are_left_out_when_asked(
    table: pd.DataFrame, bundles: list[Bundle], tmp_path: Path
) -> None:
    synthesize_faces(tmp_path / "new", 12, seed=99, image_size=64)
    fresh = read_faces(tmp_path / "new").table
    mixed = pd.concat([fresh, copies(table, "train", 5, tmp_path / "copied")], ignore_index=True)
    done = evaluate(mixed, bundles, overlap="skip")
    assert sorted(done.predictions["path"]) == sorted(fresh["path"])
    assert done.figures["settings"]["images_left_out"] == 5
    assert done.figures["settings"]["overlap_included"] is False
    # The audit found the first new face to look like one that was seen, wherever that one is.
    mixed["group"] = [mixed["digest"].iloc[-1], *mixed["digest"].iloc[1:]]
    mixed["split"] = ["test"] * 12 + ["train"] * 5
    done = evaluate(mixed, bundles, "test", overlap="skip")
    assert sorted(done.predictions["path"]) == sorted(fresh["path"][1:])
    assert done.figures["settings"]["images_left_out"] == 1
    with pytest.raises(AgeLensError, match=r"All 5 images made a network.*--overlap allow"):
        evaluate(mixed, bundles, "train", overlap="skip")


def test_one_network_gives_one_task(table: pd.DataFrame, bundles: list[Bundle]) -> None:
    done = evaluate(table, bundles[:1], "test")
    assert set(done.figures) == {"age", "age_limits", "disaggregated", "certainty", "settings"}
    assert "p_female" not in done.predictions
    assert not done.predictions["age_years"].isna().any()


def test_a_card_without_baselines_leaves_them_out(table: pd.DataFrame, bundles: list[Bundle]) -> None:
    def with_data(data: dict[str, object]) -> list[Bundle]:
        return [dataclasses.replace(one, card={**one.card, "data": data}) for one in bundles[:1]]

    assert "baseline_mae" not in evaluate(table, with_data({}), "test").figures["age"]
    with pytest.raises(AgeLensError, match=r"card\.json holds an odd data \('median_age'\)"):
        evaluate(table, with_data({"baseline": {}}), "test")


def test_rules_of_use_decide_what_is_told(table: pd.DataFrame, bundles: list[Bundle]) -> None:
    rules = Rules(age_limits=(15, 40), max_false_positives=0.2, abstain_error=0.4)
    done = evaluate(table, bundles, "test", rules=rules)
    limits = done.figures["age_limits"]
    assert list(limits["limits"]) == ["15", "40"]
    assert limits["max_false_positives"] == 0.2
    under = done.predictions["age"] < 40
    passing = (done.predictions["age_years"] >= 40)[under].mean()
    assert limits["limits"]["40"]["overall"]["at_limit"]["false_positives"]["value"] == pytest.approx(passing)
    # A network of years alone states no probabilities and has no intervals but those of its calibration.
    assert "p_at_least_40" not in done.predictions
    assert done.figures["certainty"]["gender"]["abstain"]["allowed_error"] == 0.4
    assert done.figures["certainty"]["gender"]["temperature"] == 1
    levels = done.figures["certainty"]["age"]["levels"]
    assert levels["90"]["held"]["value"] == done.figures["age"]["coverage"]
    assert not any(level["calibrated"] for name, level in levels.items() if name == "95")


def test_faces_that_are_not_found_are_refused_at_age_limits(
    table: pd.DataFrame, bundles: list[Bundle], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = table[table["split"] == "test"]
    whole = Predictor.stream

    def without_the_first(self: Predictor, paths: list[str], crops: bool) -> Iterator[ImagePrediction]:
        for number, photo in enumerate(whole(self, paths, crops=True)):
            yield dataclasses.replace(photo, faces=()) if number == 0 else photo

    monkeypatch.setattr(Predictor, "stream", without_the_first)
    done = evaluate(table, bundles, "test", framed="align")
    assert done.figures["settings"]["images_without_face"] == 1
    assert done.figures["age"]["n"] == len(rows) - 1
    assert done.figures["age_limits"]["not_found"] == 1
    assert done.figures["age_limits"]["limits"]["18"]["overall"]["n"] == len(rows)


def test_each_figure_is_of_the_faces_that_have_the_label_for_it(
    table: pd.DataFrame, bundles: list[Bundle]
) -> None:
    """Ages that are groups, ages alone and genders alone: each tells what it can."""
    rows = table[table["split"] == "test"].reset_index(drop=True).astype({"gender": float})
    third = len(rows) // 3
    rows["age_min"], rows["age_max"], rows["source"] = rows["age"], rows["age"], "exact"
    grouped = rows.index < third
    decade = rows.loc[grouped, "age"] // 10 * 10
    rows.loc[grouped, ["age_min", "age_max", "age"]] = np.stack([decade, decade + 9, decade + 4], axis=1)
    rows.loc[grouped, "source"] = "groups"
    rows.loc[third : 2 * third - 1, "gender"] = np.nan
    rows["site"] = np.where(rows.index % 2, "north", "south")
    figures = evaluate(rows, bundles, "test", rules=Rules(age_limits=(20,)), group_by=("site",)).figures
    told = figures["disaggregated"]["figures"]
    assert told["age_mae"]["overall"]["faces"] == figures["age"]["n"] == len(rows) - third
    assert told["right_group"]["overall"]["faces"] == third
    assert told["right_group"]["overall"]["value"] == pytest.approx(figures["age_group"]["right_group"])
    assert told["gender_accuracy"]["overall"]["faces"] == figures["gender"]["n"] == len(rows) - third
    assert set(told["gender_accuracy"]["kinds"]["source"]["by_group"]) == {"exact", "groups"}
    assert set(told["age_mae"]["kinds"]["site"]["by_group"]) == {"north", "south"}
    # All exact ages are of one source, and it is named.
    assert set(told["age_mae"]["kinds"]["source"]["by_group"]) == {"exact"}
    limit = figures["age_limits"]["limits"]["20"]
    assert limit["overall"]["n"] == len(rows)
    assert sum(one["n"] for one in limit["groups"]["site"].values()) == len(rows)
    gender = figures["certainty"]["gender"]["accuracy_by_certainty"]
    assert sum(one["n"] for one in gender) == figures["gender"]["n"]
    assert set(figures["certainty"]["age"]["levels"]["90"]["groups"]["site"]) == {"north", "south"}
    only = evaluate(rows[grouped], bundles, "test", rules=Rules(age_limits=(20,))).figures
    assert "age" not in only
    assert only["age_limits"]["limits"]["20"]["overall"]["n"] == third
    assert "right_group" in only["disaggregated"]["figures"]
    json.dumps(figures, allow_nan=False)


@pytest.mark.parametrize(
    ("name", "values", "sentence"),
    [
        ("age_band", ["a", "b"], "rename the column"),
        ("light/dark", ["a", "b"], "rename the column"),
        ("this x that", ["a", "b"], "rename the column"),
        ("file", [str(number) for number in range(51)], "51 different values"),
    ],
)
def test_columns_that_make_no_groups_are_refused(name: str, values: list[str], sentence: str) -> None:
    with pytest.raises(AgeLensError, match=sentence):
        check_columns(pd.DataFrame({name: values}), (name,))


def test_labels_given_as_a_column_stay_the_groups_that_they_are(
    table: pd.DataFrame, bundles: list[Bundle]
) -> None:
    figures = evaluate(table, bundles, "test", group_by=("gender", "race")).figures
    assert set(figures["gender"]["groups"]["gender"]) == {"male", "female"}
    assert set(figures["disaggregated"]["figures"]["gender_accuracy"]["kinds"]["gender"]["by_group"]) == {
        "male", "female",
    }  # fmt: skip


def test_the_seed_moves_intervals_and_nothing_else(table: pd.DataFrame, bundles: list[Bundle]) -> None:
    one, same, other = (evaluate(table, bundles, "test", seed=seed).figures["age"] for seed in (1, 1, 2))
    assert one == same
    assert one["mae"] == other["mae"]
    assert one["mae_ci95"] != other["mae_ci95"]


def test_an_image_that_is_gone_is_left_out_and_told(
    table: pd.DataFrame, bundles: list[Bundle], tmp_path: Path
) -> None:
    rows = table[table["split"] == "test"].copy()
    rows.iloc[1, rows.columns.get_loc("path")] = str(tmp_path / "gone.jpg")
    done = evaluate(rows, bundles, "test")
    assert done.predictions["path"].tolist() == rows["path"].drop(rows.index[1]).tolist()
    settings = done.figures["settings"]
    assert (settings["images"], settings["images_left_out"]) == (len(rows) - 1, 0)
    (note,) = settings["notes"]
    assert note.startswith("1 image cannot be read any more and is left out: ")
    assert "gone.jpg cannot be read" in note
    whole = evaluate(rows.drop(rows.index[1]), bundles, "test").figures
    assert done.figures["age"] == whole["age"]
    assert whole["settings"]["notes"] == []
    with pytest.raises(AgeLensError, match=r"Not one of the images can be read: .*gone\.jpg"):
        evaluate(rows.iloc[1:2], bundles, "test")


@pytest.mark.parametrize(
    ("count", "accuracy", "asked"), [(20, 0.19, True), (19, 0.0, False), (500, 0.2, False)]
)
def test_genders_that_seldom_fit_are_asked_about(count: int, accuracy: float, asked: bool) -> None:
    notes = swapped_genders({"gender": {"n": count, "accuracy": accuracy}})
    assert [("are 0 and 1 swapped" in note) for note in notes] == [True] * asked
    assert swapped_genders({"age": {"n": 30}}) == []


def test_rows_of_a_part(table: pd.DataFrame) -> None:
    assert set(choose_rows(table, "validation")["split"]) == {"validation"}
    assert len(choose_rows(table, "all")) == len(table)
    assert len(choose_rows(table.drop(columns="split"), "test")) == len(table)
    with pytest.raises(AgeLensError, match="no rows in the split 'nonsense'"):
        choose_rows(table, "nonsense")


def test_two_networks_for_one_task_are_refused(table: pd.DataFrame, bundles: list[Bundle]) -> None:
    with pytest.raises(AgeLensError, match="at most one bundle for age"):
        evaluate(table, [bundles[0], dataclasses.replace(bundles[0], training_images={})], "test")


def test_how_faces_are_framed_is_said_once() -> None:
    assert framed_of(False, False) == "refuse"
    assert framed_of(True, False) == "align"
    assert framed_of(False, True) == "as-they-are"
    with pytest.raises(AgeLensError, match=r"--align and --crops-as-they-are.* exclude one another"):
        framed_of(True, True)
