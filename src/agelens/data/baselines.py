"""What predicts without looking, to measure networks against."""

import pandas as pd


def baselines(table: pd.DataFrame) -> dict[str, float]:
    """What predicts without looking: the median age in years and the more frequent gender of the training split.

    Of a group of ages its middle counts; a task that no training face is labelled for has none.
    """
    train = table[table["split"] == "train"]
    blind = {
        "median_age": float(train["age"].median()),
        "majority_gender": int(train["gender"].mean() >= 0.5),
    }
    labelled = {"median_age": train["age"].notna().any(), "majority_gender": train["gender"].notna().any()}
    return {key: value for key, value in blind.items() if labelled[key]}
