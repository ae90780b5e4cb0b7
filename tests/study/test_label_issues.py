from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from agelens.utils.files import read_json


def test_labels_are_ranked_and_the_table_corrects_a_run(
    study: Any, agelens: Callable[..., Any], tmp_path: Path
) -> None:
    out = tmp_path / "run"
    small = ["--backbone", "SmallConv", "--weights", "random", "--image-size", 32, "--cache", study.cache,
             "--precision", "f32", "--top", 5]  # fmt: skip
    said = agelens("label-issues", study.source, "--out", out, "--json", *small)
    assert said.status == 0, said.err
    assert "RANDOM weights" in said.err
    found = read_json(out / "label_issues.json")
    assert found["faces"] == read_json(out / "audit.json")["usable"]
    assert found["weights"] == "random"
    assert found["source"] == study.source.name
    assert found["gender_labels"] == found["faces"]
    rows = pd.read_csv(out / "label_issues.csv")
    assert 5 <= len(rows) <= 10
    assert all(Path(path).is_file() for path in rows["path"])
    page = (out / "label_issues.html").read_text()
    assert page.count("<figure>") == 10
    assert "Suspicious labels" in page
    again = agelens("label-issues", "--out", out, *small)
    assert "label-issues: done before" in again.err

    corrected = agelens(
        "audit", study.source, "--out", tmp_path / "other", "--exclude", out / "label_issues.csv", "--json"
    )
    assert corrected.status == 0, corrected.err
    assert read_json(tmp_path / "other" / "audit.json")["usable"] == found["faces"] - len(rows)


def test_a_network_that_learned_these_labels_is_refused(
    study: Any, agelens: Callable[..., Any], tmp_path: Path
) -> None:
    said = agelens("label-issues", study.source, "--out", tmp_path / "run", "--backbone", "gone.onnx@112:tf")
    assert said.status == 2
    assert "gone.onnx does not exist" in said.err
