from typing import Any

from agelens.cli.console import audit_lines, comparison_lines, evaluation_lines, training_line

AGE = {
    "mae": 4.0204, "mae_ci95": [3.8401, 4.2], "cs5": 0.7478, "baseline_mae": 14.96, "n": 1901,
    "coverage": 0.9111, "coverage_ci95": [0.898, 0.924], "interval_years": 16.93,
}  # fmt: skip
GENDER = {"accuracy": 0.95318, "accuracy_ci95": [0.944, 0.963], "baseline_accuracy": 0.523, "n": 1901}


def test_an_evaluation_is_told_with_its_intervals_in_one_unit() -> None:
    assert evaluation_lines({"age": AGE, "gender": GENDER}) == [
        "age     MAE 4.02 years [3.84, 4.20], CS@5 74.8 %, always the median of the training faces 14.96, 1901 faces",
        "        90 % intervals hold 91.1 % [89.8, 92.4] of the ages, 16.9 years wide on average",
        "gender  accuracy 95.3 % [94.4, 96.3], always the majority of the training faces 52.3 %, 1901 faces",
    ]


def test_a_network_whose_card_tells_no_baseline_is_told_without() -> None:
    age = {key: value for key, value in AGE.items() if key != "baseline_mae"}
    assert evaluation_lines({"age": age})[0].endswith("CS@5 74.8 %, 1901 faces")


def test_a_group_too_small_for_an_interval_has_none() -> None:
    (line,) = evaluation_lines({"gender": {**GENDER, "accuracy_ci95": None}})
    assert "95.3 % [no interval]," in line


def test_a_fine_tuned_network_is_told_by_what_its_8_bits_score() -> None:
    training = {
        "best_epoch": 3, "epochs_run": 4, "validation": {"int8": {"mae": 4.0931, "cs5": 0.742, "accuracy": 0.9553}},
    }  # fmt: skip
    card = {"task": "both", "network": {"backbone": "facenet"}, "training": training}
    assert training_line(card).endswith(
        "best epoch 3 of 4, validation MAE 4.093, CS@5 74.2 %, accuracy 95.5 %"
    )


def test_a_comparison_stands_in_columns() -> None:
    def one(mae: float, accuracy: float) -> tuple[dict[str, Any], dict[str, Any]]:
        age = {"val_mae": [20.0, mae], "val_mae_ci95": [mae - 1, mae + 1], "weights": "imagenet"}
        return age, {"val_accuracy": [0.5, accuracy]}

    networks = {"VGG16": one(8.126, 0.88912), "MobileNetV3Small": one(11.5, 1.0)}
    result = {
        "age": {name: age for name, (age, _) in networks.items()},
        "gender": {name: gender for name, (_, gender) in networks.items()},
        "baseline": {"age": {"val_mae": 14.961}, "gender": {"val_accuracy": 0.5231}},
    }
    assert comparison_lines(result) == [
        "VGG16              MAE   8.13 [7.13, 9.13]  accuracy  88.9 %  imagenet weights",
        "MobileNetV3Small   MAE  11.50 [10.50, 12.50]  accuracy 100.0 %  imagenet weights",
        "no network         MAE  14.96  accuracy 52.3 %",
    ]
    both = comparison_lines({**result, "notebook_exact": {task: result[task] for task in ("age", "gender")}})
    assert both[2:5] == ["with the notebook's arithmetic:", *both[:2]]
    assert both[5].startswith("no network")


def test_an_audit_tells_how_far_labels_of_one_picture_agree() -> None:
    found = {"images": 1234, "label_conflicts": {"age": 5, "gender": 1}, "lists": {}}
    lines = ["images: 1,234", "groups with contradicting labels: age 5, gender 1"]
    assert audit_lines(found) == lines
    agreement = {"pairs": 1100, "age_difference": 3.25, "same_age": 0.5, "same_gender": 0.95}
    assert audit_lines({**found, "label_agreement": agreement}) == [
        *lines,
        "labels of one picture: 1,100 pairs of files show the same; their ages differ by 3.2 years on average, and "
        "5.0 % have two genders",
    ]
