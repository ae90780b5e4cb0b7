"""Labels that are probably wrong, ranked by cleanlab from estimates of networks that have not seen the face.

Gender: the score is the probability that an out-of-fold head gives to the label (self-confidence), and how many labels
are wrong is estimated by confident learning (Northcutt, Jiang and Chuang 2021, "Confident Learning: Estimating
Uncertainty in Dataset Labels"). Age: the score is OUTRE (Zhou, Mueller, Kumar, Wang and Lei 2023, "Detecting Errors in
a Numerical Response"), the distance of label and estimate from the nearest others, which allows for ages at which all
estimates err more. A label with a low score is worth a look; whether it is wrong, a person decides.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agelens.data.labels import GENDERS
from agelens.evaluation.out_of_fold import OutOfFold

LABELS = ("age", "gender")
COLUMNS = (
    "path", "digest", "issue", "rank", "age", "predicted_age", "age_score", "gender", "p_female", "gender_score",
    "new_age", "new_gender",
)  # fmt: skip
TOP = 200


@dataclass(frozen=True)
class LabelIssues:
    """The labels of a face table in the order in which they are worth a look.

    Attributes:
        table: the face table with ``predicted_age`` (years), ``p_female``, ``age_score`` and ``gender_score``
            (0, worst, to 1), and ``age_rank`` and ``gender_rank`` (1 is the worst).
        wrong_genders: how many gender labels are wrong, as confident learning estimates it.
    """

    table: pd.DataFrame
    wrong_genders: int

    def worst(self, label: str, top: int = TOP) -> pd.DataFrame:
        """The faces with the most suspicious labels of one kind, "age" or "gender", worst first."""
        return self.table.nsmallest(top, f"{label}_rank")

    def suspects(self, top: int = TOP) -> pd.DataFrame:
        """The table of COLUMNS that `--exclude` and `--relabel` take: the worst of both kinds, each face once.

        ``issue`` names the labels that are suspicious, ``rank`` is the better rank of them, and the columns ``new_age``
        and ``new_gender`` are empty: a person fills them in.
        """
        ranks = self.table[[f"{label}_rank" for label in LABELS]]
        suspicious = ranks.to_numpy() <= top
        rows = self.table.assign(
            issue=["+".join(np.array(LABELS)[mask]) for mask in suspicious],
            rank=ranks.min(axis=1),
            new_age="",
            new_gender="",
        )[suspicious.any(axis=1)]
        return rows.sort_values(["rank", "digest"], kind="stable")[list(COLUMNS)].reset_index(drop=True)

    def figures(self) -> dict[str, Any]:
        """How good the estimates are that the ranking stands on, and how many labels look wrong."""
        errors = (self.table["predicted_age"] - self.table["age"]).abs()
        right = (self.table["p_female"] >= 0.5) == (self.table["gender"] == 1)
        return {
            "faces": len(self.table),
            "age_mae": float(errors.mean()),
            "gender_accuracy": float(right.mean()),
            "estimated_wrong_genders": self.wrong_genders,
        }


def rank_labels(table: pd.DataFrame, estimates: OutOfFold) -> LabelIssues:
    """Rank the labels of a face table by how much estimates of others speak against them.

    Args:
        table: a face table.
        estimates: of its rows, in order.
    """
    age_score, gender_score, wrong = _score(
        table["age"].to_numpy(float), table["gender"].to_numpy(int), estimates
    )
    ranked = table.assign(
        predicted_age=estimates.age_years,
        p_female=estimates.p_female,
        age_score=age_score,
        gender_score=gender_score,
    )
    # Of equal scores, as those of identical files, the digest decides, so that the order of rows does not.
    for label in LABELS:
        order = ranked.sort_values([f"{label}_score", "digest"], kind="stable").index
        ranked.loc[order, f"{label}_rank"] = np.arange(1, len(ranked) + 1)
        ranked[f"{label}_rank"] = ranked[f"{label}_rank"].astype("int64")
    return LabelIssues(ranked, wrong)


def _score(
    ages: NDArray[np.float64], genders: NDArray[np.int64], estimates: OutOfFold
) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    """cleanlab's scores of both labels, and its estimate of how many genders are wrong."""
    # Here, for it is an extra and takes seconds.
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores
    from cleanlab.regression.rank import get_label_quality_scores as score_numbers

    shares = np.column_stack([1 - estimates.p_female, estimates.p_female])
    wrong = find_label_issues(genders, shares, n_jobs=1) if len(set(genders)) == len(GENDERS) else np.zeros(0)
    return (
        score_numbers(ages, estimates.age_years),
        get_label_quality_scores(genders, shares),
        int(wrong.sum()),
    )
