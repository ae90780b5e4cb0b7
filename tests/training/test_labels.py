import numpy as np
import pandas as pd

from agelens.training.labels import UNLABELLED, lacks_genders, training_labels


def test_exact_ages_are_one_column_and_groups_two() -> None:
    rows = pd.DataFrame({"age": [25, 3], "gender": [0, 1]})
    assert training_labels(rows, "age").tolist() == [25, 3]
    grouped = rows.assign(age_min=[20, 3], age_max=[29, 3])
    assert training_labels(grouped, "age").tolist() == [[20, 29], [3, 3]]
    assert training_labels(grouped.tail(1), "age").tolist() == [3]


def test_what_is_not_labelled_is_any_age_and_no_gender() -> None:
    rows = pd.DataFrame({"age": [np.nan, 3], "gender": [np.nan, 1]})
    assert training_labels(rows, "age").tolist() == [[0, 116], [3, 3]]
    assert training_labels(rows, "gender").tolist() == [UNLABELLED, 1]
    assert lacks_genders(rows)
    assert not lacks_genders(rows.tail(1))
