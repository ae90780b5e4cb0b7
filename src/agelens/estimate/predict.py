"""From files on the command line to a table, JSON lines, CSV or annotated pictures."""

import csv
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from agelens._version import __version__
from agelens.errors import AgeLensError, ImageError
from agelens.estimate.annotate import describe_gender
from agelens.estimate.estimator import Estimator, load
from agelens.estimate.framing import refuse_scenes
from agelens.estimate.image_files import draw, find_images, name_pictures, refuse_to_replace
from agelens.estimate.journal import Journal
from agelens.estimate.results import COLUMNS, Photo, rows
from agelens.files import digest_file, digest_json, json_text, replacing_file
from agelens.images import DECODER_VERSION
from agelens.progress import bar, console, quiet, say

Form = Literal["table", "json", "csv"]
_INTERRUPTED = (
    "Interrupted; what was estimated stands above, and with --out FILE a command goes on where it was."
)
_NO_CROPS = (
    "Leave out --crops, and every face is found and aligned, or estimate the images as they are with "
    "--crops-as-they-are."
)


@dataclass(frozen=True)
class Prediction:
    """How files are estimated and what becomes of it.

    Attributes:
        crops: each image is one face, cropped as in the training.
        bundle: a bundle, or a run's folder; None is the one that comes with AgeLens.
        detector: an ONNX file of a detector; None is the one that is installed.
        precision: of the networks.
        form: of what is written; None is a table on a terminal and JSON lines elsewhere.
        out: a file for it; None is standard output.
        pictures: folder that takes annotated pictures.
        as_they_are: whole photographs are taken for crops, too.
    """

    crops: bool = False
    bundle: Path | None = None
    detector: Path | None = None
    precision: str = "auto"
    form: Form | None = None
    out: Path | None = None
    pictures: Path | None = None
    as_they_are: bool = False

    @property
    def written_form(self) -> Form:
        if self.form is not None:
            return self.form
        if self.out is not None:
            return "csv" if self.out.suffix.lower() == ".csv" else "json"
        return "table" if sys.stdout.isatty() else "json"


def predict_files(paths: list[Path], how: Prediction) -> int:
    """Estimate image files and write what is found, in order.

    With a file for the output the work can be interrupted: the same command goes on from what is done.

    Args:
        paths: image files, patterns such as ``*.jpg``, and folders whose images are taken, subfolders too.

    Returns:
        how many files could not be read; each is told on standard error with its reason.

    Raises:
        AgeLensError: a path does not exist, there is no image, not one can be read, there is no bundle or detector,
            or the output cannot stand where it is asked for.
    """
    if how.out is not None and how.out.is_dir():
        raise AgeLensError(f"{how.out} is a folder; give a file with --out.")
    if how.crops and how.pictures is not None:
        raise AgeLensError(
            "--annotate draws boxes over photographs, and --crops has none; leave one of them out."
        )
    found = find_images(paths, how.pictures)
    files = list(found)
    refuse_to_replace(files, how.out, "--out")
    pictures = None if how.pictures is None else name_pictures(found, how.pictures)
    estimator = load(how.bundle, how.precision, how.detector)
    if how.crops and not how.as_they_are:
        refuse_scenes(files, estimator.detector, estimator.geometry, _NO_CROPS)
    if how.out is None:
        problems = _to_stream(estimator, files, how, pictures)
    else:
        problems = _to_file(estimator, files, how, how.out, pictures)
    if problems:
        say(f"agelens: {len(problems)} of {len(files)} files could not be read.")
    return len(problems)


def _to_stream(
    estimator: Estimator, files: list[Path], how: Prediction, pictures: dict[Path, Path] | None
) -> list[Photo]:
    problems: list[Photo] = []
    write, close = _writer(sys.stdout, how.written_form)
    try:
        for photo in _estimate(estimator, files, how, pictures):
            if photo.problem:
                problems.append(photo)
            else:
                write(photo.to_dict())
    except KeyboardInterrupt:
        close()
        raise KeyboardInterrupt(_INTERRUPTED) from None
    close()
    _tell(problems, len(files))
    return problems


