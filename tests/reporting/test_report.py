"""The report of a full run, of an empty one, and of one with hostile names."""

import html
import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from agelens.data.table import write_table
from agelens.errors import AgeLensError
from agelens.reporting import facts
from agelens.reporting.exploration import face_caption
from agelens.reporting.figure_files import FORMATS
from agelens.reporting.report import write_report
from agelens.utils.files import write_json
from tests.reporting.runs import make_card, make_comparison, make_evaluation, make_run, make_table


@pytest.fixture(autouse=True, scope="module")
def coarse_png() -> Iterator[None]:
    """Write one small PNG file for each chart: what is tested here does not hang on resolution and formats."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("agelens.reporting.figure_files.DPI", 50)
        patch.setattr("agelens.reporting.figure_files.FORMATS", ("png",))
        yield


SECTIONS = ("summary", "data", "exploring", "split", "comparison", "age", "gender", "test", "limits", "made")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The report of a full run without Plotly's script, which is not AgeLens's to test."""
    run = make_run(tmp_path_factory.mktemp("report") / "run")
    return without_plotly(write_report(run).read_text(encoding="utf-8"))


def without_plotly(page: str) -> str:
    """Cut out the first script without attributes: four megabytes of Plotly."""
    start = page.index("<script>")
    end = page.index("</script>", start)
    assert end - start > 1_000_000, "Plotly is not inside the page"
    return page[:start] + page[end:]


def figures_of(page: str) -> dict[str, Any]:
    match = re.search(r'<script type="application/json" id="figures">(.*?)</script>', page, re.DOTALL)
    assert match
    return json.loads(match[1])


def test_a_full_run_tells_every_section(page: str) -> None:
    assert "on UTKFace, 120 faces" in page
    for section in SECTIONS:
        assert f'<section id="{section}">' in page
        assert f'href="#{section}"' in page
    assert page.count("<section") == len(SECTIONS)
    assert 'class="note missing"' not in page
    assert "Over the 11 pairs that show one picture twice, its two ages differ by 3.50 years" in page
    assert "its two genders in 9.1 %" in page
    assert page.startswith("<!doctype html>")


def test_every_place_for_a_chart_has_its_figure(page: str) -> None:
    places = re.findall(r'data-figure="(\w+)"', page)
    embedded = figures_of(page)
    assert len(places) == len(set(places)) == 17
    assert set(places) == set(embedded["figures"])
    assert set(embedded["themes"]) == {"light", "dark"}
    # The look comes from the page's theme; a template in every figure would be carried seventeen times.
    assert all("template" not in figure["layout"] for figure in embedded["figures"].values())


def test_figures_stand_beside_intervals_and_baselines(page: str) -> None:
    text = html.unescape(re.sub(r"<[^>]+>", " ", page))
    for told in ("5.43", "5.20 to 5.66", "15.20", "61.2 %", "91.2 %", "89.9 % to 92.4 %", "52.3 %", "0.969"):
        assert told in text
    assert "worst 80+ (8.00, n 40)" in text
    assert "Best on the validation split: MobileNetV3Large (7.60)" in text
    assert "Chance alone may have put it before VGG16, MobileNetV3Small (in paired differences" in text
    assert "Best on the validation split: ResNet152V2 (89.0 %). It is better than the other in paired" in text
    assert "non-commercial research only" in text
    assert "Before you trust" not in text


def test_nothing_is_loaded_from_a_network(page: str) -> None:
    assert not re.findall(r"""(?:src|href|action)\s*=\s*["']?(?:https?:)?//""", page)
    assert not re.findall(r"url\(|@import|fetch\(", page)
    assert "default-src 'none'" in page


def test_faces_are_embedded_with_captions_and_marks(page: str) -> None:
    assert page.count('src="data:image/jpeg;base64,') == 32 + 24
    assert re.search(r"true \d+ [MF]\n[✓✗] pred \d+\.\d\n[✓✗] [MF] \d+ %", page)
    assert 'alt="Measured face: true ' in page


