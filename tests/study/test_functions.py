"""The steps as single functions: no folder is kept, and the results are those of a study."""

import gc
from pathlib import Path

import pandas as pd
import pytest

import agelens
from agelens.errors import AgeLensError
from agelens.study.functions import audit, compare_backbones, evaluate, split, train
from agelens.utils.files import read_json

SMALL = {"image_size": 32, "precision": "f32", "progress": False}


@pytest.fixture(scope="module")
def faces(faces_folder: Path) -> pd.DataFrame:
    """Synthetic faces, audited and split by the public functions."""
    return split(audit(agelens.read_faces(faces_folder), progress=False), seed=42).table


def test_faces_are_audited_and_split_without_a_folder(study, faces: pd.DataFrame, faces_folder: Path) -> None:
    kept = pd.read_csv(study.folder / "table.csv")
    assert faces["split"].tolist() == kept["split"].tolist()
    assert faces["group"].tolist() == kept["group"].astype(str).tolist()
    content = audit(str(faces_folder), progress=False).content
    assert content == read_json(study.folder / "audit.json")


def test_backbones_are_compared_as_in_a_study(study, faces: pd.DataFrame) -> None:
    compared = compare_backbones(faces, ["SmallConv"], weights="random", epochs=2, cache=study.cache, **SMALL)
    row = compared.to_frame().iloc[0]
    assert row["backbone"] == "SmallConv"
    assert 0 < row["age_mae"] < 100


def test_networks_are_trained_measured_and_gone_with_their_result(
    faces: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    trained = train(faces, "gender", "scratch", epochs=1, **SMALL)
    measured = evaluate(faces, trained, precision="f32", progress=False)
    assert measured.content["settings"]["split"] == "test"
    assert len(measured.predictions) == (faces["split"] == "test").sum()
    assert trained.model("gender").output_shape == (None, 1)
    with pytest.raises(AgeLensError, match="not measured on images that made it"):
        evaluate(faces, trained, "train", progress=False)
    folder = trained.folder
    assert folder.is_dir()
    del trained
    gc.collect()
    assert not folder.exists()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_keeps_the_networks_where_one_is_named(faces: pd.DataFrame, tmp_path: Path) -> None:
    settings = {"epochs": 1, "out": tmp_path / "mine", **SMALL}
    first = train(faces, "gender", "scratch", **settings)
    sums = (tmp_path / "mine" / "gender" / "SHA256SUMS").stat().st_mtime_ns
    again = train(faces, "gender", "scratch", **settings)
    assert again.cards == first.cards
    assert (tmp_path / "mine" / "gender" / "SHA256SUMS").stat().st_mtime_ns == sums


def test_the_network_of_agelens_is_measured_where_none_is_named(faces: pd.DataFrame) -> None:
    rows = faces.head(12).drop(columns="split")
    measured = evaluate(rows, crops_as_they_are=True, progress=False)
    assert measured.tasks == ("age", "gender")
    assert measured.content["settings"]["split"] == "all"
    assert measured.to_frame()["n"].max() == 12
    loaded = evaluate(rows, agelens.load(), crops_as_they_are=True, progress=False)
    pd.testing.assert_frame_equal(loaded.predictions, measured.predictions)
    with pytest.raises(AgeLensError, match="networks is a path"):
        evaluate(rows, 5, progress=False)  # type: ignore[arg-type]


def test_what_was_left_out_is_said(faces: pd.DataFrame, faces_folder: Path) -> None:
    with pytest.raises(AgeLensError, match=r"not split; split it with agelens\.split first"):
        train(agelens.read_faces(faces_folder), "age")
    with pytest.raises(AgeLensError, match="audit the images first"):
        split(agelens.read_faces(faces_folder))
    with pytest.raises(AgeLensError, match="exclude one another"):
        evaluate(faces, align=True, crops_as_they_are=True)


def test_a_source_without_a_usable_image_is_named_with_a_file(tmp_path: Path) -> None:
    (tmp_path / "30_1_0_20170109150557335.jpg").write_bytes(b"no picture")
    with pytest.raises(
        AgeLensError, match=r"Not one image of .* can be used: 30_1_0_20170109150557335\.jpg "
    ):
        agelens.audit(tmp_path, progress=False)
