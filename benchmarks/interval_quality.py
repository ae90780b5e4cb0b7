"""Whether prediction intervals hold on pictures of poor quality: coverage and width by simple measures of a picture.

    agelens evaluate --out my-run
    python benchmarks/interval_quality.py --run my-run

Takes the measured faces of a study (predictions.csv) and five measures of each picture: sharpness (variance of the
Laplacian of the picture at 100 pixels), fine detail (the share of its gradients that is lost when it is halved and
doubled again, which is little where a picture was small), brightness, colour (mean chroma), and how sure the detector
is of the face. By fifths of each measure, from the least on, it prints the share of ages inside the 90 % interval, of
ages that are groups the share of intervals that meet the group, and the widths. Nothing is fitted.
"""

import argparse
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from agelens.data.labels import has_age_group, has_exact_age
from agelens.detection.base import Detector
from agelens.detection.detector import find_detector, find_faces
from agelens.errors import AgeLensError
from agelens.evaluation.resampling import clusters_of
from agelens.evaluation.shares import share_of
from agelens.reporting.study_files import read_predictions
from agelens.utils.files import write_json
from agelens.utils.images import read_rgb
from agelens.utils.progress import bar

MEASURES = ("sharpness", "fine detail", "brightness", "colour", "detector")
FIFTHS = 5
_SIDE = 100


def main() -> None:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--run", type=Path, required=True, help="a study that was measured")
    made.add_argument("--json", type=Path, metavar="FILE", help="also write every figure here")
    options = made.parse_args()
    rows = read_predictions(options.run / "predictions.csv")
    if rows is None:
        raise AgeLensError(
            f"{options.run} was not measured yet; run 'agelens evaluate --out {options.run}' first."
        )
    detector = find_detector()
    with bar("measuring pictures", len(rows)) as advance, ThreadPoolExecutor(2) as workers:
        measured = []
        for one in workers.map(lambda path: quality(Path(path), detector), rows["path"]):
            measured.append(one)
            advance(1)
    figures = [
        {"measure": measure, "fifth": fifth, **found}
        for measure, values in pd.DataFrame(measured).items()
        for fifth, found in by_fifth(rows, values.to_numpy(float))
    ]
    print(
        "| measure | fifth | faces with exact ages | ages inside | width, years | faces with groups | meet the group |"
    )
    print("|---|---|---|---|---|---|---|")
    for one in figures:
        print("| " + " | ".join(str(value) for value in one.values()) + " |")
    if options.json:
        write_json(options.json, figures)


def quality(path: Path, detector: Detector) -> dict[str, float]:
    """The measures of a picture; a face that is not found has a detector's score of 0."""
    image = read_rgb(path)
    small = cv2.resize(image, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
    full = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    half = cv2.resize(full, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    again = cv2.resize(half, full.shape[::-1], interpolation=cv2.INTER_LINEAR)
    chroma = cv2.cvtColor(small, cv2.COLOR_RGB2LAB).astype(np.float32)[..., 1:] - 128
    found = find_faces(detector, image)
    return dict(
        zip(
            MEASURES,
            (
                float(cv2.Laplacian(grey, cv2.CV_32F).var()),
                1 - gradient(again) / max(gradient(full), 1e-6),
                float(grey.mean()),
                float(np.hypot(chroma[..., 0], chroma[..., 1]).mean()),
                float(found.scores.max()) if len(found.scores) else 0.0,
            ),
            strict=True,
        )
    )


def gradient(grey: np.ndarray) -> float:
    return float(np.abs(np.diff(grey, axis=0)).mean() + np.abs(np.diff(grey, axis=1)).mean())


def by_fifth(rows: pd.DataFrame, values: np.ndarray) -> list[tuple[str, dict[str, Any]]]:
    """The figures of the fifths of the faces by a measure, with their names, from the least on."""
    # By rank, so that equal values do not leave a fifth empty.
    fifths = np.argsort(np.argsort(values, kind="stable"), kind="stable") * FIFTHS // len(values)
    return [(("least", "2", "3", "4", "most")[fifth], told(rows[fifths == fifth])) for fifth in range(FIFTHS)]


def told(rows: pd.DataFrame) -> dict[str, Any]:
    """How many ages the intervals hold, or whose groups they meet, and how wide they are."""
    exact, grouped = rows[has_exact_age(rows)], rows[has_age_group(rows)]
    held = exact["age"].between(exact["age_low"], exact["age_high"])
    meets = (grouped["age_low"] < grouped["age_max"] + 1) & (grouped["age_high"] >= grouped["age_min"])
    return {
        "exact": len(exact), "held": share(held, exact),
        "width": f"{(rows['age_high'] - rows['age_low']).mean():.1f}",
        "groups": len(grouped), "meets": share(meets, grouped),
    }  # fmt: skip


def share(hits: "pd.Series[bool]", rows: pd.DataFrame) -> str:
    found = share_of(hits.to_numpy(float), clusters_of(rows)) if len(rows) else None
    return (
        "–" if found is None else f"{100 * found.value:.1f} % [{100 * found.low:.1f}, {100 * found.high:.1f}]"
    )


if __name__ == "__main__":
    main()
