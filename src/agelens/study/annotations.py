"""A run, or the file of `agelens predict`, as FiftyOne and Label Studio read it."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from agelens.data.audit import file_names, named_paths
from agelens.data.sources.reading import common_folder
from agelens.data.table import read_table
from agelens.errors import AgeLensError, ImageError
from agelens.inference.annotation_formats import (
    INTERFACE,
    WHOLE,
    Annotated,
    Region,
    to_fiftyone,
    to_labelstudio,
)
from agelens.inference.output_formats import form_of_file, read_back
from agelens.study.folder import is_study
from agelens.study.given_table import SOURCE
from agelens.study.origin import told_source
from agelens.study.seals import open_study
from agelens.utils.files import read_json, write_json, write_text
from agelens.utils.images import read_photo

Tool = Literal["fiftyone", "labelstudio"]


def export_annotations(source: Path, tool: Tool, out: Path) -> list[Path]:
    """Write what a run or a file of estimates holds for another tool; returns the files written.

    Args:
        source: the folder of a run, whose labels, audit and evaluated estimates are taken, or a file that
            `agelens predict --out` wrote.
        out: a folder, made if need be.

    Raises:
        AgeLensError: the source is neither, or holds no image.
    """
    images = list(_of_run(source) if source.is_dir() else _of_file(source))
    if not images:
        raise AgeLensError(f"{source} holds no image that could be exported.")
    if tool == "fiftyone":
        files = to_fiftyone(images)
    else:
        files = {"tasks.json": to_labelstudio(images, source.name)}
        write_text(out / "interface.xml", INTERFACE)
    for name, content in files.items():
        write_json(out / name, content)
    return [out / name for name in files]


def _of_run(folder: Path) -> Iterator[Annotated]:
    if not is_study(folder):
        raise AgeLensError(
            f"{folder} is no run: it has no table.csv and config.json; run 'agelens audit FOLDER --out {folder}' first."
        )
    source = open_study(folder)["source"]
    table = read_table(folder / "table.csv")
    issues = _issues(_audit(folder, source))
    names = file_names(named_paths(table), source if isinstance(source, str) else common_folder(source))
    predictions: dict[str, dict[str, Any]] = {}
    if (folder / "predictions.csv").is_file():
        kept = pd.read_csv(folder / "predictions.csv", keep_default_na=False, na_values=[""])
        predictions = {
            str(row["path"]): {str(key): value for key, value in row.items()}
            for row in kept.to_dict("records")
        }
    for name, row in zip(names, table.to_dict("records"), strict=True):
        attributes = tuple((key, str(row[key])) for key in ("race", "group", "split") if row.get(key))
        label = Region(WHOLE, _whole(row["age"]), _whole(row["gender"]), None, attributes)
        estimated = predictions.get(row["path"])
        yield Annotated(
            Path(row["path"]),
            (label,),
            (_region(estimated, WHOLE),) if estimated else (),
            issues.get(name, ()),
        )


def _whole(label: float) -> int | None:
    """A label as a whole number; None where the face has none."""
    return None if math.isnan(label) else int(label)


def _audit(folder: Path, source: str | list[str]) -> dict[str, Any]:
    """What the audit of a run found; {} of a run that was begun with a split table, which nobody audits."""
    file = folder / "audit.json"
    if file.is_file():
        return dict(read_json(file))
    if source == SOURCE:
        return {}
    raise AgeLensError(
        f"{file} is missing, so what was found of the images cannot be told; run 'agelens audit "
        f"{told_source(source)} --out {folder}' again."
    )


def _issues(audit: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    """What the audit found of each file, in words."""
    found: dict[str, list[str]] = {}
    if not audit:
        return {}
    lists = audit["lists"]
    for pair in lists["near_duplicate_pairs"]:
        for name in (pair["a"], pair["b"]):
            found.setdefault(name, []).append("near duplicate")
    for group in lists["duplicate_groups"]:
        for name in group:
            found.setdefault(name, []).append("identical file")
    for label, pairs in lists["label_conflicts"].items():
        for pair in pairs:
            for name in (pair["a"], pair["b"]):
                found.setdefault(name, []).append(f"{label} conflict")
    for issue, files in ((audit.get("picture_quality") or {}).get("files") or {}).items():
        for one in files:
            found.setdefault(one["file"], []).append(issue.replace("_", " "))
    return {name: tuple(dict.fromkeys(words)) for name, words in found.items()}


def _of_file(file: Path) -> Iterator[Annotated]:
    if not file.is_file():
        raise AgeLensError(
            f"{file} does not exist; give the folder of a run or a file of 'agelens predict --out'."
        )
    for photo in read_back(file, form_of_file(file)):
        if photo.get("error") or not photo.get("file"):
            continue
        path = Path(photo["file"]).absolute()
        size = (photo["width"], photo["height"]) if photo.get("width") else _size(path, photo["faces"])
        regions = tuple(_region(face, _shares(face.get("box"), size)) for face in photo["faces"])
        yield Annotated(path, (), regions, (), size)


def _size(path: Path, faces: list[dict[str, Any]]) -> tuple[int, int] | None:
    """Width and height where boxes cannot be told without them, as CSV does not hold them."""
    if not any("box" in face for face in faces):
        return None
    try:
        photo = read_photo(path)
    except ImageError as error:
        raise AgeLensError(f"{path} {error}, so where its faces are cannot be told; leave it out.") from None
    return photo.width, photo.height


def _shares(box: list[float] | None, size: tuple[int, int] | None) -> tuple[float, float, float, float]:
    if box is None or size is None:
        return WHOLE
    left, top, right, bottom = box
    return left / size[0], top / size[1], (right - left) / size[0], (bottom - top) / size[1]


def _region(values: dict[str, Any], box: tuple[float, float, float, float]) -> Region:
    """A face as estimated, from what `Face.to_dict` gives or from a row of predictions."""
    known = {
        key: float(values[key])
        for key in ("age_years", "age_low", "age_high", "p_female", "score")
        if values.get(key) is not None and not math.isnan(float(values[key]))
    }
    share = known.get("p_female")
    return Region(
        box,
        known.get("age_years"),
        None if share is None else int(share >= 0.5),
        None if share is None else max(share, 1 - share),
        tuple((key, known[key]) for key in ("age_low", "age_high", "p_female", "score") if key in known),
    )
