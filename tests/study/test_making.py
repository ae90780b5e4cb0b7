"""What another version computed, or what is to be computed again, is taken from none of the places that keep it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from agelens.data.sources.reading import read_faces
from agelens.data.synthetic.dataset import synthesize_faces
from agelens.evaluation import compare_backbones as comparing
from agelens.evaluation.compare_backbones import Comparison, compare
from agelens.models import onnx_backbone
from agelens.models import openvino_backbone as portable
from agelens.models.backbones import build_backbone
from agelens.models.registry import find_backbone
from agelens.study import train_finetuned as finetuned
from agelens.study import train_network as network
from agelens.study.making import differences, making
from agelens.study.train_network import train_network
from agelens.training import feature_cache as features
from agelens.training import transfer
from agelens.training.feature_cache import extract
from agelens.training.recipes import find_recipe
from agelens.training.transfer import Settings
from agelens.utils.environment import made_with

MODULES = (features, finetuned, network, portable, comparing)


@pytest.fixture
def table(tmp_path: Path) -> pd.DataFrame:
    synthesize_faces(tmp_path / "faces", 40, seed=4, image_size=64)
    faces = read_faces(tmp_path / "faces").table
    return faces.assign(split=np.where(np.arange(len(faces)) % 4 == 3, "validation", "train"))


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Lets everything believe that another version of a package is installed."""

    def other(package: str, version: str) -> None:
        def made(*packages: str) -> dict[str, Any]:
            found = made_with(*packages)
            return found | ({package: version} if package in found else {})

        for module in MODULES:
            monkeypatch.setattr(module, "made_with", made)

    return other


def counted(monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str) -> list[int]:
    calls: list[int] = []
    work = getattr(module, name)
    monkeypatch.setattr(module, name, lambda *given, **named: calls.append(1) or work(*given, **named))
    return calls


CHANGES = [("agelens", "9.9"), ("keras", "9.9"), ("openvino", "9.9")]


@pytest.mark.parametrize("change", CHANGES, ids=[package for package, _ in CHANGES])
def test_features_of_other_versions_are_not_taken(
    change: tuple[str, str],
    table: pd.DataFrame,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    install: Any,
) -> None:
    passes, conversions = (
        counted(monkeypatch, features, "run_network"), counted(monkeypatch, onnx_backbone, "only_features")
    )  # fmt: skip
    backbone = build_backbone(find_backbone("SmallConv"), "random", 32)
    for _ in range(2):
        extract(backbone, table.iloc[:4], "f32", cache=tmp_path / "cache")
        assert (len(passes), len(conversions)) == (1, 1)
    install(*change)
    extract(backbone, table.iloc[:4], "f32", cache=tmp_path / "cache")
    assert (len(passes), len(conversions)) == (2, 2)


def test_a_comparison_is_kept_for_one_round_and_one_version(
    table: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, install: Any
) -> None:
    built = counted(monkeypatch, comparing, "build_backbone")
    settings = Comparison(("SmallConv",), weights="random", image_size=32, epochs=1, cache=tmp_path / "cache")
    for round_, times in ((0, 1), (0, 1), (1, 2), (1, 2)):
        compare(table, replace(settings, round=round_), tmp_path / "comparison")
        assert len(built) == times
    install("keras", "9.9")
    compare(table, replace(settings, round=1), tmp_path / "comparison")
    assert len(built) == 3


def test_a_network_is_kept_for_one_round_and_one_version(
    table: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, install: Any
) -> None:
    trained = counted(monkeypatch, transfer, "fit")
    recipe = find_recipe("notebook", "age").replace(epochs=1)
    settings = Settings(weights="random", image_size=32, cache=tmp_path / "cache")

    def train(round_: int) -> str:
        making = replace(settings, round=round_)
        spec = find_backbone("SmallConv")
        card = train_network(table, recipe, spec, tmp_path / "training", tmp_path / "age", making)
        return str(card["identity"])

    first = train(0)
    assert train(0) == first
    assert len(trained) == 1
    second = train(1)
    assert train(1) == second != first
    assert len(trained) == 2
    install("openvino", "9.9")
    assert train(1) not in (first, second)
    assert len(trained) == 3


def test_how_two_makings_differ_is_told_in_words() -> None:
    now = making({"precision": "f32"}, ("keras", "openvino"))
    kept = {"made_by": {**now, "keras": "3.0.0", "precision": "bf16"}}
    assert differences({}, now, True) == differences({"made_by": now}, now, True) == ""
    assert (
        differences(kept, now, True)
        == f"this is Keras {now['keras']} and not 3.0.0, precision f32 and not bf16"
    )
    assert differences(kept, now, False) == f"this is Keras {now['keras']} and not 3.0.0"
    assert differences({"made_by": {**now, "precision": "bf16"}}, now, False) == ""
    older = {"versions": {"agelens": now["agelens"], "openvino": "2025.0", "numpy": "1.0"}}
    assert differences(older, now, True) == f"this is OpenVINO {now['openvino']} and not 2025.0"
    assert differences({"key": "of a run before that"}, now, True) == "an older AgeLens computed it"
    assert set(making({}, ())) == {"agelens", "results"}
