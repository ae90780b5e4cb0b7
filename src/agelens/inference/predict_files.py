"""From files on the command line to a table, JSON, CSV or annotated pictures."""

import contextlib
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from agelens.detection.framing import refuse_scenes
from agelens.errors import AgeLensError, ImageError
from agelens.inference.blur import Blur
from agelens.inference.inputs import locate
from agelens.inference.output_formats import Writer, writing_photos
from agelens.inference.pictures import draw, name_pictures, refuse_to_replace
from agelens.inference.prediction_config import PredictionConfig, check_out, fingerprint
from agelens.inference.predictions_file import Output
from agelens.inference.predictor import Predictor
from agelens.inference.printing import FaceTable, Tally, counted
from agelens.inference.record import read_record
from agelens.inference.results import ImagePrediction
from agelens.utils.files import make_folder
from agelens.utils.image_kinds import NAMED_SO
from agelens.utils.progress import bar, console, quiet, say, waiting

_INTERRUPTED = (
    "Interrupted; what was estimated stands above, and with --out FILE a command goes on where it was."
)
_NO_CROPS = (
    "Leave out --crops, and every face is found and aligned, or estimate the images as they are with "
    "--crops-as-they-are."
)


def predict_files(paths: list[Path], config: PredictionConfig) -> int:
    """Estimate image files and write what is found, in order.

    With a file for the output the work can be interrupted: the same command goes on from what is done. A file that
    stands is replaced only where it holds nothing but estimates of these photographs by the same network and options.

    Args:
        paths: image files, patterns such as ``*.jpg``, and folders whose images are taken, subfolders too.

    Returns:
        how many files could not be read or drawn, and names that hold no photograph; each is told on standard error
        with its reason.

    Raises:
        AgeLensError: there is no image, not one can be read, there is no bundle or detector, or the output cannot
            stand where it is asked for.
    """
    _check(config)
    located = locate(paths, config.pictures)
    files = list(located.found)
    refuse_to_replace(files, config.out, "--out")
    # Here, for networks need not be loaded to know that a file is somebody's own.
    record = None if config.out is None or config.overwrite else read_record(config.out)
    pictures = None if config.pictures is None else name_pictures(located.found, config.pictures, config.blur)
    with waiting("loading the networks"):
        predictor = config.load()
    _check_limits(predictor, config)
    refuse_photographs(files, predictor, config)
    if config.pictures is not None:
        make_folder(config.pictures)
    located.left_out.tell_skipped(say)
    tally = Tally(left_out=located.errors)
    if config.out is None:
        _to_stream(predictor, files, config, pictures, tally)
    else:
        output = Output(
            config.out, config.written_form, fingerprint(predictor, config), record, config.overwrite
        )
        _to_file(predictor, files, config, output, pictures, tally)
    if pictures is not None and tally.drawn:
        what = counted(tally.drawn, "annotated picture" if config.blur is None else "picture")
        hidden = (
            "" if config.blur is None else f", {tally.blurred:,} of {counted(tally.shown, 'face')} blurred"
        )
        say(f"{config.pictures}: {what}{hidden}.")
    return tally.failed


def refuse_photographs(files: Sequence[Path | str], predictor: Predictor, config: PredictionConfig) -> None:
    """Refuse, with an AgeLensError, crops that a sample of them shows to be whole photographs."""
    if config.crops and not config.as_they_are:
        refuse_scenes(files, predictor.detector, predictor.geometry, _NO_CROPS)


def _check(config: PredictionConfig) -> None:
    check_out(config.out)
    _ = config.written_form
    pictures = config.pictures
    if pictures is not None and pictures.suffix.lower() in NAMED_SO and not pictures.is_dir():
        raise AgeLensError(
            f"{config.pictures_option} takes a folder, and {pictures} is called as a picture is."
        )
    if config.crops and config.pictures is not None:
        raise AgeLensError(
            f"{config.pictures_option} needs faces with boxes, and {config.crops_option} has none; leave one of them "
            "out."
        )


