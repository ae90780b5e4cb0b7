"""What an exported file scores on labelled faces."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import openvino as ov
import pandas as pd

from agelens.data.labels import has_exact_age, has_label
from agelens.data.loaders import read_faces_at
from agelens.inference.predictor import median
from agelens.runtime.execution import run_outputs
from agelens.runtime.session import compile_on_device
from agelens.training.losses import AGES


def validate(file: Path, rows: pd.DataFrame, image_size: int, tasks: Sequence[str]) -> dict[str, float]:
    """What an ONNX file of `ship` scores on labelled faces: MAE in years and CS@5, and accuracy of gender."""
    compiled = compile_on_device(ov.Core().read_model(file), "f32")
    shapes = {"age": (AGES,), "gender": ()}
    columns: dict[str, list[np.ndarray]] = {task: [] for task in tasks}
    for start in range(0, len(rows), 256):
        faces = read_faces_at(rows["path"].iloc[start : start + 256].tolist(), image_size)
        results = run_outputs(compiled, faces, [shapes[task] for task in tasks])
        for task, result in zip(tasks, results, strict=True):
            columns[task].append(result)
    figures: dict[str, float] = {}
    if "age" in columns:
        errors = np.abs(median(np.concatenate(columns["age"])) - rows["age"].to_numpy(float))
        # Where ages are groups, those that are known exactly tell the error; else the middles of the groups do.
        exact = has_exact_age(rows)
        errors = errors[(exact if exact.any() else has_label(rows, "age")).to_numpy()]
        figures |= {"mae": float(errors.mean()), "cs5": float((errors <= 5).mean())}
    if "gender" in columns:
        known = has_label(rows, "gender").to_numpy()
        right = ((np.concatenate(columns["gender"]) > 0) == (rows["gender"] == 1).to_numpy())[known]
        figures["accuracy"] = float(right.mean())
        if (grown := (rows["age"] >= 16).to_numpy()[known]).any():
            figures["accuracy_16_and_over"] = float(right[grown].mean())
    return figures