def test_charts_of_results_are_written_as_png_svg_and_pdf(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agelens.reporting.figure_files.FORMATS", FORMATS)
    run = tmp_path / "run"
    write_json(run / "comparison.json", make_comparison())
    write_report(run)
    charts = (
        "error_against_cost_age",
        "error_against_cost_gender",
        "learning_curves_age",
        "learning_curves_gender",
    )
    names = sorted(path.name for path in (run / "charts").iterdir())
    assert names == [f"{chart}.{form}" for chart in charts for form in ("pdf", "png", "svg")]
    with Image.open(run / "charts" / f"{charts[0]}.png") as image:
        assert np.asarray(image.convert("L")).std() > 5


def test_the_notebooks_arithmetic_stands_beside_agelens(tmp_path: Path) -> None:
    run, comparison = tmp_path / "run", make_comparison()
    write_json(run / "comparison.json", comparison)
    assert "own arithmetic" not in without_plotly(write_report(run).read_text(encoding="utf-8"))
    exact = {task: {"VGG16": dict(comparison[task]["VGG16"])} for task in ("age", "gender")}
    exact["age"]["VGG16"] |= {"val_mae": [20.0, 12.25], "val_mae_ci95": [11.111, 13.333]}
    exact["gender"]["VGG16"] |= {"val_accuracy": [0.5, 0.8781], "val_accuracy_ci95": [0.8531, 0.8917]}
    write_json(run / "comparison.json", {**comparison, "notebook_exact": exact})
    page = without_plotly(write_report(run).read_text(encoding="utf-8"))
    ours = comparison["age"]["VGG16"]["val_mae"][-1]
    assert f"<td>{ours:.2f}</td>" in page
    assert "<td>12.25</td><td>11.11 to 13.33</td>" in page
    assert "<td>87.8 %</td><td>85.3 % to 89.2 %</td>" in page
    assert "own arithmetic" in page
    # A table beside the table of all backbones, for each task, with one row: only VGG16 was compared in both ways.
    assert page.count("<th>Notebook</th>") == 2
    for task in ("age", "gender"):
        assert f'data-figure="two_arithmetics_{task}"' in page
        assert (run / "charts" / f"two_arithmetics_{task}.png").exists()


def test_figures_by_group_are_written_as_csv(tmp_path: Path) -> None:
    evaluation = make_evaluation()
    write_json(tmp_path / "evaluation.json", evaluation)
    page = write_report(tmp_path).read_text(encoding="utf-8")
    for task, figure in (("age", "mae"), ("gender", "accuracy")):
        assert f'href="tables/{task}_by_group.csv"' in page
        table = pd.read_csv(tmp_path / "tables" / f"{task}_by_group.csv").set_index(["kind", "group"])
        groups = evaluation[task]["groups"]
        assert len(table) == 1 + sum(len(names) for names in groups.values())
        assert table.loc[("all", "all"), figure] == evaluation[task][figure]
        for kind, name in (("age_band", "80+"), ("gender", "female"), ("race", "Asian")):
            row, expected = table.loc[(kind, name)], groups[kind][name]
            assert (row[figure], row["n"]) == (expected[figure], expected["n"])
            assert [row[f"{figure}_low"], row[f"{figure}_high"]] == expected[f"{figure}_ci95"]
    assert pd.isna(table.loc[("gender", "male"), "auc"])


def test_the_commands_that_made_a_run_are_told_once_each(tmp_path: Path) -> None:
    commands = [
        "agelens audit 'my faces' --out run",
        "agelens train --out run",
        "agelens train --out run",
        None,
    ]
    steps = {f"step{number}": {"command": command} for number, command in enumerate(commands)}
    write_json(tmp_path / "config.json", {"source": "my faces", "steps": steps})
    page = html.unescape(write_report(tmp_path).read_text(encoding="utf-8"))
    made = page[page.index('<section id="made">') :]
    assert made.count("<code>agelens audit 'my faces' --out run</code>") == 1
    assert made.count("<code>agelens train --out run</code>") == 1


def test_an_empty_run_names_the_commands(tmp_path: Path) -> None:
    page = html.unescape(write_report(tmp_path).read_text(encoding="utf-8"))
    for step in ("audit FOLDER", "compare", "train --task age", "train --task gender", "evaluate"):
        assert f"agelens {step} --out {tmp_path}" in page
    assert "data-figure" not in page
    assert len(page) < 50_000, "a page without a chart needs no Plotly"


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(AgeLensError, match="nowhere does not exist"):
        write_report(tmp_path / "nowhere")


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "comparison.json").write_text("[]", encoding="utf-8")
    with pytest.raises(AgeLensError, match=r"comparison\.json is not a JSON object"):
        write_report(tmp_path)


