"""What a finished network needs for photographs: the geometry of its training crops, and honest intervals."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from agelens.bundles.bundle import amend_card, open_bundle
from agelens.data.labels import has_exact_age
from agelens.detection.alignment import Geometry
from agelens.detection.base import Detector
from agelens.detection.detector import find_detector, find_faces
from agelens.errors import AgeLensError
from agelens.inference.intervals import Calibration
from agelens.inference.predictor import Predictor
from agelens.utils.files import digest_json
from agelens.utils.images import read_rgb
from agelens.utils.progress import Track, quiet

# Count it up when the same bundle would be calibrated otherwise.
VERSION = 1
# The median of so many landmarks is sure to a thousandth of the side.
GEOMETRY_FACES = 600
_FOUND_AT_LEAST = 0.5
# Mean absolute deviation from the median to standard deviation, for what is normally distributed.
_MAD_TO_SD = 1.4826


def calibrate(folder: Path, table: pd.DataFrame, track: Track = quiet) -> bool:
    """Write geometry and intervals into the card of a bundle, if they are not there yet.

    Args:
        folder: of a bundle that learned from the training split of the table.
        table: a face table that is split; its training split gives the geometry, its validation split the intervals.

    Returns:
        whether the card was changed.
    """
    bundle = open_bundle(folder)
    fingerprint = digest_json({"version": VERSION, "identity": bundle.card["identity"]})
    if bundle.card.get("calibrated", {}).get("fingerprint") == fingerprint:
        return False
    splits = {split: rows.reset_index(drop=True) for split, rows in table.groupby("split")}
    train = splits["train"].sample(min(GEOMETRY_FACES, len(splits["train"])), random_state=0)
    geometry, shares = measure_geometry(train["path"].tolist(), find_detector(), track)
    entries: dict[str, Any] = {
        "geometry": geometry and geometry.to_card(),
        "calibrated": {"fingerprint": fingerprint, "training_faces_searched": len(train), "found": shares},
    }
    if "age" in bundle.tasks:
        # An interval is held against an age that is known, not against a group.
        exact = splits["validation"][has_exact_age(splits["validation"])].reset_index(drop=True)
        fitted = fit_intervals(Predictor([bundle]), exact, track) if len(exact) else None
        entries["calibration"] = fitted and fitted.to_card()
    amend_card(folder, entries)
    return True


def measure_geometry(
    paths: Sequence[str], detector: Detector, track: Track = quiet
) -> tuple[Geometry | None, float]:
    """Where the landmarks of faces lie in crops.

    Args:
        paths: of square crops, one face each.

    Returns:
        medians and robust standard deviations over the crops in which a face is found, and the share of these; None
        where that is less than half, as with drawings.
    """
    places, sides = [], []
    with track("crop geometry", len(paths)) as advance:
        for path in paths:
            image = read_rgb(Path(path))
            found = find_faces(detector, image)
            if len(found.scores):
                # The largest: crops are tight, and what else is found in one stands in its background.
                places.append(found.landmarks[0] / np.array([image.shape[1], image.shape[0]]))
                sides.append(max(image.shape[:2]))
            advance(1)
    share = len(places) / len(paths)
    if share < _FOUND_AT_LEAST:
        return None, share
    points = np.asarray(places, np.float64)
    middle = np.median(points, axis=0)
    deviation = _MAD_TO_SD * np.median(np.abs(points - middle), axis=0)
    spread = np.maximum(np.sqrt(np.mean(deviation**2, axis=1)), 1e-3)
    return (
        Geometry(
            tuple((round(float(x), 4), round(float(y), 4)) for x, y in middle),
            tuple(round(float(one), 4) for one in spread),
            int(np.median(sides)),
        ),
        share,
    )


def fit_intervals(predictor: Predictor, rows: pd.DataFrame, track: Track = quiet) -> Calibration | None:
    """Calibrate the intervals of an age network on labelled faces that it has not learned from.

    Args:
        rows: of a face table; crops.

    Raises:
        AgeLensError: one of them cannot be decoded.
    """
    faces = []
    with track("calibrating", len(rows)) as advance:
        for photo in predictor.stream(rows["path"], crops=True):
            if photo.error:
                raise AgeLensError(f"{photo.file} {photo.error}; audit the images again to leave it out.")
            faces.append(photo.faces[0])
            advance(1)
    years = np.array([face.age_years for face in faces], np.float64)
    shares = [face.age_distribution for face in faces if face.age_distribution is not None]
    return Calibration.fit(years, np.array(shares) if shares else None, rows["age"].to_numpy(np.float64))
