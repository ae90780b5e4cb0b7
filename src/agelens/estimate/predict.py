"""From files on the command line to JSON lines."""

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from agelens.errors import AgeLensError
from agelens.estimate.estimator import FileResult, load
from agelens.files import replacing_file
from agelens.images import SUFFIXES

DIGITS = {"age_years": 2, "p_female": 4}


def predict_files(
    paths: list[Path], bundle: Path | None, out: Path | None = None, precision: str = "auto"
) -> int:
    """Estimate face crops and write one JSON line an image, in order.

    Args:
        paths: image files, and folders whose images are taken, in order of name, subfolders too.
        bundle: a bundle, or a run's folder; None is the one that comes with AgeLens.
        out: a file for the lines; None is standard output.

    Returns:
        how many files could not be read; each is told on standard error with its reason.

    Raises:
        AgeLensError: a path does not exist, there is no image, not one can be read, there is no bundle, or ``out`` is
            a folder.
    """
    if out is not None and out.is_dir():
        raise AgeLensError(f"{out} is a folder; give a file with --out.")
    files = find_images(paths)
    estimator = load(bundle, precision)
    problems: list[FileResult] = []
    with _lines(out) as lines:
        for result in estimator.estimate_files(files):
            if result.problem:
                problems.append(result)
                continue
            lines.write(to_line(result) + "\n")
        for result in problems:
            print(f"agelens: {result.file} {result.problem}", file=sys.stderr)
        if len(problems) == len(files):
            # Raised in here, so that no empty file is left as if it were a result.
            raise AgeLensError("Nothing was estimated, because not one of the files can be read.")
    if problems:
        print(f"agelens: {len(problems)} of {len(files)} files could not be read.", file=sys.stderr)
    return len(problems)


def find_images(paths: list[Path]) -> list[Path]:
    """The image files among files and folders. Raises AgeLensError where there is none."""
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            files += sorted(
                file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file()
            )
        elif path.exists():
            files.append(path)
        else:
            raise AgeLensError(f"{path} does not exist; give image files or a folder of them.")
    if not files:
        raise AgeLensError(f"{paths[0]} holds no image; give image files or a folder of them.")
    return files


def to_line(result: FileResult) -> str:
    """One JSON object: the file, and for each of its faces what was estimated."""
    faces = []
    for face in result.faces:
        values: dict[str, Any] = {"age_years": face.age_years, "p_female": face.p_female}
        one = {key: round(value, DIGITS[key]) for key, value in values.items() if value is not None}
        if face.age_distribution is not None:
            one["age_distribution"] = [round(share, 5) for share in face.age_distribution]
        faces.append(one)
    return json.dumps({"file": result.file, "faces": faces}, ensure_ascii=False)


@contextlib.contextmanager
def _lines(out: Path | None) -> Iterator[IO[str]]:
    if out is None:
        yield sys.stdout
        return
    with replacing_file(out) as temporary, temporary.open("w", encoding="utf-8") as file:
        yield file
