"""How estimates hold up on worse pictures: error, coverage and the share of faces found, level by level."""

import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from agelens.data.labels import has_exact_age, has_label
from agelens.data.table import GROUP_COLUMNS
from agelens.detection.detector import find_faces
from agelens.errors import AgeLensError, ImageError
from agelens.evaluation.corruptions import CLEAN, CORRUPTIONS, IDENTITY, Corrupted, Corruption, Place
from agelens.evaluation.metrics import (
    interval,
    measure_age,
    measure_gender,
    measure_intervals,
    share_interval,
)
from agelens.evaluation.resampling import clusters_of
from agelens.inference.predictor import Predictor
from agelens.inference.results import Face, ImagePrediction
from agelens.utils.images import Pixels, read_rgb
from agelens.utils.progress import Track, quiet

# A face that is found is the one looked for if its middle lies no further from where it must be than this, in shares
# of its side, and its side is between half and twice as long.
_NEAR, _SIZES = 0.5, (0.5, 2.0)
LEVEL_COLUMNS = (
    "corruption", "level", "n", "found", "found_ci95", "aged", "mae", "mae_ci95", "mae_change", "mae_change_ci95",
    "bias", "coverage", "coverage_ci95", "interval_years", "accuracy", "accuracy_ci95",
)  # fmt: skip


@dataclass(frozen=True)
class Stressed:
    """What a network says of pictures and of worse copies of them.

    Attributes:
        rows: one a picture and level, with ``path``, ``digest``, ``age`` (years), ``gender``, ``age_min`` and
            ``age_max`` and ``group`` where the face table has them, ``corruption`` ("clean" for the picture as it is),
            ``level``, ``found`` and, where the face was found, ``age_years``, ``age_low``, ``age_high`` and
            ``p_female``.
        left_out: pictures that cannot be read, or in which no face is found even as they are, each with the reason.
    """

    rows: pd.DataFrame
    left_out: tuple[str, ...]


def stress(
    predictor: Predictor,
    table: pd.DataFrame,
    crops: bool = False,
    seed: int = 42,
    corruptions: Sequence[Corruption] = CORRUPTIONS,
    track: Track = quiet,
) -> Stressed:
    """Estimate the largest face of each picture, as it is and under every corruption at every level.

    The same seed, pictures and network give the same result; what is drawn by chance for a picture depends on its
    content, the corruption and the level alone.

    Args:
        table: a face table; of identical files the first counts.
        crops: the pictures are face crops, and no face is searched in their worse copies: every one counts as found.

    Raises:
        AgeLensError: there is no picture in which a face is found.
    """
    table = table.drop_duplicates("digest").reset_index(drop=True)
    left_out: list[str] = []
    waiting: deque[tuple[int, str, float, Place]] = deque()
    found = []
    steps = 1 + sum(len(one.levels) for one in corruptions)
    with track("worse pictures", len(table) * steps) as advance:
        copies = _copies(table, predictor, seed, corruptions, waiting, left_out)
        for photo in predictor.stream(copies, crops=crops):
            row, name, level, place = waiting.popleft()
            face = photo.faces[0] if crops and photo.faces else _face_at(photo, place)
            found.append({"row": row, "corruption": name, "level": level, **_values(face)})
            advance(1)
    if not found:
        reason = f": {left_out[0]}" if left_out else ""
        raise AgeLensError(f"In none of the {len(table)} images a face was found{reason}; give others.")
    rows = pd.DataFrame(found)
    more = [name for name in (*GROUP_COLUMNS, "group") if name in table.columns]
    labels = table[["path", "digest", "age", "gender", *more]]
    return Stressed(rows.join(labels, on="row").drop(columns="row"), tuple(left_out))


def _copies(
    table: pd.DataFrame,
    predictor: Predictor,
    seed: int,
    corruptions: Sequence[Corruption],
    waiting: "deque[tuple[int, str, float, Place]]",
    left_out: list[str],
) -> Iterator[Pixels]:
    """Each picture and its worse copies; for each of them what it is and where its face must be goes to ``waiting``."""
    for row, path, digest in zip(table.index, table["path"], table["digest"], strict=True):
        try:
            image = read_rgb(Path(path))
        except ImageError as error:
            left_out.append(f"{path} {error}")
            continue
        faces = find_faces(predictor.detector, image)
        if not len(faces.scores):
            left_out.append(f"{path}: no face is found in it")
            continue
        left, top, right, bottom = faces.boxes[0].tolist()
        place = Place((left + right) / 2, (top + bottom) / 2, ((right - left) * (bottom - top)) ** 0.5)
        for name, level, made in _changed(image, place, digest, seed, corruptions):
            waiting.append((row, name, level, place.moved(made.matrix)))
            yield made.pixels


