import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agelens.data.labels import age_band
from agelens.data.split_ratios import DEFAULT_SPLIT_RATIOS, read_split_ratios, write_split_ratios
from agelens.data.splits import (
    CALIBRATION,
    check_parts,
    count_splits,
    hold_out_calibration,
    learning_splits,
    shared_groups,
    split,
    split_if_enough,
    without_conflicts,
)
from agelens.data.table import SPLITS
from agelens.errors import AgeLensError

SOME_FRACTIONS = [(0.8, 0.1, 0.1), (0.6, 0.2, 0.2), (1 / 3, 1 / 3, 1 / 3), (0.05, 0.05, 0.9)]


def table_of(people: list[tuple[int, int, int]]) -> pd.DataFrame:
    """One row for each (age, gender, number of its group)."""
    digests = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(len(people))]
    table = pd.DataFrame(people, columns=["age", "gender", "group"])
    table["digest"] = digests
    table["path"] = [f"/faces/{number}.jpg" for number in range(len(people))]
    table["group"] = table.groupby("group")["digest"].transform("min").str[:16]
    return table


def alone(count: int) -> pd.DataFrame:
    """Faces of all ages, each in a group of its own."""
    return table_of([(7 * number % 97, number * number % 3 % 2, number) for number in range(count)])


PEOPLE = st.lists(
    st.tuples(st.integers(0, 116), st.integers(0, 1), st.integers(0, 60)), min_size=3, max_size=200
).filter(lambda people: len({group for _, _, group in people}) >= 3)


@settings(deadline=None)
@given(PEOPLE, st.integers(0, 2**40), st.sampled_from(SOME_FRACTIONS))
def test_every_row_has_one_part_and_no_group_two(people, seed: int, split_ratios) -> None:
    table = table_of(people)
    splits = split(table, seed, split_ratios)
    pd.testing.assert_frame_equal(splits.drop(columns="split"), table)
    assert set(splits["split"]) == set(SPLITS)
    assert (splits.groupby("group")["split"].nunique() == 1).all()


@settings(deadline=None, max_examples=50)
@given(PEOPLE, st.integers(0, 100), st.randoms(use_true_random=False))
def test_rows_in_any_order_get_the_same_parts(people, seed: int, chance) -> None:
    table = table_of(people)
    order = list(range(len(table)))
    chance.shuffle(order)
    shuffled = table.iloc[order].assign(path="elsewhere")
    expected = split(table, seed).set_index("digest")["split"]
    assert split(shuffled, seed).set_index("digest")["split"].to_dict() == expected.to_dict()


@settings(deadline=None, max_examples=50)
@given(st.integers(3, 300), st.integers(0, 100), st.sampled_from(SOME_FRACTIONS))
def test_shares_are_met_to_within_two_faces(count: int, seed: int, split_ratios) -> None:
    splits = split(alone(count), seed, split_ratios)
    for name, ratio in zip(SPLITS, split_ratios, strict=True):
        assert abs((splits["split"] == name).sum() - ratio * count) < 2


@pytest.mark.parametrize("seed", range(5))
def test_each_stratum_has_the_shares_too(seed: int) -> None:
    splits = split(alone(2000), seed)
    for _, stratum in splits.groupby([age_band(splits["age"]), "gender"]):
        for name, ratio in zip(SPLITS, DEFAULT_SPLIT_RATIOS, strict=True):
            assert abs((stratum["split"] == name).sum() - ratio * len(stratum)) < 2