def _check_limits(predictor: Predictor, config: PredictionConfig) -> None:
    """Refuse, with an AgeLensError, age limits that would not be told."""
    if config.age_limits and config.out is not None and config.written_form == "parquet":
        raise AgeLensError(
            "--age-limit is not written as Parquet, whose columns are the same for all; give another form, or add up "
            "age_distribution from the limit on."
        )
    if (
        config.age_limits
        and config.selection.fields is not None
        and "age_distribution" not in config.selection.fields
    ):
        raise AgeLensError(
            "--age-limit is told from age_distribution; add that to --fields, or leave --fields out."
        )
    if config.age_limits and not predictor.gives_age_distribution:
        raise AgeLensError(
            "--age-limit needs a network that gives a probability for each age, as AgeLens's own does; this one gives "
            "no age, or a single number."
        )


def _to_stream(
    predictor: Predictor,
    files: list[Path],
    config: PredictionConfig,
    pictures: dict[Path, Path] | None,
    tally: Tally,
) -> None:
    form = config.written_form
    found = (photo for photo, _ in _predict(predictor, files, config, pictures, tally))
    good = (photo.to_dict(config.age_limits) for photo in found if not photo.error)
    written = 0
    try:
        lines = (
            _table(config.age_limits)
            if form == "table"
            else writing_photos(sys.stdout, form, config.age_limits)
        )
        with lines as write:
            for photo in good:
                write(photo)
                written += 1
    except KeyboardInterrupt:
        # Without a word of its own where nothing stands above.
        raise KeyboardInterrupt(*[_INTERRUPTED] * bool(written)) from None
    _tell(tally, len(files))
    if tally.unreadable:
        say(f"agelens: {len(tally.unreadable)} of {len(files)} files could not be read.")


@contextlib.contextmanager
def _table(age_limits: tuple[int, ...]) -> Iterator[Writer]:
    """A table for a person, shown at the end, also where that comes early."""
    table = FaceTable(age_limits)
    try:
        yield table.add
    finally:
        table.show(sys.stdout)


def _to_file(
    predictor: Predictor,
    files: list[Path],
    config: PredictionConfig,
    output: Output,
    pictures: dict[Path, Path] | None,
    tally: Tally,
) -> None:
    with output.opened(files, pictures or {}) as waiting:
        try:
            for photo, picture in _predict(predictor, waiting, config, pictures, tally):
                output.add(photo, picture)
            output.finish()
        except KeyboardInterrupt:
            raise KeyboardInterrupt(output.interrupted()) from None
    _tell(tally, len(files))
    say(output.closing_line(len(tally.unreadable), len(tally.left_out), config.crops))


def _tell(tally: Tally, total: int) -> None:
    tally.tell()
    if len(tally.unreadable) == total:
        raise AgeLensError("Nothing was estimated, because not one of the files can be read.")


def _predict(
    predictor: Predictor,
    files: list[Path],
    config: PredictionConfig,
    pictures: dict[Path, Path] | None,
    tally: Tally,
) -> Iterator[tuple[ImagePrediction, Path | None]]:
    """The photographs one by one, with a bar; their pictures are drawn before they are given on, with their places."""
    track = bar if console.is_terminal and len(files) > 1 else quiet
    began = time.perf_counter()
    with track("faces" if config.crops else "photographs", len(files)) as advance:
        for number, photo in enumerate(predictor.stream(files, config.crops), 1):
            picture = None
            # What is published hides every face, also those that are too small to be of use.
            shown = photo if config.blur else config.selection.faces(photo)
            if pictures is not None and not photo.error:
                shown, picture = _draw(shown, pictures[Path(photo.file)], tally, config.blur)
            photo = config.selection.values(config.selection.faces(shown))
            if photo.error:
                tally.unreadable.append(f"{photo.file} {photo.error}")
            yield photo, picture
            advance(1, f"{number / (time.perf_counter() - began):.1f} a second")


def _draw(
    photo: ImagePrediction, target: Path, tally: Tally, blur: Blur | None
) -> tuple[ImagePrediction, Path | None]:
    """Draw a photograph's picture; what is estimated stands also where that fails."""
    try:
        draw(photo, target, blur)
    except ImageError as error:
        # It was changed or removed since it was estimated.
        return ImagePrediction(photo.file, 0, 0, error=str(error)), None
    except OSError as error:
        tally.undrawn.append((photo.file, error.strerror or str(error)))
        return photo, None
    tally.drawn += 1
    tally.shown += len(photo.faces)
    tally.blurred += len(blur.boxes(photo.faces)) if blur else 0
    return photo, target