def _changed(
    image: Pixels, place: Place, digest: str, seed: int, corruptions: Sequence[Corruption]
) -> Iterator[tuple[str, float, Corrupted]]:
    yield CLEAN, 0.0, Corrupted(image, IDENTITY)
    for corruption in corruptions:
        for number, level in enumerate(corruption.levels):
            chance = np.random.default_rng(
                [seed, int(digest[:8], 16), zlib.crc32(corruption.name.encode()), number]
            )
            made = corruption.change(image, place, level, chance)
            if made is not None:
                yield corruption.name, level, made


def _face_at(photo: ImagePrediction, place: Place) -> Face | None:
    """The face of a photograph that lies nearest to a place; None where none is there."""
    near = []
    for face in photo.faces:
        if face.box is None:
            continue
        left, top, right, bottom = face.box
        side = ((right - left) * (bottom - top)) ** 0.5
        away = float(np.hypot((left + right) / 2 - place.x, (top + bottom) / 2 - place.y)) / place.side
        if away <= _NEAR and _SIZES[0] <= side / place.side <= _SIZES[1]:
            near.append((away, face))
    return min(near, key=lambda one: one[0])[1] if near else None


def _values(face: Face | None) -> dict[str, Any]:
    if face is None:
        return {"found": False}
    ends = {"age_low": face.age_low, "age_high": face.age_high} if face.prediction_interval else {}
    return {"found": True, "age_years": face.age_years, "p_female": face.p_female, **ends}


def summarise(stressed: Stressed, seed: int = 42) -> list[dict[str, Any]]:
    """The figures of each corruption and level, LEVEL_COLUMNS: the pictures as they are, then the order of CORRUPTIONS.

    ``found`` is the share of the pictures in which the face was found; all other figures are of those, of age where
    it is known in years (``aged`` faces), and of gender where there is a label. ``mae_change`` is how much larger the
    absolute error is than on the same pictures as they are, in pairs. Ends of 95 % intervals stand in columns that end
    in ``_ci95``; pictures of one duplicate group count as one there. What the network does not estimate is None.
    """
    rows = stressed.rows
    clean = rows[rows["corruption"] == CLEAN].set_index("digest")
    figures = []
    for (name, level), group in rows.groupby(["corruption", "level"], sort=False):
        hits = group["found"].to_numpy(float)
        told: dict[str, Any] = {
            "corruption": str(name), "level": float(str(level)), "n": len(group),
            "found": float(hits.mean()), "found_ci95": share_interval(hits, clusters_of(group)),
        }  # fmt: skip
        faces = group[group["found"]]
        told["aged"] = int(has_exact_age(faces).sum())
        if len(faces):
            told |= _measured(faces, seed) | _change(faces, clean, seed)
        figures.append({column: told.get(column) for column in LEVEL_COLUMNS})
    # A picture that lacks a level, as small ones do, comes first now and then.
    order = [(one.name, float(level)) for one in CORRUPTIONS for level in one.levels]
    places = {key: place for place, key in enumerate([(CLEAN, 0.0), *order])}
    return sorted(figures, key=lambda row: places.get((row["corruption"], row["level"]), len(places)))


def _measured(faces: pd.DataFrame, seed: int) -> dict[str, Any]:
    told: dict[str, Any] = {}
    aged, gendered = faces[has_exact_age(faces)], faces[has_label(faces, "gender")]
    if "age_years" in faces.columns and len(aged) and faces["age_years"].notna().all():
        clusters = clusters_of(aged)
        told |= measure_age(aged["age"].to_numpy(float), aged["age_years"].to_numpy(float), seed, clusters)
        told |= measure_intervals(aged, clusters)
    if "p_female" in faces.columns and len(gendered) and faces["p_female"].notna().all():
        labels, p_female = (gendered[name].to_numpy(float) for name in ("gender", "p_female"))
        told |= measure_gender(labels, p_female, seed, clusters_of(gendered))
    return {key: value for key, value in told.items() if key != "n"}


def _change(faces: pd.DataFrame, clean: pd.DataFrame, seed: int) -> dict[str, Any]:
    """How much more the same faces err than in the pictures as they are."""
    if "age_years" not in faces.columns or faces["age_years"].isna().any():
        return {}
    faces = faces[has_exact_age(faces)]
    before = clean.loc[faces["digest"], "age_years"].to_numpy(float)
    ages = faces["age"].to_numpy(float)
    more = np.abs(faces["age_years"].to_numpy(float) - ages) - np.abs(before - ages)
    finite = np.isfinite(more)
    if not finite.any():
        return {}
    ends = interval(more[finite], seed, clusters_of(faces)[finite])
    return {"mae_change": float(more[finite].mean()), "mae_change_ci95": ends}
