import pandas as pd

from agelens.evaluation.groups import age_ranges, groups_of, kind_title


def rows() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "age": [5, 9, 25, 85],
            "gender": [0, 1, 0, 1],
            "race": ["White", "", "Black", "White"],
            "source": ["one", "one", "two", "two"],
        }
    )


def test_groups_hold_the_rows_that_have_their_label() -> None:
    found = groups_of(rows())
    assert list(found) == ["age_band", "gender", "race", "source"]
    assert list(found["age_band"]) == ["0-9", "20-29", "80+"]
    assert found["race"]["White"].tolist() == [True, False, False, True]
    assert "source" not in groups_of(rows().assign(source="one"))
    assert "race" not in groups_of(rows().assign(race=""))


def test_pairs_hold_the_rows_that_have_both() -> None:
    found = groups_of(rows(), pairs=True)
    assert found["age_band x gender"]["0-9 x female"].tolist() == [False, True, False, False]
    assert "20-29 x female" not in found["age_band x gender"]
    assert "race x source" in found
    assert kind_title("age_band x race") == "Age band (years) and Race label"
    # With a kind of one group a pair would say nothing new.
    assert not [kind for kind in groups_of(rows().assign(race="White"), pairs=True) if "x race" in kind]
    # A label that is missing makes no group and no pair.
    missing = groups_of(rows().assign(age=[5, None, 25, 85], gender=[0, 1, None, 1]), pairs=True)
    assert sum(chosen.sum() for chosen in missing["age_band"].values()) == 3
    assert sum(chosen.sum() for chosen in missing["gender"].values()) == 3


def test_a_group_of_ages_is_in_a_band_or_range_only_as_a_whole() -> None:
    table = rows().assign(age_min=[3, 9, 20, 70], age_max=[9, 9, 29, 116])
    found = groups_of(table)["age_band"]
    assert {name: chosen.tolist() for name, chosen in found.items()} == {
        "0-9": [True, True, False, False], "20-29": [False, False, True, False],
    }  # fmt: skip
    ranges = age_ranges(table)
    assert ranges["21 to 60"].tolist() == [False] * 4
    assert ranges["16 and over"].tolist() == [False, False, True, True]
    assert age_ranges(rows())["21 to 60"].tolist() == [False, False, True, False]
