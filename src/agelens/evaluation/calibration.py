"""What a finished network needs for photographs: the geometry of its training crops, and honest certainty."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from agelens.bundles.bundle import Bundle
from agelens.data.labels import has_exact_age, has_label
from agelens.data.splits import CALIBRATION, learning_splits
from agelens.detection.alignment import Geometry
from agelens.detection.base import Detector
from agelens.detection.detector import find_detector, find_faces
from agelens.errors import AgeLensError, ImageError
from agelens.evaluation.fit_temperature import fit_temperature
from agelens.inference.intervals import Calibration
from agelens.inference.predictor import Predictor
from agelens.inference.results import Face
from agelens.inference.temperature import logit
from agelens.utils.files import digest_json
from agelens.utils.images import read_rgb
from agelens.utils.progress import Track, quiet

# Count it up when the same bundle would be calibrated otherwise.
VERSION = 3
# The median of so many landmarks is sure to a thousandth of the side.
GEOMETRY_FACES = 600
_FOUND_AT_LEAST = 0.5
# Mean absolute deviation from the median to standard deviation, for what is normally distributed.
_MAD_TO_SD = 1.4826


def is_calibrated(card: dict[str, Any]) -> bool:
    """Return whether a card holds what `calibration_entries` would give for its network."""
    return bool(card.get("calibrated", {}).get("fingerprint") == _fingerprint(card))


def calibration_entries(bundle: Bundle, table: pd.DataFrame, track: Track = quiet) -> dict[str, Any]:
    """Return geometry, intervals of age and temperature of gender of a network, for its card.

    Args:
        bundle: a network that learned from the training split of the table; it need not be written yet.
        table: a face table that is split; its training split gives the geometry, the faces that
            `agelens.data.splits.hold_out_calibration` set apart the rest, or the validation split without any.

    Returns:
        the entries ``geometry``, ``calibrated`` and, for a network of ages, ``calibration``, for one of gender,
        ``gender_temperature``.

    Raises:
        AgeLensError: an image to calibrate on cannot be decoded.
    """
    splits = learning_splits(table)
    train = splits["train"].sample(min(GEOMETRY_FACES, len(splits["train"])), random_state=0)
    geometry, found = _training_geometry(tuple(train["path"]), tuple(train["digest"]), track)
    entries: dict[str, Any] = {
        "geometry": geometry and geometry.to_card(),
        "calibrated": {
            "fingerprint": _fingerprint(bundle.card), "training_faces_searched": len(train), "found": found,
        },
    }  # fmt: skip
    predictor, rows = Predictor([bundle]), splits[CALIBRATION]
    split = CALIBRATION if (table["split"] == CALIBRATION).any() else "validation"
    faces = _estimate(predictor, rows, track)
    if "age" in bundle.tasks:
        # An interval is held against an age that is known, not against a group.
        exact = has_exact_age(rows).to_numpy()
        known = [face for face, is_exact in zip(faces, exact, strict=True) if is_exact]
        fitted = fit_intervals(known, rows[exact].reset_index(drop=True)) if known else None
        entries["calibration"] = fitted and {**fitted.to_card(), "split": split}
    if "gender" in bundle.tasks:
        # What the network itself says, before a temperature that its card may hold already.
        logits = logit(np.array([face.p_female for face in faces])) * predictor.temperature.value
        given = has_label(rows, "gender").to_numpy()
        temperature = fit_temperature(logits[given], rows["gender"].to_numpy(np.float64)[given])
        entries["gender_temperature"] = temperature and {**temperature.to_card(), "split": split}
    return entries


@lru_cache(maxsize=1)
def _training_geometry(
    paths: tuple[str, ...], digests: tuple[str, ...], track: Track
) -> tuple[Geometry | None, float]:
    """The geometry of training crops, known by their digests too: an age and a gender network learn from the same."""
    del digests
    return measure_geometry(paths, find_detector(), track)


def _fingerprint(card: dict[str, Any]) -> str:
    return digest_json({"version": VERSION, "identity": card["identity"]})


def measure_geometry(
    paths: Sequence[str], detector: Detector, track: Track = quiet
) -> tuple[Geometry | None, float]:
    """Where the landmarks of faces lie in crops.

    Args:
        paths: of square crops, one face each.

    Returns:
        medians and robust standard deviations over the crops in which a face is found, and the share of these; None
        where that is less than half, as with drawings.

    Raises:
        AgeLensError: names the crop that cannot be decoded.
    """
    places, sides = [], []
    with track("crop geometry", len(paths)) as advance:
        for path in paths:
            try:
                image = read_rgb(Path(path))
            except ImageError as error:
                raise _undecodable(path, str(error)) from None
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


def _estimate(predictor: Predictor, rows: pd.DataFrame, track: Track) -> list[Face]:
    """The faces of labelled crops, in order. Raises AgeLensError where one of them cannot be decoded."""
    faces = []
    with track("calibrating", len(rows)) as advance:
        for photo in predictor.stream(rows["path"], crops=True):
            if photo.error:
                raise _undecodable(photo.file, photo.error)
            faces.append(photo.faces[0])
            advance(1)
    return faces


def _undecodable(file: str | None, reason: str) -> AgeLensError:
    return AgeLensError(f"{file} {reason}; audit the images again to leave it out.")


def fit_intervals(faces: Sequence[Face], rows: pd.DataFrame) -> Calibration | None:
    """Calibrate the intervals of an age network on labelled faces that it has not learned from.

    Args:
        faces: what it says of them.
        rows: of a face table, in the same order.
    """
    years = np.array([face.age_years for face in faces], np.float64)
    shares = [face.age_distribution for face in faces if face.age_distribution is not None]
    return Calibration.fit(years, np.array(shares) if shares else None, rows["age"].to_numpy(np.float64))
