"""What predicts without looking, to measure networks against."""

import pandas as pd


def baselines(table: pd.DataFrame) -> dict[str, float]:
    """What predicts without looking: the median age in years and the more frequent gender of the training split."""
    train = table[table["split"] == "train"]
    return {"median_age": float(train["age"].median()), "majority_gender": int(train["gender"].mean() >= 0.5)}