def _to_file(
    estimator: Estimator, files: list[Path], how: Prediction, out: Path, pictures: dict[Path, Path] | None
) -> list[Photo]:
    journal = Journal(out, _made_of(estimator, how))
    try:
        if journal.began_anew:
            say(f"What was begun for {out} came from another network or other options; it begins anew.")
        waiting = [file for file in files if not journal.is_done(file)]
        journal.expect(waiting)
        if done := len(files) - len(waiting):
            say(f"{done:,} of {len(files):,} are done already; going on.")
        problems = []
        for photo in _estimate(estimator, waiting, how, pictures):
            journal.add(photo)
            if photo.problem:
                problems.append(photo)
        if len(problems) < len(files):
            # Names of files need not be text; what is not is escaped.
            with (
                replacing_file(out) as temporary,
                temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
            ):
                write, close = _writer(file, how.written_form)
                for entry in journal.photos(files):
                    write(entry)
                close()
        journal.remove()
    finally:
        journal.close()
    _tell(problems, len(files))
    return problems


def _made_of(estimator: Estimator, how: Prediction) -> dict[str, Any]:
    """What decides the estimates."""
    return {
        "networks": [digest_json(bundle.card) for bundle in estimator.bundles],
        "crops": how.crops,
        "detector": None if how.crops else digest_file(how.detector) if how.detector else "installed",
        "version": [__version__, DECODER_VERSION],
        "precision": how.precision,
        "annotate": None if how.pictures is None else str(how.pictures.absolute()),
    }


def _tell(problems: list[Photo], total: int) -> None:
    for photo in problems:
        say(f"agelens: {photo.file} {photo.problem}")
    if len(problems) == total:
        raise AgeLensError("Nothing was estimated, because not one of the files can be read.")


def _estimate(
    estimator: Estimator, files: list[Path], how: Prediction, pictures: dict[Path, Path] | None
) -> Iterator[Photo]:
    """The photographs one by one, with a bar, their pictures drawn before they are given on."""
    track = bar if console.is_terminal and len(files) > 1 else quiet
    began = time.perf_counter()
    with track("faces" if how.crops else "photographs", len(files)) as advance:
        for number, photo in enumerate(estimator.stream(files, how.crops), 1):
            if pictures is not None and not photo.problem:
                try:
                    draw(photo, pictures[Path(photo.file)])
                except ImageError as error:
                    # It was changed or removed since it was estimated.
                    photo = Photo(photo.file, 0, 0, problem=str(error))
            yield photo
            advance(1, f"{number / (time.perf_counter() - began):.1f} a second")


def _writer(file: IO[str], form: Form) -> tuple[Callable[[dict[str, Any]], object], Callable[[], None]]:
    """How to write a photograph (`Photo.to_dict`) in this form, and what to do at the end."""
    if form == "json":
        encoding = getattr(file, "encoding", None) or "utf-8"
        return lambda photo: file.write(json_text(photo, encoding) + "\n"), lambda: None
    if form == "csv":
        lines = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        lines.writeheader()
        return lambda photo: lines.writerows(rows(photo)), lambda: None
    table = Table(
        "file", "face", "age", "90 % within", "gender", "", box=None, pad_edge=False, header_style="bold"
    )
    return lambda photo: _add_rows(table, photo), lambda: Console(file=file).print(table)


def _add_rows(table: Table, photo: dict[str, Any]) -> None:
    if not photo["faces"]:
        table.add_row(Text(photo["file"]), "", "", "", "", "no face found")
    for number, face in enumerate(photo["faces"], 1):
        interval = face.get("age_interval")
        table.add_row(
            Text(photo["file"] if number == 1 else ""),
            str(number),
            f"{face['age_years']:.0f}" if "age_years" in face else "",
            f"{interval[0]:.0f} to {interval[1]:.0f}" if interval else "",
            describe_gender(face["p_female"]) if "p_female" in face else "",
            "perhaps no face" if face.get("uncertain") else "",
        )
