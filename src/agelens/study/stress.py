"""A stress test of finished networks: worse pictures of labelled faces, measured, charted and kept."""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agelens.bundles.bundle import find_bundles
from agelens.data.rows import refuse_no_text
from agelens.data.table import sample
from agelens.detection.framing import refuse_scenes
from agelens.evaluation.corruptions import CLEAN, CORRUPTIONS
from agelens.evaluation.measured_rows import choose_rows
from agelens.evaluation.overlap import Overlap, check_seen, without_overlap
from agelens.evaluation.robustness import LEVEL_COLUMNS, stress, summarise
from agelens.inference.predictor import Predictor
from agelens.reporting.robustness_page import write_robustness_page
from agelens.study.labelled_data import read_labelled
from agelens.utils.environment import command_line
from agelens.utils.files import replacing_file, write_json
from agelens.utils.progress import Track, quiet

FIGURES, TABLE, PAGE = "stress.json", "stress.csv", "stress.html"
_WAY_OUT = "Leave out --crops, and the face is searched in each picture."


@dataclass(frozen=True)
class StressTest:
    """What is measured and how.

    Attributes:
        bundle: a bundle or a run's folder; "agelens" is the one that comes with AgeLens.
        data: a folder or manifest of labelled faces, or the folder of a run, of which the test split is taken.
        beside: another bundle, measured on the same worse pictures.
        crops: the pictures are face crops, and no face is searched in their worse copies.
        limit: at most so many pictures, drawn by chance.
        overlap: what becomes of pictures that made one of the networks: refused, left out, or measured too.
        precision: of the networks. seed: of the draw, of what corruptions draw, and of the intervals.
    """

    bundle: Path
    data: Path
    beside: Path | None = None
    crops: bool = False
    limit: int | None = 300
    overlap: Overlap = "refuse"
    precision: str = "auto"
    seed: int = 42


def stress_network(
    test: StressTest, out: Path, track: Track = quiet, say: Callable[[str], None] = lambda text: None
) -> dict[str, Any]:
    """Measure networks on worse pictures; returns the content of ``stress.json``.

    ``stress.csv`` holds the same figures with one row a network and level, ``stress.html`` shows them as curves.

    Raises:
        AgeLensError: no bundle or no faces, pictures that made a network, or pictures that are no crops for ``crops``.
    """
    refuse_no_text(test.bundle, *([test.beside] if test.beside else []))
    named = [(str(path), find_bundles(path)) for path in (test.bundle, test.beside) if path is not None]
    bundles = [one for _, found in named for one in found]
    faces = read_labelled(test.data)
    table = choose_rows(faces.table, "test") if faces.audited else faces.table
    if test.overlap == "skip":
        table = without_overlap(table, faces.table, bundles)
    check_seen(table, bundles, test.overlap)
    table = sample(table.reset_index(drop=True), test.limit, test.seed)
    networks: list[dict[str, Any]] = []
    left_out: tuple[str, ...] = ()
    images = 0
    for name, found in named:
        predictor = Predictor(found, test.precision)
        if test.crops:
            refuse_scenes(table["path"].tolist(), predictor.detector, predictor.geometry, _WAY_OUT)
        stressed = stress(predictor, table, test.crops, test.seed, CORRUPTIONS, track)
        left_out, images = stressed.left_out, int((stressed.rows["corruption"] == CLEAN).sum())
        identity = {task: one.card["identity"] for one in found for task in one.tasks}
        networks.append({"name": name, "bundles": identity, "levels": summarise(stressed, test.seed)})
    for one in left_out:
        say(f"left out: {one}")
    result = {
        "source": faces.name, "command": command_line(), "images": images,
        "left_out": list(left_out), "crops": test.crops, "overlap": test.overlap, "seed": test.seed,
        "networks": networks,
        "corruptions": {one.name: {"title": one.title, "levels": list(one.levels)} for one in CORRUPTIONS},
    }  # fmt: skip
    _write(result, out)
    return result


def _write(result: dict[str, Any], out: Path) -> None:
    with replacing_file(out / TABLE) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["network", *_flat_columns()])
        for network in result["networks"]:
            writer.writerows([network["name"], *_flat(row)] for row in network["levels"])
    write_robustness_page(result, out / PAGE)
    write_json(out / FIGURES, result)


def _flat_columns() -> list[str]:
    return [
        name
        for column in LEVEL_COLUMNS
        for name in ((f"{column[:-5]}_low", f"{column[:-5]}_high") if column.endswith("_ci95") else (column,))
    ]


def _flat(row: dict[str, Any]) -> list[Any]:
    return [
        value
        for column in LEVEL_COLUMNS
        for value in ((row[column] or (None, None)) if column.endswith("_ci95") else (row[column],))
    ]
