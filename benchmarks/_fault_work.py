"""The commands that the fault campaign disturbs, and what of their results must be equal."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
from _faults import Ended, agelens
from onnx import numpy_helper
from PIL import Image

from agelens.data.synthetic.dataset import synthesize_faces

_SMALL = ("--image-size", 32, "--precision", "f32")
# What tells how fast a machine was, or where a folder lies, and not what was found.
_TIMES = frozenset({"seconds", "images_per_second", "created_at", "finished_at", "out", "report", "timings"})


@dataclass(frozen=True)
class Work:
    """A command that writes into a place of its own.

    Attributes:
        name: of the command.
        arguments: of a command that writes into a place, a folder that holds all it writes.
        result: what must be equal, read from the place.
        prepare: makes the place as the command needs it.
    """

    name: str
    arguments: Callable[[Path], list[object]]
    result: Callable[[Path], Any]
    prepare: Callable[[Path], None]

    def begin(self, place: Path) -> Path:
        """A place that is ready for the command."""
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        self.prepare(place)
        return place


def works(base: Path, commands: set[str]) -> list[Work]:
    """The commands of the campaign on synthetic faces; "align" where this AgeLens has it.

    Args:
        base: folder that takes the faces. commands: names of all commands of this AgeLens.
    """
    faces, photos = base / "faces", base / "photos"
    if not faces.exists():
        synthesize_faces(faces, 150, seed=7, image_size=64)
        _photographs(faces, photos)
    audited = base / "audited"
    if not audited.exists():
        ended = agelens(["audit", faces, "--out", audited])
        assert ended.status == 0, ended.said
    nets = ["--recipe", "scratch", "--epochs", 2, *_SMALL]
    found = [
        Work(
            "run",
            lambda place: ["run", faces, "--out", place / "run", "--cache", place / "cache", "--backbones", "SmallConv",
                           "--weights", "random", *nets],
            _study, lambda place: None,
        ),
        Work(
            "train",
            lambda place: ["train", "--out", place / "run", "--cache", place / "cache", "--task", "age", *nets],
            _study, lambda place: _copy(audited, place / "run"),
        ),
        Work(
            "predict",
            lambda place: ["predict", photos, "--out", place / "found.csv"],
            lambda place: (place / "found.csv").read_text(), lambda place: None,
        ),
    ]  # fmt: skip
    if "align" in commands:
        found.append(
            Work(
                "align",
                lambda place: ["align", photos, "--out", place / "aligned"],
                _files_of_alignment,
                lambda place: None,
            )
        )  # fmt: skip
    return found


def _files_of_alignment(place: Path) -> dict[str, bytes | list[bytes]]:
    # Hidden files tell who holds the folder.
    files = (path for path in sorted((place / "aligned").rglob("[!.]*")) if path.is_file())
    return {
        # Faces that are done again are noted again at the end.
        path.relative_to(place).as_posix(): sorted(path.read_bytes().splitlines())
        if path.suffix == ".jsonl"
        else path.read_bytes()
        for path in files
    }


def _photographs(faces: Path, photos: Path) -> None:
    """Faces beside one another on large canvases, so that a command takes a while."""
    photos.mkdir()
    pictures = [
        Image.open(path).convert("RGB").resize((160, 160)) for path in sorted(faces.glob("*.jpg"))[:24]
    ]
    for number in range(12):
        canvas = Image.new("RGB", (1200, 800), (200, 190, 180))
        for column, picture in enumerate(pictures[2 * number : 2 * number + 2]):
            canvas.paste(picture, (200 + 500 * column, 300))
        canvas.save(photos / f"{20 + number}_{number % 2}_0_{number:02}.jpg", quality=90)


def _copy(source: Path, target: Path) -> None:
    shutil.copytree(source, target)
    (target / ".lock").unlink(missing_ok=True)


def _study(place: Path) -> dict[str, Any]:
    """The results of a study's folder, without times."""
    run = place / "run"
    found: dict[str, Any] = {
        name: (run / name).read_text() for name in ("table.csv", "predictions.csv") if (run / name).exists()
    }
    for name in ("audit.json", "comparison.json", "evaluation.json"):
        if (run / name).exists():
            found[name] = _timeless(json.loads((run / name).read_text()))
    for task in ("age", "gender"):
        if (run / task / "card.json").exists():
            found[task] = _timeless(json.loads((run / task / "card.json").read_text())["training"])
            found[f"{task} network"] = _network(run / task / "network.onnx")
    return found


def _network(file: Path) -> list[tuple[Any, ...]]:
    """The operators of a network in order: the kind and settings of each, its constants, and what is joined to what.

    The names of tensors count the networks that the process had made before, which a resumed one need not make again:
    a tensor is known here by its bytes if it is a constant, and by its place in the order of the graph otherwise.
    """
    graph = onnx.load(file).graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    known: dict[str, Any] = {
        name: (str(value.dtype), value.shape, value.tobytes()) for name, value in constants.items()
    }
    for tensor in graph.input:
        known.setdefault(tensor.name, len(known))
    operators = []
    for node in graph.node:
        for name in node.output:
            known[name] = len(known)
        operators.append(
            (
                node.op_type,
                sorted(entry.SerializeToString() for entry in node.attribute),
                [known.get(name) for name in node.input],
                [known[name] for name in node.output],
            )
        )
    return [*operators, tuple(known[tensor.name] for tensor in graph.output)]


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _timeless(one) for key, one in value.items() if key not in _TIMES}
    return [_timeless(one) for one in value] if isinstance(value, list) else value


def undisturbed(work: Work, place: Path) -> tuple[Any, Ended]:
    """The result of a command that nothing disturbs, and how it ended."""
    ended = agelens(work.arguments(work.begin(place)))
    if ended.status != 0:
        raise SystemExit(f"The undisturbed {work.name} failed: {ended.said}")
    return work.result(place), ended
