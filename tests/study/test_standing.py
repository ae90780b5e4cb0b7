import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from agelens.data.table import COLUMNS
from agelens.errors import AgeLensError
from agelens.study.standing import Measured, refuse_to_replace

OWN = Measured("the run's own networks", {"age": "a", "gender": "b"}, "test", "refuse")
OTHER = Measured("the bundle agelens", {"age": "c", "gender": "c"}, "all", "refuse")


def stand(folder: Path, what: Measured) -> None:
    settings = {"split": what.split, "bundles": what.bundles, **what.settings()}
    (folder / "evaluation.json").write_text(json.dumps({"settings": settings}))


@pytest.mark.parametrize(
    ("stands", "wanted"),
    [
        (OWN, OWN),
        # The run's networks were trained anew.
        (OWN, Measured(OWN.networks, {"age": "x"}, "test", "refuse")),
        # The same bundle from elsewhere.
        (OTHER, Measured("the bundle copy", OTHER.bundles, "all", "refuse")),
        # Nothing was refused, so that nothing is left out or included.
        (OTHER, Measured(OTHER.networks, OTHER.bundles, "all", "skip")),
    ],
)
def test_figures_of_the_same_networks_and_faces_are_replaced(
    tmp_path: Path, stands: Measured, wanted: Measured
) -> None:
    stand(tmp_path, stands)
    assert refuse_to_replace(tmp_path, wanted) == ""


@pytest.mark.parametrize(
    ("stands", "wanted", "words"),
    [
        (
            OWN,
            OTHER,
            "the run's own networks on the test split, and those of the bundle agelens on all faces would",
        ),
        (
            OTHER,
            OWN,
            "the bundle agelens on all faces, and those of the run's own networks on the test split would",
        ),
        (
            OTHER,
            Measured("the bundle x", {"age": "x"}, "all", "refuse"),
            "those of the bundle x on all faces would",
        ),
    ],
)
def test_figures_of_other_networks_are_not_replaced(
    tmp_path: Path, stands: Measured, wanted: Measured, words: str
) -> None:
    stand(tmp_path, stands)
    with pytest.raises(AgeLensError, match=words) as told:
        refuse_to_replace(tmp_path, wanted)
    assert str(told.value).endswith("give another folder with --out, or replace them with --force.")


@pytest.mark.parametrize(
    ("split", "overlap", "words"),
    [
        (
            "validation",
            "skip",
            "the figures on the validation split without those it has seen replace those on all faces",
        ),
        (
            "all",
            "allow",
            "the figures on all faces with those it has seen replace those on all faces without those",
        ),
    ],
)
def test_figures_of_the_same_network_on_other_faces_are_replaced_and_told(
    tmp_path: Path, split: str, overlap: str, words: str
) -> None:
    stand(tmp_path, Measured("the bundle a", {"age": "a"}, "all", "skip"))
    assert refuse_to_replace(tmp_path, Measured("the bundle a", {"age": "a"}, split, overlap)).startswith(
        words
    )


@pytest.mark.parametrize("text", ["", "no JSON", "[]", '{"settings": 3}', '{"age": {"mae": 3}}'])
def test_a_file_of_somebody_else_is_not_replaced(tmp_path: Path, text: str) -> None:
    (tmp_path / "evaluation.json").write_text(text)
    with pytest.raises(
        AgeLensError, match=r"evaluation\.json is no evaluation that AgeLens wrote; give another"
    ):
        refuse_to_replace(tmp_path, OWN)


def test_a_table_of_somebody_else_is_not_replaced(tmp_path: Path) -> None:
    refuse_to_replace(tmp_path, OWN)
    # What a measurement left that was broken off.
    (tmp_path / "predictions.csv").write_text(",".join([*COLUMNS, "group", "age_years"]) + "\n")
    refuse_to_replace(tmp_path, OWN)
    (tmp_path / "predictions.csv").write_text("image,prediction\n")
    with pytest.raises(AgeLensError, match=r"predictions\.csv is no table that AgeLens wrote"):
        refuse_to_replace(tmp_path, OWN)


def test_the_command_keeps_figures_until_it_is_told_otherwise(agelens, study, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(study.folder, run, ignore=shutil.ignore_patterns("training", "features", ".lock"))
    kept = (run / "evaluation.json").read_bytes()
    assert json.loads(kept)["settings"]["networks"] == "the run's own networks"
    # One network of the two is another measurement.
    other = [
        "evaluate",
        "--out",
        run,
        "--precision",
        "f32",
        "--bundle",
        study.folder / "age",
        "--split",
        "test",
    ]
    said = agelens(*other)
    assert said.status == 2
    assert "holds the figures of the run's own networks on the test split" in said.err
    assert (run / "evaluation.json").read_bytes() == kept
    said = agelens(
        "evaluate", "--out", run, "--precision", "f32", "--split", "validation", "--overlap", "allow"
    )
    assert said.status == 0, said.err
    assert (
        "the figures on the validation split with those it has seen replace those on the test split"
        in said.err
    )
    assert json.loads((run / "evaluation.json").read_text())["settings"]["split"] == "validation"
    said = agelens(*other, "--force")
    assert said.status == 0, said.err
    kept = json.loads((run / "evaluation.json").read_text())
    assert set(kept) == {"age", "age_limits", "disaggregated", "certainty", "settings"}


@pytest.mark.parametrize(
    ("stands", "wanted", "words"),
    [
        ({}, {"sources": ("fairface",)}, "on the test split of fairface would"),
        ({"sources": ("fairface",)}, {}, "on the test split of fairface, and those"),
        ({}, {"framed": "align"}, "on the test split, found and aligned, would"),
    ],
)
def test_figures_of_other_sources_and_framing_are_not_replaced(
    tmp_path: Path, stands: dict, wanted: dict, words: str
) -> None:
    file = tmp_path / "evaluation.json"
    standing = {"split": "test", "bundles": OWN.bundles, "framed": "refuse", **stands, **OWN.settings()}
    file.write_text(json.dumps({"settings": standing}))
    with pytest.raises(AgeLensError, match=words):
        refuse_to_replace(tmp_path, dataclasses.replace(OWN, **wanted))


def test_crops_are_the_same_faces_whether_they_were_looked_at_or_not(tmp_path: Path) -> None:
    standing = {"split": "test", "bundles": OWN.bundles, "framed": "as-they-are", **OWN.settings()}
    (tmp_path / "evaluation.json").write_text(json.dumps({"settings": standing}))
    assert refuse_to_replace(tmp_path, OWN) == ""