def test_small_strata_do_not_all_end_in_train() -> None:
    # Eighteen strata of three faces: each alone would round to 3, 0, 0.
    splits = split(table_of([(10 * (n // 6), n % 2, n) for n in range(54)]))
    counts = Counter(splits["split"])
    assert counts["train"] == 43
    assert sorted((counts["validation"], counts["test"])) == [5, 6]


def test_another_seed_draws_another_split() -> None:
    table = alone(100)
    assert split(table, 1)["split"].tolist() == split(table, 1)["split"].tolist()
    assert split(table, 1)["split"].tolist() != split(table, 2)["split"].tolist()


def test_the_draw_is_pinned() -> None:
    """Saved runs name their split by seed and files alone, so the draw must never change silently."""
    splits = split(alone(40), seed=42)["split"]
    assert splits.index[splits == "test"].tolist() == [8, 19, 27, 30]


def test_duplicates_are_shared_out_like_all_others() -> None:
    pairs = split(table_of([(30, 0, number // 2) for number in range(400)]))
    assert Counter(pairs["split"]) == {"train": 320, "validation": 40, "test": 40}
    mixed = split(table_of([(30, 0, number // 2 if number < 100 else number) for number in range(400)]))
    assert set(mixed["split"][:100]) == set(SPLITS)


def test_a_large_group_goes_where_there_is_room() -> None:
    table = table_of([(30, 0, 0)] * 50 + [(30, 0, number) for number in range(1, 51)])
    for seed in range(10):
        splits = split(table, seed)
        assert set(splits["split"][:50]) == {"train"}
        assert Counter(splits["split"]) == {"train": 80, "validation": 10, "test": 10}


def test_a_group_with_contradicting_labels_stays_whole() -> None:
    table = table_of([(5, 0, 0), (80, 1, 0)] + [(5, 0, number) for number in range(1, 30)])
    # Identical files: even the digests agree, only the labels do not.
    table.loc[1, "digest"] = table.loc[0, "digest"]
    splits = split(table)
    assert splits["split"][0] == splits["split"][1]
    expected = splits.groupby("digest")["split"].first().to_dict()
    assert split(table.iloc[::-1]).groupby("digest")["split"].first().to_dict() == expected


def test_three_pictures_are_enough_and_two_are_not() -> None:
    assert sorted(split(alone(3))["split"]) == sorted(SPLITS)
    two = table_of([(30, 0, 0)] * 10 + [(30, 0, 1)] * 10)
    with pytest.raises(AgeLensError, match="20 faces that show 2 different pictures are too few"):
        split(two)
    with pytest.raises(AgeLensError, match="too few"):
        split(alone(3).iloc[:0])


@pytest.mark.parametrize(
    "split_ratios",
    [
        (0.8, 0.2, 0.0),
        (0.8, 0.1, 0.2),
        (1.1, -0.05, -0.05),
        (0.8, 0.2),
        (0.4, 0.3, 0.2, 0.1),
        (float("nan"), 0.5, 0.5),
    ],
)
def test_shares_that_make_no_whole_are_refused(split_ratios) -> None:
    with pytest.raises(AgeLensError, match="must be three numbers above 0 that add up to 1, not"):
        split(alone(30), split_ratios=split_ratios)


def test_a_table_that_was_not_audited_is_refused() -> None:
    with pytest.raises(AgeLensError, match="audit the images first"):
        split(alone(30).drop(columns="group"))


@pytest.mark.parametrize("text", ["86/4/10", "0.86/0.04/0.1", "43/2/5", " 86 / 4 / 10 "])
def test_shares_are_read_in_any_unit(text: str) -> None:
    assert read_split_ratios(text) == (0.86, 0.04, 0.1)
    assert write_split_ratios(read_split_ratios(text)) == "86/4/10"


@pytest.mark.parametrize(
    "split_ratios", [DEFAULT_SPLIT_RATIOS, (1 / 3, 1 / 3, 1 / 3), (0.999, 0.0005, 0.0005)]
)
def test_written_shares_are_read_again(split_ratios) -> None:
    assert read_split_ratios(write_split_ratios(split_ratios)) == pytest.approx(split_ratios, abs=1e-8)


@pytest.mark.parametrize(
    "text", ["", "80", "80/20", "80/10/5/5", "80/0/20", "90/20/-10", "a/b/c", "nan/1/1", "inf/1/1"]
)
def test_a_text_that_gives_no_shares_is_refused(text: str) -> None:
    with pytest.raises(
        AgeLensError, match="is no split ratio; write three numbers above 0 for train, validation, test"
    ):
        read_split_ratios(text)


@pytest.mark.parametrize(
    ("people", "words"),
    [
        ([(30, 0, 1)], "1 face shows 1 picture, too few"),
        ([(30, 0, 1), (30, 0, 1), (30, 0, 1)], "3 faces show 1 picture, too few"),
        ([(30, 0, 1), (40, 1, 2)], "2 faces show 2 different pictures, too few"),
    ],
)
def test_too_few_pictures_stay_whole_and_can_be_measured_only(people, words: str) -> None:
    said: list[str] = []
    table = table_of(people)
    pd.testing.assert_frame_equal(split_if_enough(table, 42, DEFAULT_SPLIT_RATIOS, said.append), table)
    assert words in said[0]
    assert "can be measured (agelens evaluate --bundle)" in said[0]
    with pytest.raises(AgeLensError, match=f"{words} .*compared or trained in run; add images"):
        check_parts(table, Path("run"))


def test_enough_pictures_are_split_as_ever() -> None:
    said: list[str] = []
    splits = split_if_enough(alone(3), 42, DEFAULT_SPLIT_RATIOS, said.append)
    pd.testing.assert_frame_equal(splits, split(alone(3)))
    assert said == []
    check_parts(splits, Path("run"))


def test_splits_are_made_within_each_source() -> None:
    table = alone(400).assign(source=["a"] * 300 + ["b"] * 100)
    shares = split(table, 1).groupby("source")["split"].value_counts(normalize=True)
    for source in "ab":
        assert shares[source]["train"] == pytest.approx(0.8, abs=0.06)
        assert shares[source]["test"] == pytest.approx(0.1, abs=0.06)


def test_splits_that_the_data_brings_stay_and_others_join_them() -> None:
    table = table_of([(20, 0, number // 2) for number in range(120)])
    given = ["train"] * 60 + ["validation"] * 20 + ["test"] * 21 + [""] * 19
    done = split(table.assign(split=given), 3)
    assert done["split"][:101].tolist() == given[:101]
    assert done["split"][101] == "test", "a near duplicate of a test face is no training face"
    assert set(done["split"][102:]) <= set(SPLITS)
    assert shared_groups(done) == 0


def test_a_training_split_without_a_validation_split_gives_some_of_its_faces() -> None:
    table = alone(200).assign(split=["train"] * 150 + ["test"] * 50)
    said: list[str] = []
    done = split_if_enough(table, 1, DEFAULT_SPLIT_RATIOS, said.append)
    assert (done["split"] == "test").tolist() == (table["split"] == "test").tolist()
    assert (done["split"] == "validation").sum() == pytest.approx(150 / 9, abs=2)
    assert said[0] == "the column split is taken as it is for 200 faces"
    assert "names no validation split" in said[1]
    assert len(said) == 2


def test_validation_faces_are_taken_by_whole_groups_over_blank_rows_and_other_sources() -> None:
    """Pairs of a face that is given to training and one of which nothing is said, or that another source has."""
    pairs = table_of([(20 + number % 40, number % 2, number // 2) for number in range(240)])
    blank = pairs.assign(split=["train", ""] * 100 + ["test"] * 40, source="a")
    both = pairs.assign(split=["train"] * 200 + ["test"] * 40, source=["a", "b"] * 120)
    fixed = both.assign(split=["train"] * 200 + ["test"] * 20 + ["validation", "validation"] * 10)
    fixed.loc[fixed["source"] == "a", "split"] = fixed["split"].replace("validation", "test")
    for table in (blank, both):
        done = split(table, 1)
        assert shared_groups(done) == 0
        assert (done["split"] == "validation").sum() == pytest.approx(200 / 9, abs=4)
    # What a source with validation faces of its own gives to training stays there, and so do its duplicates.
    done = split(fixed, 1)
    assert done["split"].tolist() == fixed["split"].tolist()


def test_a_given_split_that_leaks_is_taken_and_told_loudly() -> None:
    table = table_of([(20, 0, number // 2) for number in range(60)])
    given = ["train", "test", *["train"] * 28, *["validation"] * 10, *["test"] * 20]
    said: list[str] = []
    done = split_if_enough(table.assign(split=given), 1, DEFAULT_SPLIT_RATIOS, said.append)
    assert done["split"].tolist() == given
    assert shared_groups(done) == 1
    assert "THE COLUMN split LEAKS: 1 group" in said[-1]
    assert "/faces/0.jpg (train) and /faces/1.jpg (test)" in said[-1]


def test_missing_labels_are_strata_of_their_own_and_groups_conflict_where_they_are_apart() -> None:
    table = alone(90)
    table.loc[:29, "gender"] = np.nan
    table.loc[60:, "age"] = np.nan
    assert set(split(table, 1)["split"]) == set(SPLITS)
    pairs = pd.DataFrame(
        {
            "group": [*"aabbccdd"],
            "gender": [0, 0, 0, np.nan, 0, 1, 1, 1],
            "age": [24, 25, 24, 35, 24, 24, np.nan, 7],
            "age_min": [20, 25, 20, 30, 20, 20, np.nan, 7],
            "age_max": [29, 25, 29, 39, 29, 29, np.nan, 7],
        }
    )
    assert set(without_conflicts(pairs)["group"]) == {"a", "d"}


@pytest.mark.parametrize(("sources", "faces"), [(300, 1), (300, 4), (100, 9), (3, 400)])
def test_sources_of_any_size_keep_the_ratios(sources: int, faces: int) -> None:
    rows = sources * faces
    table = pd.DataFrame(
        {
            "digest": [f"{number:064x}" for number in range(rows)],
            "age": np.arange(rows) % 80,
            "gender": np.arange(rows) % 2,
            "source": [f"source {number // faces}" for number in range(rows)],
            "group": [str(number) for number in range(rows)],
        }
    )
    counts = split(table, seed=3)["split"].value_counts(normalize=True)
    assert counts["train"] == pytest.approx(0.8, abs=0.01)
    assert counts["validation"] == pytest.approx(0.1, abs=0.01)


def test_another_source_moves_no_face_of_the_first() -> None:
    def faces(name: str, count: int) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "digest": [f"{name}{number:060x}" for number in range(count)],
                "age": np.arange(count) % 70,
                "gender": np.arange(count) % 2,
                "source": name,
                "group": [f"{name}{number}" for number in range(count)],
            }
        )

    first, second = faces("abc", 400), faces("def", 900)
    alone = split(first, seed=5)["split"]
    both = split(pd.concat([second, first], ignore_index=True), seed=5)["split"]
    assert both.iloc[900:].tolist() == alone.tolist()


def test_half_of_the_validation_split_calibrates() -> None:
    # Groups of two faces of one age, and a small source beside a large one.
    people = [(7 * (number // 2) % 97, number // 2 % 2, number // 2) for number in range(2400)]
    table = table_of(people).assign(source=["one" if number < 1800 else "other" for number in range(2400)])
    whole = split(table, 3, (0.6, 0.2, 0.2))
    halved = hold_out_calibration(whole)
    pd.testing.assert_frame_equal(halved.drop(columns="split"), table)
    held_out = whole["split"] == "validation"
    pd.testing.assert_frame_equal(halved[~held_out], whole[~held_out])
    assert set(halved.loc[held_out, "split"]) == {"validation", CALIBRATION}
    assert shared_groups(halved) == 0
    for _, rows in halved[held_out].groupby("source"):
        assert (rows["split"] == CALIBRATION).mean() == pytest.approx(0.5, abs=0.02)
        mean_ages = rows.groupby("split")["age"].mean()
        assert abs(mean_ages[CALIBRATION] - mean_ages["validation"]) < 2
    # The same rows in another order are halved alike, and what is halved stays.
    shuffled = hold_out_calibration(whole.sample(frac=1, random_state=1))
    assert shuffled["split"].sort_index().equals(halved["split"])
    splits = learning_splits(halved)
    assert set(splits[CALIBRATION]["path"]).isdisjoint(splits["validation"]["path"])
    assert count_splits(halved) == {name: len(rows) for name, rows in splits.items()}


def test_few_validation_faces_choose_and_calibrate() -> None:
    table = split(alone(300), 3, (0.4, 0.4, 0.2))
    assert hold_out_calibration(table) is table
    splits = learning_splits(table)
    assert splits[CALIBRATION].equals(splits["validation"])
    assert set(count_splits(table)) == {"train", "validation"}


def test_crops_are_split_by_their_photographs() -> None:
    photographs = alone(300)
    crops = photographs.assign(
        original_digest=photographs["digest"],
        digest=[hashlib.sha256(f"crop {number}".encode()).hexdigest() for number in range(300)],
    )
    assert split(crops, 5)["split"].equals(split(photographs, 5)["split"])
    # Of two sources one may hold crops that nothing is known of.
    unknown = crops.assign(original_digest=[None, ""] * 150)
    assert split(unknown, 5)["split"].equals(split(crops.drop(columns="original_digest"), 5)["split"])
