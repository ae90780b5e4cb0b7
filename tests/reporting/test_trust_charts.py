"""The report's sections on age limits, groups and certainty, from figures of made-up estimates."""

import html
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from agelens.evaluation.age_limit_report import measure_age_limits
from agelens.evaluation.certainty_report import LEVELS, level_columns, measure_certainty
from agelens.evaluation.group_report import measure_groups
from agelens.reporting.age_limit_charts import age_limit_charts
from agelens.reporting.certainty_charts import certainty_charts
from agelens.reporting.group_charts import heat_maps
from agelens.reporting.report import write_report
from agelens.utils.files import write_json


def faces(count: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    ages, truth = rng.integers(0, 70, count), rng.random(count)
    race = rng.choice(["White", "<b>Black</b>"], count)
    estimates = np.clip(np.round(ages + rng.normal(0, np.where(race == "White", 3, 9))), 0, None)
    rows = pd.DataFrame(
        {
            "path": [f"/faces/{number}.jpg" for number in range(count)],
            "age": ages,
            "gender": (rng.random(count) < truth).astype(int),
            "race": race,
            "age_years": estimates,
            "p_female": truth,
            "p_at_least_18": 1 / (1 + np.exp(-(estimates - 18) / 3)),
        }
    )
    for level, width in zip(LEVELS, (6, 8, 10), strict=True):
        low, high = level_columns(level)
        rows[low], rows[high] = estimates - width - rng.integers(0, 4, count), estimates + width
    return rows


@pytest.fixture(scope="module")
def evaluation() -> dict:
    rows = faces()
    return {
        "age_limits": measure_age_limits(rows, rows.iloc[:0], (13, 18), 0.01, 1),
        "disaggregated": measure_groups(rows, 1),
        "certainty": measure_certainty(rows, {0.8: False, 0.9: True, 0.95: False}, 1.0, 0.05, 1),
        "settings": {"split": "test"},
    }


@pytest.fixture(scope="module")
def page(evaluation: dict, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("trust")
    write_json(folder / "evaluation.json", evaluation)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("agelens.reporting.figure_files.DPI", 40)
        text = write_report(folder).read_text(encoding="utf-8")
    assert (folder / "charts" / "age_limit_18.png").stat().st_size > 2000
    return text


def words(page: str) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page)))


def test_the_sections_stand_in_the_report_with_their_charts(page: str) -> None:
    for section in ("age-limits", "groups", "certainty"):
        assert f'<section id="{section}">' in page
        assert f'href="#{section}"' in page
    places = re.findall(r'data-figure="(\w+)"', page)
    assert {"age_limit_13", "age_limit_18", "age_limit_reliability", "gender_reliability"} <= set(places)
    assert {"gender_abstention", "error_by_width"} <= set(places)
    assert sum(place.startswith("groups_") for place in places) == 6


def test_the_tables_tell_the_figures(page: str, evaluation: dict) -> None:
    text = words(page)
    limit = evaluation["age_limits"]["limits"]["18"]["overall"]
    assert f"{100 * limit['at_limit']['false_positives']['value']:.1f} %" in text
    assert evaluation["age_limits"]["notice"] in text
    assert evaluation["disaggregated"]["gaps"][0] in html.unescape(page)
    assert "The bundle was calibrated for 90 % alone: the intervals of 80 % and the others" in text
    assert "the bundle's temperature is 1.00 (it was not fitted)" in text
    assert "<b>Black" not in page


def test_charts_hold_what_was_measured(evaluation: dict) -> None:
    figure = age_limit_charts(evaluation["age_limits"])["age_limit_18"]
    curve = evaluation["age_limits"]["limits"]["18"]["overall"]["curve"]
    assert list(figure.data[0].y) == curve["false_positives"]
    assert {trace.name for trace in figure.data} == {"all", "male", "female", "White", "<b>Black</b>"}
    maps = heat_maps(evaluation["disaggregated"])
    ages = maps["groups_age_mae_age_band_gender"].data[0]
    told = evaluation["disaggregated"]["figures"]["age_mae"]["kinds"]["age_band x gender"]["by_group"]
    assert ages.z[0][0] == told["0-9 x male"]["value"]
    assert any(text.startswith("(") for line in ages.text for text in line) == any(
        one["few"] for one in told.values()
    )
    charts = certainty_charts(evaluation)
    assert list(charts["gender_abstention"].data[0].x)[-1] == 1
    assert len(charts["error_by_width"].data[0].x) == len(evaluation["certainty"]["age"]["error_by_width"])


def test_without_the_sections_there_is_nothing() -> None:
    assert age_limit_charts({}) == heat_maps({}) == certainty_charts({}) == {}


def test_the_page_of_an_empty_run_has_none_of_it(tmp_path: Path) -> None:
    text = write_report(tmp_path).read_text(encoding="utf-8")
    assert 'id="age-limits"' not in text
    assert 'id="groups"' not in text
