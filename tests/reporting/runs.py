"""What the folder of a finished run holds, made up: tests of the report read it."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from agelens.data.labels import AGE_BANDS, RACES
from agelens.data.table import write_table
from agelens.reporting.exploration import explore
from agelens.utils.files import write_json

BACKBONES = {
    "VGG16": (8.1, 0.88, 87, 14_714_688, 25_088),
    "ResNet50V2": (8.9, 0.87, 106, 23_564_800, 100_352),
    "ResNet152V2": (8.6, 0.89, 101, 58_331_648, 100_352),
    "Xception": (9.4, 0.86, 138, 20_861_480, 100_352),
    "InceptionV3": (9.1, 0.86, 327, 21_802_784, 51_200),
    "MobileNetV3Small": (7.9, 0.87, 706, 939_120, 28_224),
    "MobileNetV3Large": (7.6, 0.88, 368, 2_996_352, 47_040),
}


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
    comparison["paired"] = {
        "age": {
            "best": "MobileNetV3Large",
            "against": {
                name: {"better": "first" if mae > 8.2 else ""}
                for name, (mae, *_) in BACKBONES.items()
                if mae > 7.6
            },
        },
        "gender": {"best": "ResNet152V2", "against": {"VGG16": {"better": "first"}}},
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
        "near_duplicate_groups": 7,
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
