from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from agelens.data.loaders import read_faces_at
from agelens.errors import AgeLensError
from agelens.models.backbones import Backbone, build_backbone
from agelens.models.registry import REGISTRY, find_backbone
from agelens.training import feature_cache as module
from agelens.training.feature_cache import extract, resolve_precision


@pytest.fixture(scope="module")
def small() -> Backbone:
    return build_backbone(find_backbone("SmallConv"), "random", 32)


def relative(ours: np.ndarray, theirs: np.ndarray) -> float:
    """L2 distance of the features, relative to the L2 norm of Keras's."""
    return float(np.linalg.norm(ours - theirs) / np.linalg.norm(theirs))


def jitter_batch_norms(network: keras.Model) -> None:
    """Give batch normalisation something to do: fresh statistics would pass a conversion that loses them."""
    rng = np.random.default_rng(0)
    for layer in network.layers:
        for inner in getattr(layer, "layers", [layer]):
            if isinstance(inner, keras.layers.BatchNormalization):
                inner.moving_mean.assign(rng.normal(0, 0.05, inner.moving_mean.shape))
                inner.moving_variance.assign(rng.uniform(0.8, 1.2, inner.moving_variance.shape))


@pytest.mark.parametrize("name", REGISTRY)
def test_features_equal_those_of_keras(name: str, table: pd.DataFrame, cache: Path) -> None:
    image_size = max(64, find_backbone(name).min_image_size)
    backbone = build_backbone(find_backbone(name), "random", image_size)
    some = table.iloc[:8]
    assert backbone.model is not None
    jitter_batch_norms(backbone.model)
    expected = backbone.model.predict(read_faces_at(some["path"].tolist(), image_size), verbose=0)
    assert np.abs(expected).max() > 0
    for precision, tolerance in (("f32", 1e-5), ("bf16", 2e-2)):
        maps = extract(backbone, some, precision, cache=cache)
        assert relative(maps.read(slice(None)), expected) < tolerance
        pooled = extract(backbone, some, precision, pool=True, cache=cache)
        assert relative(pooled.read(slice(None)), expected.mean(axis=(1, 2))) < tolerance


def test_pooling_in_the_pass_equals_pooling_kept_maps(
    small: Backbone, table: pd.DataFrame, cache: Path
) -> None:
    in_the_pass = extract(small, table, "f32", pool=True, cache=cache / "one").read(slice(None))
    extract(small, table, "f32", cache=cache / "two")
    from_maps = extract(small, table, "f32", pool=True, cache=cache / "two")
    assert from_maps.shape == in_the_pass.shape[1:] == (96,)
    np.testing.assert_allclose(from_maps.read(slice(None)), in_the_pass, rtol=1e-4, atol=1e-6)


