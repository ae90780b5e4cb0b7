"""The report of a full run, of an empty one, and of one with hostile names."""

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from agelens.data.labels import AGE_BANDS, RACES
from agelens.data.table import write_table
from agelens.errors import AgeLensError
from agelens.reporting.exploration import explore
from agelens.reporting.report import write_report
from agelens.utils.files import write_json


@pytest.fixture(autouse=True, scope="module")
def coarse_png() -> Iterator[None]:
    """Draw small PNG files: what is tested here does not hang on their resolution."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("agelens.reporting.figure_files.DPI", 50)
        yield


BACKBONES = {
    "VGG16": (8.1, 0.88, 87, 14_714_688, 25_088),
    "ResNet50V2": (8.9, 0.87, 106, 23_564_800, 100_352),
    "ResNet152V2": (8.6, 0.89, 101, 58_331_648, 100_352),
    "Xception": (9.4, 0.86, 138, 20_861_480, 100_352),
    "InceptionV3": (9.1, 0.86, 327, 21_802_784, 51_200),
    "MobileNetV3Small": (7.9, 0.87, 706, 939_120, 28_224),
    "MobileNetV3Large": (7.6, 0.88, 368, 2_996_352, 47_040),
}
SECTIONS = ("summary", "data", "exploring", "split", "comparison", "age", "gender", "test", "limits", "made")


def make_table(folder: Path, images: int) -> pd.DataFrame:
    """A face table of drawn circles, split and grouped, whose files exist."""
    random = np.random.default_rng(42)
    folder.mkdir(parents=True)
    rows = []
    for index in range(images):
        young = random.random() < 0.2
        age = int(np.clip(random.gamma(1.2, 2.5) + 1 if young else random.normal(36, 16), 1, 99))
        path = folder / f"{age}_{index}.jpg"
        pixels = np.full((40, 40, 3), random.integers(60, 220, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path, quality=80)
        rows.append((str(path), age, index % 2, RACES[index % 5], "", f"{index:064x}", index // 2 * 2))
    table = pd.DataFrame(rows, columns=["path", "age", "gender", "race", "taken_at", "digest", "group"])
    parts = np.array(["train", "train", "train", "validation", "test"])
    table["split"] = parts[table["group"] // 2 % 5]
    return table


def make_comparison() -> dict[str, Any]:
    """A comparison of the seven backbones with plausible figures."""
    shape = np.array([1.9, 1.35, 1.15, 1.05, 1.0])
    comparison: dict[str, Any] = {"age": {}, "gender": {}, "settings": {"epochs": 5, "batch": 32}}
    for name, (mae, accuracy, speed, parameters, width) in BACKBONES.items():
        common = {
            "images_per_second": float(speed),
            "parameters": parameters,
            "weights": "imagenet",
            "feature_bytes": width * 2,
            "image_size": 224,
            "precision": "bf16",
            "head": "flatten",
            "preprocessing": "caffe",
        }
        comparison["age"][name] = {
            "train_mae": list(mae * shape * 0.95),
            "val_mae": list(mae * shape),
            "val_mae_ci95": [mae - 0.3, mae + 0.3],
            **common,
        }
        comparison["gender"][name] = {
            "train_accuracy": list(1 - (1 - accuracy) * shape * 0.9),
            "val_accuracy": list(1 - (1 - accuracy) * shape),
            "val_accuracy_ci95": [accuracy - 0.02, accuracy + 0.02],
            **common,
        }
    comparison["baseline"] = {"age": {"val_mae": 15.2}, "gender": {"val_accuracy": 0.523}}
    return comparison


def make_card(task: str, weights: str = "imagenet") -> dict[str, Any]:
    """The card of a trained network."""
    epochs = np.arange(1, 19)
    loss = (5 + 9 / epochs) if task == "age" else (0.2 + 0.5 / epochs)
    metric = "mae" if task == "age" else "accuracy"
    history = {"loss": list(loss), "val_loss": list(loss * 1.08 + 0.004 * (epochs - 13) ** 2)}
    history |= {metric: list(loss), f"val_{metric}": list(loss)}
    return {
        "format": 1,
        "task": task,
        "network": {
            "backbone": "VGG16" if task == "age" else "ResNet152V2",
            "weights": weights,
            "image_size": 224,
            "preprocessing": "caffe",
            "head": ["Dropout(0.4)", "Flatten", "Dense(256, relu, he_normal)", "Dense(1)"],
            "parameters": 21_137_729,
            "frozen": True,
        },
        "data": {
            "source": "UTKFace",
            "images": {"train": 14_000, "validation": 1_900},
            "split_digest": "ab" * 32,
            "licence": "UTKFace: non-commercial research only",
        },
        "training": {
            "recipe": f"notebook-{task}",
            "seed": 42,
            "epochs_run": 18,
            "best_epoch": 13,
            "monitor": "val_loss",
            "history": history,
            "seconds": 512.4,
            "versions": {"keras": "3.12.0"},
        },
    }


def make_evaluation() -> dict[str, Any]:
    """An evaluation with every group of the dataset."""
    names = {"age_band": AGE_BANDS, "gender": ("male", "female"), "race": RACES}
    age_groups: dict[str, Any] = {kind: {} for kind in names}
    gender_groups: dict[str, Any] = {kind: {} for kind in names}
    for kind, groups in names.items():
        for index, name in enumerate(groups):
            mae, accuracy = 4.0 + 0.5 * index, 0.93 - 0.01 * index
            age_groups[kind][name] = {
                "n": 200 - 20 * index,
                "mae": mae,
                "mae_ci95": [mae - 0.3 - 0.1 * index, mae + 0.3 + 0.1 * index],
                "cs5": 0.7,
                "rmse": mae * 1.3,
                "bias": 0.5 - 0.4 * index,
            }
            gender_groups[kind][name] = {
                "n": 200 - 20 * index,
                "accuracy": accuracy,
                "accuracy_ci95": [accuracy - 0.03, accuracy + 0.02],
                "auc": None if kind == "gender" else 0.97,
            }
    return {
        "age": {
            "n": 1901,
            "mae": 5.43,
            "mae_ci95": [5.2, 5.66],
            "cs5": 0.612,
            "cs5_ci95": [0.59, 0.634],
            "rmse": 7.6,
            "rmse_ci95": [7.3, 7.9],
            "bias": -0.31,
            "bias_ci95": [-0.6, -0.02],
            "baseline_mae": 15.2,
            "groups": age_groups,
        },
        "gender": {
            "n": 1901,
            "accuracy": 0.912,
            "accuracy_ci95": [0.899, 0.924],
            "auc": 0.969,
            "auc_ci95": [0.962, 0.976],
            "baseline_accuracy": 0.523,
            "groups": gender_groups,
        },
        "settings": {"split": "test", "overlap_included": False},
    }


def make_run(run: Path, images: int = 120) -> Path:
    """A folder with everything that a finished run holds."""
    table = make_table(run / "faces", images)
    write_table(table, run / "table.csv")
    steps = ("audit", "explore", "compare", "train-age", "train-gender", "evaluate")
    step = {"settings": {"epochs": 5}, "seconds": 75.2, "finished_at": "2026-01-02T03:04:05+00:00"}
    config = {
        "source": "/somewhere/UTKFace",
        "synthetic": False,
        "seed": 42,
        "limit": None,
        "versions": {"agelens": "0.1.0", "keras": "3.12.0"},
        "machine": "2 cores",
        "steps": dict.fromkeys(steps, step),
    }
    write_json(run / "config.json", config)
    audit = {
        "images": images + 3,
        "malformed": 2,
        "unreadable": 1,
        "duplicate_groups": 4,
        "near_duplicate_pairs": 7,
        "label_conflicts": {"age": 5, "gender": 1},
        "label_agreement": {"pairs": 11, "age_difference": 3.5, "same_age": 6 / 11, "same_gender": 10 / 11},
        "usable": images,
        "lists": {"malformed": [{"file": "39_1_2017.jpg", "reason": "the name is not AGE_GENDER_RACE_TIME"}]},
    }
    write_json(run / "audit.json", audit)
    (run / "audit.html").write_text("<!doctype html>", encoding="utf-8")
    explore(table, run, 42)
    write_json(run / "comparison.json", make_comparison())
    write_json(run / "age" / "card.json", make_card("age"))
    write_json(run / "gender" / "card.json", make_card("gender"))
    write_json(run / "evaluation.json", make_evaluation())
    random = np.random.default_rng(1)
    rows = table[table["split"] == "test"][["path", "age", "gender", "race", "split"]].copy()
    rows["age_years"] = (rows["age"] * 0.85 + 5 + random.normal(0, 5, len(rows))).clip(0)
    rows["p_female"] = np.where(
        random.random(len(rows)) < 0.9, rows["gender"] * 0.9 + 0.03, 0.5 - 0.4 * (rows["gender"] - 0.5)
    )
    rows.to_csv(run / "predictions.csv", index=False)
    return run


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
    assert 'class="missing"' not in page
    assert "Over the 11 pairs that show one picture twice, its two ages differ by 3.50 years" in page
    assert "its two genders in 9.1 %" in page
    assert page.startswith("<!doctype html>")


def test_every_place_for_a_chart_has_its_figure(page: str) -> None:
    places = re.findall(r'data-figure="(\w+)"', page)
    embedded = figures_of(page)
    assert len(places) == len(set(places)) == 15
    assert set(places) == set(embedded["figures"])
    assert set(embedded["themes"]) == {"light", "dark"}
    # The look comes from the page's theme; a template in every figure would be carried fifteen times.
    assert all("template" not in figure["layout"] for figure in embedded["figures"].values())


def test_figures_stand_beside_intervals_and_baselines(page: str) -> None:
    text = html.unescape(re.sub(r"<[^>]+>", " ", page))
    for told in ("5.43", "5.20 to 5.66", "15.20", "61.2 %", "91.2 %", "89.9 % to 92.4 %", "52.3 %", "0.969"):
        assert told in text
    assert "worst 80+ (8.00, n 40)" in text
    assert "Best on the validation split: MobileNetV3Large (7.60)" in text
    assert "overlaps with that of MobileNetV3Small, VGG16" in text
    assert "non-commercial research only" in text
    assert "Before you trust" not in text


def test_nothing_is_loaded_from_a_network(page: str) -> None:
    assert not re.findall(r"""(?:src|href|action)\s*=\s*["']?(?:https?:)?//""", page)
    assert not re.findall(r"url\(|@import|fetch\(", page)
    assert "default-src 'none'" in page


def test_faces_are_embedded_with_captions_and_marks(page: str) -> None:
    assert page.count('src="data:image/jpeg;base64,') == 32 + 24
    assert re.search(r"true \d+ [MF]\n[✓✗] est \d+\.\d\n[✓✗] [MF] \d+ %", page)
    assert 'alt="Measured face: true ' in page


def test_charts_of_results_are_written_as_png(tmp_path: Path) -> None:
    run = tmp_path / "run"
    write_json(run / "comparison.json", make_comparison())
    write_report(run)
    names = sorted(path.name for path in (run / "charts").iterdir())
    assert names == [
        "error_against_cost_age.png",
        "error_against_cost_gender.png",
        "learning_curves_age.png",
        "learning_curves_gender.png",
    ]
    with Image.open(run / "charts" / names[0]) as image:
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
    warned = page[page.index('class="warnings"') : page.index("</ul></div>")]
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
    assert "true 30 M\n✗ est 41.5" in page
    assert "accuracy_by_group" not in page
