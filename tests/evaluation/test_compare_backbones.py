from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest

from agelens.data.baselines import baselines
from agelens.data.loaders import FaceBatches
from agelens.data.sources.reading import read_faces
from agelens.data.synthetic.dataset import synthesize_faces
from agelens.errors import AgeLensError
from agelens.evaluation import compare_backbones as module
from agelens.evaluation.compare_backbones import Comparison, compare
from agelens.evaluation.small_heads import train_small_heads
from agelens.models.backbones import build_backbone
from agelens.models.heads import build_head
from agelens.models.registry import find_backbone
from agelens.models.standardization import standardise
from agelens.training.feature_cache import extract
from agelens.training.recipes import comparison_recipe, compile_network
from agelens.training.transfer import join, moments_of


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    folder = tmp_path_factory.mktemp("faces") / "drawn"
    synthesize_faces(folder, 80, seed=4, image_size=64)
    faces = read_faces(folder).table
    return faces.assign(split=np.where(np.arange(len(faces)) % 4 == 3, "validation", "train"))


@pytest.mark.parametrize(("name", "exact"), [("VGG16", False), ("MobileNetV3Small", False), ("VGG16", True)])
def test_cached_features_train_as_fit_through_the_frozen_backbone(
    name: str, exact: bool, table: pd.DataFrame, tmp_path: Path
) -> None:
    backbone = build_backbone(find_backbone(name), "random", 64)
    recipes = [comparison_recipe(task, "flatten", 3).replace(dropout=0.0) for task in ("age", "gender")]
    if exact:
        recipes = [recipe.exact() for recipe in recipes]
    features = extract(backbone, table, "f32", cache=tmp_path)
    moments = None if exact else moments_of(features, table)
    median_age = 0.0 if exact else baselines(table)["median_age"]
    ours = train_small_heads(features, table, recipes, 42, name)
    assert backbone.model is not None
    backbone.model.trainable = False
    for recipe in recipes:
        keras.utils.set_random_seed(42)
        scale = standardise(moments, recipe.task) if moments else None
        network = join(backbone, build_head(recipe, backbone.feature_shape, median_age, scale))
        train = FaceBatches(table[table["split"] == "train"], recipe.task, 64, shuffle_seed=42)
        compile_network(network, recipe, len(train))
        validation = FaceBatches(table[table["split"] == "validation"], recipe.task, 64)
        history = network.fit(train, validation_data=validation, epochs=3, shuffle=False, verbose=0).history
        for ours_key, keras_key in ((f"train_{recipe.metric}", recipe.metric), (f"val_{recipe.metric}",) * 2):
            np.testing.assert_allclose(ours[recipe.task][ours_key], history[keras_key], rtol=1e-4)


def test_the_result_keeps_the_contract(table: pd.DataFrame, tmp_path: Path) -> None:
    settings = Comparison(("SmallConv",), weights="random", image_size=32, epochs=2, cache=tmp_path / "cache")
    result = compare(table, settings, tmp_path / "comparison")
    age, gender = result["age"]["SmallConv"], result["gender"]["SmallConv"]
    assert len(age["train_mae"]) == len(age["val_mae"]) == 2
    low, high = age["val_mae_ci95"]
    assert low <= age["val_mae"][-1] <= high
    assert {"images_per_second", "parameters", "weights", "feature_bytes"} <= set(age)
    assert (age["weights"], age["parameters"]) == ("random", 79600)
    assert len(gender["train_accuracy"]) == len(gender["val_accuracy"]) == 2
    low, high = gender["val_accuracy_ci95"]
    assert low <= gender["val_accuracy"][-1] <= high
    validation = table[table["split"] == "validation"]
    median = table[table["split"] == "train"]["age"].median()
    assert result["baseline"]["age"]["val_mae"] == pytest.approx((validation["age"] - median).abs().mean())


