"""The probability to be as old as an age limit: of faces, in tables and from the command line."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from agelens.inference.results import Face, ImagePrediction, Predictions


def test_it_is_the_share_of_the_distribution_from_the_limit_on() -> None:
    face = Face(3.0, None, (0.1, 0.2, 0.3, 0.4))
    assert face.at_least(0) == 1
    assert face.at_least(2) == pytest.approx(0.7)
    assert face.at_least(3) == pytest.approx(0.4)
    assert face.at_least(4) == face.at_least(99) == 0
    # Shares need not add up to 1 to the last digit.
    assert Face(3.0, None, (0.1, 0.2, 0.3, 0.40001)).at_least(0) == 1
    assert Face(30.0, None).at_least(18) is None
    found = Predictions([ImagePrediction("a", 0, 0, (face, Face(30.0, None)))])
    assert found.at_least(2) == (pytest.approx(0.7), None)


@pytest.mark.parametrize("limit", [float("nan"), 18.5, "18", None, -1, True])
def test_a_limit_is_a_number_of_whole_years(limit: Any) -> None:
    face = Face(age_distribution=(0.5, 0.5))
    with pytest.raises(ValueError, match="An age limit is a number of whole years from 0 up, not "):
        face.at_least(limit)
    assert face.at_least(np.int64(1)) == 0.5  # type: ignore[arg-type]


def test_only_what_has_an_error_counts_as_not_read() -> None:
    good, bad = ImagePrediction("a", 0, 0, (Face(3.0),)), ImagePrediction("b", 0, 0, error="is empty")
    assert repr(Predictions([good])) == "Predictions(1 image, 1 face)"
    assert repr(Predictions([good, bad])) == "Predictions(2 images, 1 face, 1 not read)"


def test_json_has_it_where_it_is_asked_for() -> None:
    face = Face(3.0, None, (0.1, 0.2, 0.3, 0.4))
    assert face.to_dict((2, 3))["p_at_least_2"] == 0.7
    assert "p_at_least_2" not in face.to_dict()
    assert "p_at_least_2" not in Face(3.0, None).to_dict((2,))


@pytest.fixture(scope="module")
def crops(study) -> list[str]:
    return pd.read_csv(study.folder / "table.csv")["path"].tolist()[:4]


def test_the_command_adds_columns(agelens, crops: list[str], tmp_path: Path) -> None:
    call = ["predict", "--crops", *crops, "--age-limit", 18, "--age-limit", 21]
    answer = agelens(*call, "--csv")
    assert answer.status == 0, answer.err
    rows = list(csv.DictReader(io.StringIO(answer.out)))
    assert all(1 >= float(row["p_at_least_18"]) >= float(row["p_at_least_21"]) >= 0 for row in rows)
    lines = [json.loads(line)["faces"][0] for line in agelens(*call).out.splitlines()]
    assert [str(face["p_at_least_18"]) for face in lines] == [row["p_at_least_18"] for row in rows]
    assert lines[0]["p_at_least_18"] == pytest.approx(sum(lines[0]["age_distribution"][18:]), abs=1e-3)


def test_a_file_goes_on_with_the_same_limits_and_is_refused_with_others(
    agelens, crops: list[str], tmp_path: Path
) -> None:
    out = tmp_path / "faces.csv"
    assert agelens("predict", "--crops", *crops[:2], "--age-limit", 18, "--out", out).status == 0
    before = out.read_text().splitlines()
    assert agelens("predict", "--crops", *crops, "--age-limit", 18, "--out", out).status == 0
    after = out.read_text().splitlines()
    assert after[:3] == before
    assert len(after) == 5
    assert all(line.split(",")[-1] for line in after)
    answer = agelens("predict", "--crops", *crops, "--age-limit", 21, "--out", out)
    assert answer.status == 2
    assert "other age limits" in answer.err


def test_a_network_of_years_alone_states_no_probability(agelens, study, crops: list[str]) -> None:
    answer = agelens("predict", "--crops", *crops, "--bundle", study.folder, "--age-limit", 18)
    assert answer.status == 2
    assert "a probability for each age" in answer.err
    answer = agelens("predict", "--video", "clip.mp4", "--age-limit", 18)
    assert answer.status == 2
    assert "belongs to photographs" in answer.err