def test_the_second_time_nothing_is_computed(
    small: Backbone, table: pd.DataFrame, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = extract(small, table, "f32", cache=cache)
    monkeypatch.setattr(module, "run_network", lambda *arguments: pytest.fail("the network ran again"))
    # Another order, fewer rows and another place find the same rows.
    other = table.iloc[::-2].assign(path="elsewhere.jpg")
    again = extract(small, other, "f32", cache=cache)
    np.testing.assert_array_equal(again.read(slice(None)), first.read(slice(None))[::-2])
    assert again.images_per_second == pytest.approx(first.images_per_second)


def test_only_new_images_are_computed(
    small: Backbone, table: pd.DataFrame, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    extract(small, table.iloc[:40], "f32", cache=cache)
    seen = []
    run = module.run_network
    monkeypatch.setattr(
        module, "run_network", lambda c, images, s: seen.append(len(images)) or run(c, images, s)
    )
    grown = extract(small, table, "f32", cache=cache)
    assert sum(seen) == 20
    alone = extract(small, table, "f32", cache=cache / "other")
    np.testing.assert_allclose(grown.read(slice(None)), alone.read(slice(None)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("torn", ["rows", "digests", "line"])
def test_a_killed_pass_goes_on_where_it_stopped(
    small: Backbone, table: pd.DataFrame, cache: Path, monkeypatch: pytest.MonkeyPatch, torn: str
) -> None:
    whole = extract(small, table, "f32", cache=cache / "whole").read(slice(None))
    monkeypatch.setattr(module, "_CHUNK", 16)
    run, calls = module.run_network, []

    def stop_in_the_third(*arguments: object) -> np.ndarray:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return run(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "run_network", stop_in_the_third)
    with pytest.raises(KeyboardInterrupt):
        extract(small, table, "f32", cache=cache)
    folder = next((cache / "features").iterdir())
    # What a kill in the middle of a write leaves behind.
    if torn == "rows":
        with (folder / "rows.bin").open("ab") as file:
            file.write(b"\x00" * 333)
    elif torn == "digests":
        with (folder / "rows.bin").open("r+b") as file:
            file.truncate((folder / "rows.bin").stat().st_size - 5)
    else:
        with (folder / "digests.txt").open("ab") as file:
            file.write(b"0123abc")
    kept = 31 if torn == "digests" else 32
    computed = []
    monkeypatch.setattr(
        module, "run_network", lambda c, images, s: computed.append(len(images)) or run(c, images, s)
    )
    resumed = extract(small, table, "f32", cache=cache).read(slice(None))
    assert sum(computed) == len(table) - kept
    np.testing.assert_allclose(resumed, whole, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "place"), [("rows.bin", 1000), ("digests.txt", 74 * 3 + 5), ("digests.txt", 74 * 2 - 1)]
)
def test_a_row_that_the_disk_damaged_is_computed_again_and_told(
    small: Backbone,
    table: pd.DataFrame,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    place: int,
) -> None:
    some = table.iloc[:8]
    before = extract(small, some, "f32", cache=cache).read(slice(None))
    file = next((cache / "features").glob(f"*/{name}"))
    data = bytearray(file.read_bytes())
    data[place] ^= 0x80
    file.write_bytes(bytes(data))
    told: list[str] = []
    monkeypatch.setattr(module, "say", told.append)
    run, computed = module.run_network, []
    monkeypatch.setattr(
        module, "run_network", lambda c, images, s: computed.append(len(images)) or run(c, images, s)
    )
    after = extract(small, some, "f32", cache=cache).read(slice(None))
    assert computed == [1]
    assert len(told) == 1
    assert "1 rows in" in told[0]
    np.testing.assert_allclose(after, before, rtol=1e-5, atol=1e-6)


def test_several_damaged_rows_are_computed_again_and_told_once(
    small: Backbone, table: pd.DataFrame, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = table.iloc[:8]
    before = extract(small, some, "f32", cache=cache).read(slice(None))
    file = next((cache / "features").glob("*/digests.txt"))
    data = bytearray(file.read_bytes())
    for row in (1, 3, 7):
        data[74 * row + 5] ^= 0x80
    file.write_bytes(bytes(data))
    told: list[str] = []
    monkeypatch.setattr(module, "say", told.append)
    for _ in range(2):
        after = extract(small, some, "f32", cache=cache).read(slice(None))
        np.testing.assert_allclose(after, before, rtol=1e-5, atol=1e-6)
    assert len(told) == 1
    assert "3 rows in" in told[0]


@pytest.mark.parametrize("name", ["backbone.bin", "backbone.xml", "sums.json"])
def test_a_converted_network_that_the_disk_damaged_is_converted_again(
    small: Backbone, table: pd.DataFrame, cache: Path, name: str
) -> None:
    before = extract(small, table.iloc[:4], "f32", cache=cache).read(slice(None))
    file = next((cache / "networks").glob(f"*/{name}"))
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0x40
    file.write_bytes(bytes(data))
    extract(small, table.iloc[4:8], "f32", cache=cache)
    assert file.read_bytes() != bytes(data)
    after = extract(small, table.iloc[:4], "f32", cache=cache / "other").read(slice(None))
    np.testing.assert_allclose(after, before, rtol=1e-5, atol=1e-6)


def test_weights_side_and_precision_have_features_of_their_own(
    small: Backbone, table: pd.DataFrame, cache: Path
) -> None:
    some = table.iloc[:4]
    extract(small, some, "f32", cache=cache)
    extract(small, some, "bf16", cache=cache)
    extract(build_backbone(find_backbone("SmallConv"), "random", 48), some, "f32", cache=cache)
    extract(build_backbone(find_backbone("SmallConv"), "random", 32, seed=1), some, "f32", cache=cache)
    assert len(list((cache / "features").iterdir())) == 4


def test_identical_images_share_a_row(small: Backbone, table: pd.DataFrame, cache: Path) -> None:
    twice = pd.concat([table.iloc[:3], table.iloc[:3]])
    values = extract(small, twice, "f32", cache=cache).read(slice(None))
    np.testing.assert_array_equal(values[:3], values[3:])
    store = next((cache / "features").iterdir())
    assert (store / "digests.txt").read_text().count("\n") == 3


def test_a_broken_image_is_named(small: Backbone, table: pd.DataFrame, cache: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(Path(table["path"][0]).read_bytes()[:500])
    rows = table.iloc[:3].assign(path=[table["path"][0], str(broken), table["path"][2]])
    with pytest.raises(AgeLensError, match=r"broken\.jpg .*not a whole JPEG"):
        extract(small, rows, "f32", cache=cache)


def test_a_disk_that_is_too_small_is_told_beforehand(
    small: Backbone, table: pd.DataFrame, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    usage = shutil.disk_usage(".")
    monkeypatch.setattr(module.shutil, "disk_usage", lambda path: usage._replace(free=1000))
    with pytest.raises(AgeLensError, match="--cache FOLDER"):
        extract(small, table, "f32", cache=cache)


def test_an_unknown_precision_is_refused() -> None:
    assert resolve_precision("auto") in ("bf16", "f32")
    with pytest.raises(AgeLensError, match="'f16' is not one of"):
        resolve_precision("f16")