def test_hostile_names_are_escaped(tmp_path: Path) -> None:
    attack = "<script>alert(1)</script>"
    run = tmp_path / "run"
    table = make_table(run / "faces", 10)
    table["race"] = attack
    write_table(table, run / "table.csv")
    entry = {"file": attack, "reason": attack}
    write_json(run / "audit.json", {"malformed": 1, "lists": {"malformed": [entry]}})
    write_json(run / "config.json", {"source": attack, "steps": {attack: {"settings": {attack: attack}}}})
    page = write_report(run).read_text(encoding="utf-8")
    assert attack not in page
    assert "<script>alert" not in page
    assert html.escape(attack) in page


def test_warnings_come_first(tmp_path: Path) -> None:
    run = tmp_path / "run"
    table = make_table(run / "faces", 20)
    table.loc[table["group"] == 0, "split"] = ["train", "test"]
    write_table(table, run / "table.csv")
    write_json(run / "config.json", {"synthetic": True, "limit": 20, "seed": 1})
    write_json(run / "gender" / "card.json", make_card("gender", weights="random"))
    evaluation = make_evaluation()
    evaluation["age"]["n"] = 12
    write_json(run / "age" / "card.json", {**make_card("age"), "identity": "own"})
    evaluation["settings"] = {"split": "validation", "overlap_included": True, "bundles": {"age": "other"}}
    write_json(run / "evaluation.json", evaluation)
    page = without_plotly(write_report(run).read_text(encoding="utf-8"))
    warned = page[page.index("Before you trust") : page.index("</ul></div>")]
    for told in (
        "synthetic",
        "weights of ResNet152V2 were random",
        "Only 20 images",
        "was trained on",
        "1 group ",
        "only 12 faces",
        "figures for age are of another network than the one that this run holds",
        "of the validation split",
    ):
        assert told in warned


def test_one_task_alone_makes_a_report(tmp_path: Path) -> None:
    evaluation = make_evaluation()
    del evaluation["gender"]
    write_json(tmp_path / "evaluation.json", evaluation)
    (tmp_path / "predictions.csv").write_text(
        "path,age,gender,race,part,age_years\nmissing.jpg,30,0,,test,41.5\n", encoding="utf-8"
    )
    page = write_report(tmp_path).read_text(encoding="utf-8")
    assert "true 30 M\n✗ pred 41.5" in page
    assert "accuracy_by_group" not in page


@pytest.mark.parametrize(
    ("labels", "years", "line"),
    [((30, 30), 34.0, "✓ pred 34.0"), ((30, 30), 36.0, "✗ pred 36.0"), ((20, 29), 29.9, "✓ pred 29.9"),
     ((20, 29), 30.0, "✗ pred 30.0"), ((math.nan, math.nan), 30.0, "pred 30.0")],
)  # fmt: skip
def test_a_prediction_is_right_near_an_exact_age_and_within_a_group(
    labels: tuple[float, float], years: float, line: str
) -> None:
    assert facts.prediction_lines(*labels, 1.0, years, 0.9) == (
        [f"true {face_caption(*labels, 1.0)}", line, "✓ F 90 %"], False
    )  # fmt: skip
