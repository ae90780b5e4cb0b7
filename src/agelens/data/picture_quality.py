"""Pictures of poor quality: dark, light, blurry, with little information, of an odd size or an odd shape.

The measures and their limits are those of CleanVision (https://github.com/cleanlab/cleanvision), which comes with the
extra ``labels``; its words are kept. Pictures are decoded by AgeLens, upright and in sRGB, as networks see them.
A picture that is found here is not wrong: it is worth a look.
"""

import importlib.util
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from PIL import Image

from agelens.data.audit import file_names, named_paths
from agelens.errors import AgeLensError, ImageError
from agelens.utils.images import read_photo
from agelens.utils.progress import Track, quiet

ISSUES = ("dark", "light", "blurry", "low_information", "odd_size", "odd_aspect_ratio")
PACKAGE = "cleanvision"
# Light and entropy do not change where a picture is brought to this; blur is measured at 64 pixels.
_LONGEST = 512


@dataclass(frozen=True)
class PictureQuality:
    """Which pictures of a dataset are of poor quality.

    Attributes:
        checked: how many pictures were looked at.
        files: by each of ISSUES the name of each picture that has it and its score, 0 (worst) to 1, worst first.
    """

    checked: int
    files: dict[str, tuple[tuple[str, float], ...]]

    def to_json(self) -> dict[str, Any]:
        """What stands in ``audit.json`` under ``picture_quality``."""
        return {
            "checked": self.checked,
            "found": {issue: len(found) for issue, found in self.files.items()},
            "files": {
                issue: [{"file": name, "score": round(score, 4)} for name, score in found]
                for issue, found in self.files.items()
            },
        }


def can_check() -> bool:
    """Whether CleanVision is installed."""
    return importlib.util.find_spec(PACKAGE) is not None


def check_pictures(table: pd.DataFrame, source: str, track: Track = quiet) -> PictureQuality:
    """Look for pictures of poor quality among those of a face table.

    Args:
        table: a face table; a picture that cannot be decoded is left out, which the audit tells.
        source: `Faces.source`, which decides how files are called.

    Raises:
        AgeLensError: CleanVision is not installed.
    """
    if not can_check():
        raise AgeLensError("Picture quality is measured with CleanVision: pip install 'agelens[labels]'")
    measured = _measure(table["path"].tolist(), track)
    names = file_names(named_paths(table), source)
    rows = [row for row, values in enumerate(measured) if values is not None]
    if not rows:
        return PictureQuality(0, dict.fromkeys(ISSUES, ()))
    scores = _judge(pd.DataFrame([measured[row] for row in rows]))
    return PictureQuality(
        len(rows), {issue: _worst(scores, issue, [names[row] for row in rows]) for issue in ISSUES}
    )


def _measure(paths: list[str], track: Track) -> list[dict[str, float] | None]:
    """What CleanVision measures of each picture; None of one that cannot be decoded."""
    # Here, for it is an extra and takes a second.
    with warnings.catch_warnings():
        # It loads tqdm, which warns in notebooks that lack the widgets of its bars; AgeLens shows none of them.
        warnings.filterwarnings("ignore", "IProgress not found")
        from cleanvision.issue_managers.image_property import (
            BlurrinessProperty,
            BrightnessProperty,
            EntropyProperty,
        )

    properties = (BrightnessProperty("dark"), BlurrinessProperty(), EntropyProperty())

    def measure(path: str) -> dict[str, float] | None:
        try:
            photo = read_photo(Path(path))
        except ImageError:
            return None
        image = photo.to_rgb()
        factor = _LONGEST / max(image.shape[:2])
        if factor < 1:
            image = np.asarray(
                cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8
            )
        small = Image.fromarray(image)
        values = {key: float(value) for one in properties for key, value in one.calculate(small).items()}
        sides = photo.width, photo.height
        # By their names in CleanVision; of the full picture, which need not be decoded for them.
        return {**values, "size": (sides[0] * sides[1]) ** 0.5, "aspect_ratio": min(sides) / max(sides)}

    found = []
    with track("picture quality", len(paths)) as advance, ThreadPoolExecutor() as threads:
        for values in threads.map(measure, paths):
            found.append(values)
            advance(1)
    return found


def _judge(measured: pd.DataFrame) -> pd.DataFrame:
    """CleanVision's score and flag of each issue, from what it measured."""
    from cleanvision.issue_managers.image_property_issue_manager import ImagePropertyIssueManager

    manager = ImagePropertyIssueManager()
    manager.issues = pd.DataFrame(index=measured.index)
    manager.update_issues(measured, list(ISSUES))
    return manager.issues


def _worst(scores: pd.DataFrame, issue: str, names: Sequence[str]) -> tuple[tuple[str, float], ...]:
    flagged = scores[f"is_{issue}_issue"].to_numpy()
    found = [(names[row], float(score)) for row, score in enumerate(scores[f"{issue}_score"]) if flagged[row]]
    return tuple(sorted(found, key=lambda one: (one[1], one[0])))
