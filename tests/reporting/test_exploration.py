"""Findings follow from the table, whatever the table looks like."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from agelens.errors import AgeLensError
from agelens.reporting.dataset_numbers import find_modes, find_outlier_bins, measure, whipple_index
from agelens.reporting.exploration import CHARTS, draw_rows, explore, face_caption, load_tile
from agelens.reporting.findings import describe


@pytest.fixture(autouse=True)
def coarse_png(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write one small PNG file for each chart: what is tested here does not hang on resolution and formats."""
    monkeypatch.setattr("agelens.reporting.figure_files.DPI", 50)
    monkeypatch.setattr("agelens.reporting.figure_files.FORMATS", ("png",))


def table_of(ages: list[int], genders: list[int] | None = None, race: str = "") -> pd.DataFrame:
    """A face table of these ages whose files do not exist."""
    genders = genders or [index % 2 for index in range(len(ages))]
    columns = {
        "path": "missing.jpg",
        "age": ages,
        "gender": genders,
        "race": race,
        "taken_at": "",
        "digest": "",
    }
    return pd.DataFrame(columns)


def two_humps() -> list[int]:
    """300 images of ages 1 to 5, 900 around 30, with 500 more at exactly 26."""
    random = np.random.default_rng(42)
    young = random.integers(1, 6, 300)
    adult = np.clip(random.normal(30, 6, 900), 12, 60)
    return [int(age) for age in np.concatenate([young, adult, np.full(500, 26)])]


def test_peaks_and_their_counts_are_named() -> None:
    ages = two_humps()
    numbers = measure(table_of(ages))
    assert len(numbers["modes"]) == 2
    young, adult = numbers["modes"]
    assert young["peak"] in range(1, 6)
    assert young["peak_images"] == ages.count(young["peak"])
    assert adult["peak"] == 26
    assert adult["peak_images"] == ages.count(26) > 500
    assert young["share"] + adult["share"] == pytest.approx(1.0)
    assert [outlier_bin["age"] for outlier_bin in numbers["outlier_bins"]] == [26]
    text = " ".join(describe(numbers))
    assert f"its peak at 26 ({ages.count(26):,} images)" in text
    assert "The peak at 26 is the strongest." in text


def test_a_hump_at_the_oldest_age_counts() -> None:
    counts = np.zeros(117, dtype=np.int64)
    counts[[1, 2, 115, 116]] = 50
    assert [(mode["from"], mode["to"]) for mode in find_modes(counts)] == [(1, 2), (115, 116)]


def test_noise_makes_no_humps() -> None:
    counts = np.bincount(np.random.default_rng(0).integers(20, 60, 80))
    assert len(find_modes(counts)) <= 2


def test_few_images_make_no_spike() -> None:
    assert find_outlier_bins(np.array([0, 1, 9, 1, 1])) == []


@pytest.mark.parametrize(("ages", "index"), [([25, 30, 35, 40] * 30, 5.0), (list(range(23, 63)) * 5, 1.0)])
def test_heaping(ages: list[int], index: float) -> None:
    assert whipple_index(np.bincount(ages)) == pytest.approx(index)
    told = " ".join(describe(measure(table_of(ages))))
    assert ("multiples of five" in told) == (index > 1.1)


def test_shares_skewness_and_thin_bands() -> None:
    table = table_of([20] * 60 + [30] * 30 + [50] * 9 + [85], [0] * 75 + [1] * 25)
    numbers = measure(table)
    assert numbers["gender"]["male"] == {"images": 75, "share": 0.75}
    assert numbers["aged_80_or_more"] == {"images": 1, "share": 0.01}
    assert numbers["bands"]["20-29"]["share"] == 0.6
    assert "80+" in numbers["under_represented_bands"]
    assert "50-59" not in numbers["under_represented_bands"]
    text = " ".join(describe(numbers))
    assert "75 (75.0 %) are labelled male and 25 (25.0 %) female: a gap of 50.0 percentage points" in text
    assert "longer tail is on the older side" in text
    assert "no race labels" in text


def test_races_are_counted() -> None:
    table = table_of([20, 30, 40, 50])
    table["race"] = ["Asian", "Asian", "Other", ""]
    assert measure(table)["races"] == {
        "Asian": {"images": 2, "share": 0.5},
        "Other": {"images": 1, "share": 0.25},
    }


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (table_of([26], [1]), "one face, labelled female, aged 26"),
        (table_of([40] * 50), "All faces are aged 40."),
        (table_of([0, 30, 116], [0, 0, 0], race="$x$ <b>"), "All 3 faces are labelled male"),
        (table_of([20, 30, 41, 50]).drop(columns="race"), "no race labels"),
    ],
    ids=["one row", "constant age", "one gender", "no race column"],
)
def test_odd_tables(table: pd.DataFrame, told: str, tmp_path: Path) -> None:
    result = explore(table, tmp_path, 42)
    assert told in " ".join(result.findings)
    assert all(finding.endswith(".") for finding in result.findings)
    assert len(list((tmp_path / "charts").glob("*.png"))) == len(CHARTS) + 1


def test_what_is_written_is_what_is_returned(tmp_path: Path) -> None:
    result = explore(table_of(two_humps()[::20], race="White"), tmp_path, 42)
    written = json.loads((tmp_path / "exploration.json").read_text(encoding="utf-8"))
    assert written == {"findings": result.findings, "numbers": result.numbers}
    assert list(result.figures) == list(CHARTS)


def test_an_empty_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AgeLensError, match="no row"):
        explore(table_of([]), tmp_path, 42)


def test_faces_are_drawn_by_the_seed() -> None:
    table = table_of(list(range(100)))
    assert draw_rows(table, 1).equals(draw_rows(table, 1))
    assert len(draw_rows(table, 1)) == 32
    assert not draw_rows(table, 1).equals(draw_rows(table, 2))
    assert face_caption(26, 26, 1) == "26 F"
    assert face_caption(20, 29, 0) == "20-29 M"
    assert face_caption(float("nan"), float("nan"), float("nan")) == "? ?"


def test_a_lost_file_gives_a_crossed_tile(tmp_path: Path) -> None:
    tile = load_tile(str(tmp_path / "lost.jpg"), 16)
    assert tile.shape == (16, 16, 3)
    assert (tile[0, 0] == 110).all()
    assert (tile[0, 5] == 200).all()
    Image.new("RGB", (20, 20), "red").save(tmp_path / "red.png")
    assert (load_tile(str(tmp_path / "red.png"), 16) == (255, 0, 0)).all()
