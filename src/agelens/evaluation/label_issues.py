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

from agelens.data.labels import GENDERS, age_bounds, has_exact_age, has_label
from agelens.data.table import ORIGINAL_COLUMNS
from agelens.evaluation.out_of_fold import OutOfFold

LABELS = ("age", "gender")
COLUMNS = (
    "path", "digest", "issue", "rank", "age", "predicted_age", "age_score", "gender", "p_female", "gender_score",
    "new_age", "new_gender",
)  # fmt: skip
TOP = 200
# OUTRE keeps the distances of each face to half of the others: 200 MB for so many.
_TOGETHER = 5000


@dataclass(frozen=True)
class LabelIssues:
    """The labels of a face table in the order in which they are worth a look.

    Attributes:
        table: the face table with ``predicted_age`` (years), ``p_female``, ``age_score`` and ``gender_score``
            (0, worst, to 1), and ``age_rank`` and ``gender_rank`` (1 is the worst); NaN where a face lacks the label.
        wrong_genders: how many gender labels are wrong, as confident learning estimates it; None where all are one.
    """

    table: pd.DataFrame
    wrong_genders: int | None

    def worst(self, label: str, top: int = TOP) -> pd.DataFrame:
        """The faces with the most suspicious labels of one kind, "age" or "gender", worst first."""
        rank = f"{label}_rank"
        return self.table[self.table[rank] <= top].sort_values(rank)

    def suspects(self, top: int = TOP) -> pd.DataFrame:
        """The table of COLUMNS that `--exclude` and `--relabel` take: the worst of both kinds, each face once.

        ``issue`` names the labels that are suspicious, ``rank`` is the better rank of them, and the columns ``new_age``
        and ``new_gender`` are empty: a person fills them in. Of faces that were cut out of photographs ``original`` and
        ``original_digest`` name the photograph, by which a source knows them.
        """
        ranks = self.table[[f"{label}_rank" for label in LABELS]]
        suspicious = (ranks <= top).to_numpy()
        rows = self.table.assign(
            issue=["+".join(np.array(LABELS)[mask]) for mask in suspicious],
            rank=ranks.min(axis=1),
            new_age="",
            new_gender="",
        )
        rows = rows[pd.Series(suspicious.any(axis=1), index=rows.index)]
        rows = rows.sort_values(by=["rank", "digest"], kind="stable").astype({"rank": "int64"})
        originals = [name for name in ORIGINAL_COLUMNS if name in rows.columns]
        return rows[["path", "digest", *originals, *COLUMNS[2:]]].reset_index(drop=True)

    def figures(self) -> dict[str, Any]:
        """How good the estimates are that the ranking stands on, and how many labels look wrong; None of no labels."""
        exact = self.table[has_exact_age(self.table)]
        errors = (exact["predicted_age"] - exact["age"]).abs().dropna()
        gendered = self.table[has_label(self.table, "gender")]
        right = (gendered["p_female"] >= 0.5) == (gendered["gender"] == 1)
        return {
            "faces": len(self.table),
            "gender_labels": len(gendered),
            "age_mae": float(errors.mean()) if len(errors) else None,
            "gender_accuracy": float(right.mean()) if len(right) else None,
            "estimated_wrong_genders": self.wrong_genders,
        }


def rank_labels(table: pd.DataFrame, estimates: OutOfFold) -> LabelIssues:
    """Rank the labels of a face table by how much estimates of others speak against them; missing ones are no labels.

    Of an age that is known as a group the year of the group that lies nearest to the estimate counts as the label.

    Args:
        table: a face table.
        estimates: of its rows, in order.
    """
    aged, gendered = (has_label(table, label).to_numpy() for label in LABELS)
    age_score, gender_score = np.full(len(table), np.nan), np.full(len(table), np.nan)
    wrong: int | None = None
    if aged.any():
        low, high = age_bounds(table)
        # 29.9 years are still 29.
        ages = np.clip(estimates.age_years, low, np.where(low < high, high + 0.9, high))
        digests = table["digest"]
        age_score[aged] = _score_ages(ages[aged], estimates.age_years[aged], digests[aged])
    if gendered.any():
        genders = table["gender"].to_numpy(float)[gendered].astype(int)
        gender_score[gendered], wrong = _score_genders(genders, estimates.p_female[gendered])
    ranked = table.assign(
        predicted_age=estimates.age_years,
        p_female=estimates.p_female,
        age_score=age_score,
        gender_score=gender_score,
    )
    # Of equal scores, as those of identical files, the digest decides, so that the order of rows does not.
    for label in LABELS:
        scored = ranked.dropna(subset=f"{label}_score")
        order = scored.sort_values([f"{label}_score", "digest"], kind="stable").index
        ranked[f"{label}_rank"] = pd.Series(range(1, len(order) + 1), index=order)
    return LabelIssues(ranked, wrong)


def _score_ages(
    ages: NDArray[np.float64], age_years: NDArray[np.float64], digests: "pd.Series[str]"
) -> NDArray[np.float64]:
    """cleanlab's score of each age, among at most _TOGETHER faces at a time.

    Digests are as good as chance, so each part is a sample of all faces, and its scores mean the same.
    """
    # Here, for it is an extra and takes seconds.
    from cleanlab.regression.rank import get_label_quality_scores

    order = np.argsort(digests.to_numpy(), kind="stable")
    scores = np.empty(len(ages))
    for part in np.array_split(order, -(-len(order) // _TOGETHER)):
        scores[part] = get_label_quality_scores(ages[part], age_years[part])
    return scores


def _score_genders(
    genders: NDArray[np.int64], p_female: NDArray[np.float64]
) -> tuple[NDArray[np.float64], int | None]:
    """cleanlab's score of each gender, and its estimate of how many are wrong; it needs both genders for that."""
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    shares = np.column_stack([1 - p_female, p_female])
    both = len(set(genders)) == len(GENDERS)
    wrong = int(find_label_issues(genders, shares, n_jobs=1).sum()) if both else None
    return get_label_quality_scores(genders, shares), wrong