def test_the_notebooks_arithmetic_stands_beside(table: pd.DataFrame, tmp_path: Path) -> None:
    settings = Comparison(("SmallConv",), weights="random", image_size=32, epochs=2, cache=tmp_path / "cache")
    alone = compare(table, settings, tmp_path / "comparison")
    assert "notebook_exact" not in alone
    said: list[str] = []
    both = compare(table, replace(settings, notebook_exact=True), tmp_path / "comparison", say=said.append)
    exact = both.pop("notebook_exact")
    assert both == alone
    for task, figure in (("age", "val_mae"), ("gender", "val_accuracy")):
        ours, theirs = alone[task]["SmallConv"], exact[task]["SmallConv"]
        assert (ours["preprocessing"], theirs["preprocessing"]) == ("tf", "unit")
        assert len(theirs[figure]) == 2
        low, high = theirs[f"{figure}_ci95"]
        assert low <= theirs[figure][-1] <= high
    # The notebook's heads start at zero years and get there by steps of a thousandth; AgeLens's start at the median.
    assert exact["age"]["SmallConv"]["val_mae"][0] > 1.2 * alone["age"]["SmallConv"]["val_mae"][0]
    assert [line.split(":")[0] for line in said] == ["SmallConv", "SmallConv, the notebook's arithmetic"]


def test_features_of_the_test_part_are_not_computed(table: pd.DataFrame, tmp_path: Path) -> None:
    parted = table.assign(split=np.resize(["train", "train", "validation", "test"], len(table)))
    settings = Comparison(("SmallConv",), weights="random", image_size=32, epochs=1, cache=tmp_path / "cache")
    compare(parted, settings, tmp_path / "comparison")
    (digests,) = (tmp_path / "cache" / "features").glob("*/digests.txt")
    assert set(digests.read_text().split()[::2]) == set(parted.loc[parted["split"] != "test", "digest"])


def test_a_comparison_that_was_killed_goes_on(
    table: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def settings(*backbones: str) -> Comparison:
        return Comparison(backbones, weights="random", image_size=32, epochs=1, cache=tmp_path / "cache")

    first = compare(table, settings("SmallConv"), tmp_path / "comparison")
    built: list[str] = []
    build = module.build_backbone
    monkeypatch.setattr(
        module, "build_backbone", lambda spec, *rest: built.append(spec.name) or build(spec, *rest)
    )
    both = compare(table, settings("SmallConv", "MobileNetV3Small"), tmp_path / "comparison")
    assert built == ["MobileNetV3Small"]
    assert both["age"]["SmallConv"] == first["age"]["SmallConv"]
    other_table = table.assign(age=table["age"] + 1)
    compare(other_table, settings("SmallConv"), tmp_path / "comparison")
    assert built == ["MobileNetV3Small", "SmallConv"]


def test_a_comparison_of_gender_alone_goes_on(
    table: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Comparison(("SmallConv",), "random", 32, epochs=1, cache=tmp_path / "cache")
    faces = table.assign(age=np.nan)
    first = compare(faces, settings, tmp_path / "comparison")
    monkeypatch.setattr(module, "build_backbone", lambda *given: pytest.fail("it was computed again"))
    assert compare(faces, settings, tmp_path / "comparison") == first


def test_the_pooled_head_keeps_small_features(table: pd.DataFrame, tmp_path: Path) -> None:
    settings = Comparison(("SmallConv",), "random", 64, "avg-pool", 1, "f32", cache=tmp_path / "cache")
    result: dict[str, Any] = compare(table, settings, tmp_path / "comparison")
    assert result["age"]["SmallConv"]["feature_bytes"] == 96 * 4


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"backbones": ("SmallConv", "smallconv")}, "named twice"),
        ({"backbones": ("Nothing",)}, "no backbone 'Nothing'"),
        ({"head": "round"}, "no head 'round'"),
    ],
)
def test_impossible_comparisons_are_refused(
    changes: dict[str, Any], words: str, table: pd.DataFrame, tmp_path: Path
) -> None:
    with pytest.raises(AgeLensError, match=words):
        compare(table, Comparison(**{"weights": "random", "cache": tmp_path, **changes}), tmp_path)
