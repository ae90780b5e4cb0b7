"""Charts of the audit and of the split show the numbers they are given."""

import pandas as pd

from agelens.reporting.data_quality_charts import audit_counts, split_ages

AUDIT = {
    "images": 1200,
    "usable": 1190,
    "malformed": 3,
    "unreadable": 7,
    "duplicate_groups": 2,
    "near_duplicate_groups": 11,
    "label_conflicts": {"age": 5, "gender": 1},
}


def test_the_bars_of_the_audit_are_its_counts() -> None:
    figure = audit_counts(AUDIT)
    assert list(figure.data[0].x) == [3, 7, 2, 11, 5, 1]
    assert figure.layout.title.subtitle.text == "1,190 of 1,200 images can be used"
    assert "unreadable images 7" in figure.layout.meta["alt"]


def test_the_bars_of_a_split_are_shares_of_it() -> None:
    table = pd.DataFrame({"age": [3, 4, 25, 90, 33], "split": ["train"] * 4 + ["validation"]})
    train, validation, test = split_ages(table).data
    assert train.name == "train, n 4"
    shown = {band: share for band, share in zip(train.x, train.y, strict=True) if share}
    assert shown == {"0-9": 0.5, "20-29": 0.25, "80+": 0.25}
    assert list(validation.y).count(1.0) == 1
    assert sum(test.y) == 0
