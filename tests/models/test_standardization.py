"""What a head learns does not depend on the scale of the features."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from agelens.evaluation.small_heads import train_small_heads
from agelens.models.heads import build_head, describe_layers
from agelens.models.standardization import Standardisation, measure_moments, standardise
from agelens.training import transfer
from agelens.training import transfer as module
from agelens.training.features import Features
from agelens.training.recipes import comparison_recipe, find_recipe

FACES = 160
TASKS = ("age", "gender")


def make_table() -> pd.DataFrame:
    rng = np.random.default_rng(7)
    return pd.DataFrame(
        {
            "age": rng.integers(1, 80, FACES),
            "gender": rng.integers(0, 2, FACES),
            "split": np.where(np.arange(FACES) % 4 == 3, "validation", "train"),
            "digest": [f"{number:064x}" for number in range(FACES)],
        }
    )


def make_rows(table: pd.DataFrame) -> NDArray[np.float32]:
    """Maps as of a ReLU network: sparse, one channel that never answers, channels of very different size."""
    rng = np.random.default_rng(8)
    rows = np.maximum(rng.normal(size=(FACES, 3, 3, 8)) - 0.5, 0)
    rows[..., 0] += table["age"].to_numpy()[:, None, None] / 40
    rows[..., 1] += table["gender"].to_numpy()[:, None, None]
    rows[..., 2] = 0
    return (rows * np.geomspace(0.1, 10, 8)).astype(np.float32)


def features(rows: NDArray[np.float32]) -> Features:
    return Features(rows, np.arange(len(rows)), False, rows.shape[1:], "f32", None, rows[0].nbytes)


def compared(rows: NDArray[np.float32], exact: bool = False) -> dict[str, dict[str, Any]]:
    recipes = [comparison_recipe(task, "flatten", 3) for task in TASKS]
    recipes = [recipe.exact() for recipe in recipes] if exact else recipes
    return train_small_heads(features(rows), make_table(), recipes, 42, "made")


CURVES = [("age", "train_mae"), ("age", "val_mae"), ("gender", "train_accuracy"), ("gender", "val_accuracy")]


@pytest.mark.parametrize("factor", [0.01, 100.0])
def test_the_comparison_does_not_depend_on_the_scale_of_the_features(factor: float) -> None:
    rows = make_rows(make_table())
    usual, scaled = compared(rows), compared(rows * np.float32(factor))
    for task, curve in CURVES:
        np.testing.assert_allclose(scaled[task][curve], usual[task][curve], rtol=1e-4)
    # The notebook's own arithmetic depends on it, and that is what it is kept for.
    exact, other = compared(rows, exact=True), compared(rows * np.float32(factor), exact=True)
    assert not np.allclose(exact["age"]["val_mae"], other["age"]["val_mae"], rtol=1e-2)


@pytest.mark.parametrize(("task", "pooling"), [("age", "flatten"), ("gender", "avg-pool")])
def test_a_training_does_not_depend_on_the_scale_of_the_features(
    task: str, pooling: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = make_table()
    rows = make_rows(table)
    recipe = find_recipe("notebook", task).replace(epochs=3, pooling=pooling, hidden=8)

    def curves(factor: float) -> list[float]:
        monkeypatch.setattr(module, "extract", lambda *_, **__: features(rows * np.float32(factor)))
        _, training = transfer.train_head(
            None, table, recipe, tmp_path / str(factor), module.Settings(), {}, 30.0, lambda *_: _Quiet()
        )
        return [value for key in sorted(training.history) for value in training.history[key]]

    usual = curves(1.0)
    for factor in (0.01, 100.0):
        np.testing.assert_allclose(curves(factor), usual, rtol=1e-3)


class _Quiet:
    def __enter__(self) -> Any:
        return lambda steps=1, note="": None

    def __exit__(self, *_: object) -> None: ...


@settings(max_examples=30, deadline=None)
@given(
    factor=st.floats(1e-12, 1e12),
    shift=st.floats(-100, 100),
    shape=st.sampled_from([(5,), (1, 1, 3), (4, 2, 6)]),
    seed=st.integers(0, 1000),
)
def test_what_the_layer_gives_does_not_depend_on_scale_or_shift(
    factor: float, shift: float, shape: tuple[int, ...], seed: int
) -> None:
    rows = np.random.default_rng(seed).gamma(0.5, size=(50, *shape))

    def standardised(values: NDArray[np.float64]) -> NDArray[np.float64]:
        found = standardise(measure_moments(lambda picked: values[picked], len(values)), "gender")
        return values * found.scale + found.offset

    np.testing.assert_allclose(standardised((rows + shift) * factor), standardised(rows), atol=1e-6)


def test_features_that_say_nothing_become_zeros() -> None:
    alike = np.full((20, 2, 2, 3), 7.0, np.float32)
    found = standardise(measure_moments(lambda picked: alike[picked], len(alike)), "gender")
    np.testing.assert_allclose(alike * found.scale + found.offset, 0, atol=1e-9)


def test_the_layer_is_saved_with_the_head(tmp_path: Path) -> None:
    scale = Standardisation(np.array([2.0, 0.5, 1.0]), np.array([0.0, -1.0, 3.0]))
    head = build_head(comparison_recipe("age", "flatten", 1), (2, 2, 3), 31.0, scale)
    assert describe_layers(head) == ["Standardise", "Dropout 0.2", "Flatten", "Dense 1 linear"]
    rows = np.random.default_rng(0).normal(size=(4, 2, 2, 3)).astype(np.float32)
    expected = (rows * scale.scale + scale.offset).reshape(4, -1) @ head.layers[-1].get_weights()[0] + 31
    np.testing.assert_allclose(head.predict(rows, verbose=0), expected, rtol=1e-5)
    head.save(tmp_path / "head.keras")
    again = keras.saving.load_model(tmp_path / "head.keras")
    np.testing.assert_allclose(again.predict(rows, verbose=0), expected, rtol=1e-5)
