"""Means and standard deviations over several trainings."""

import json
from pathlib import Path

import pytest

from agelens.errors import AgeLensError
from agelens.evaluation.over_seeds import over_seeds, read_over_seeds, tell_over_seeds


def evaluation(mae: float, accuracy: float) -> dict:
    return {
        "age": {"mae": 99.0, "groups": {"source": {"one": {"mae": mae, "coverage": 0.9}}}},
        "age_group": {"right_group": 0.5},
        "gender": {"accuracy": accuracy},
    }


def test_means_and_spread_by_source(tmp_path: Path) -> None:
    told = over_seeds([evaluation(4.0, 0.95), evaluation(4.2, 0.93)], [7, 8], "test")
    by_name = {(one["source"], one["figure"]): one for one in told["figures"]}
    mae = by_name["one", "age MAE"]
    assert (mae["mean"], mae["values"]) == (pytest.approx(4.1), [4.0, 4.2])
    assert mae["standard_deviation"] == pytest.approx(0.2 / 2**0.5)
    assert tell_over_seeds(mae) == "4.10 (0.14) years"
    # What is of one source alone is not told by source.
    assert tell_over_seeds(by_name["all faces", "gender as labelled"]) == "94.0 (1.4) %"
    file = tmp_path / "seeds.json"
    file.write_text(json.dumps(told))
    assert read_over_seeds(file) == told


@pytest.mark.parametrize(
    "content", ["{}", "[1]", '{"figures": [{"source": 1}], "seeds": [], "split": "test"}']
)
def test_another_file_is_refused_in_a_sentence(tmp_path: Path, content: str) -> None:
    file = tmp_path / "seeds.json"
    file.write_text(content)
    with pytest.raises(AgeLensError, match=r"seeds\.json does not hold the figures of several seeds"):
        read_over_seeds(file)
