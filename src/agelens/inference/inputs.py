"""What was named on the command line: the photographs that are there, and a sentence for each name that holds none."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from agelens.errors import AgeLensError
from agelens.inference.addresses import VIDEO_SUFFIXES, hide_password, names_video, read_address
from agelens.inference.image_files import LeftOut, find_images
from agelens.inference.pictures import is_drawn
from agelens.utils.images import SUFFIXES

# How the files of videos begin that have another ending or none: MP4 and MOV, Matroska and WebM, AVI.
_BRANDS = re.compile(
    rb"(?s)....ftyp(isom|iso\d|mp4\d|avc1|M4V.|qt  |3gp.|dash)|\x1aE\xdf\xa3|RIFF....AVI |....moov"
)


@dataclass(frozen=True)
class Located:
    """The photographs that are meant.

    Attributes:
        found: each file, and its path below what was named; in order.
        errors: one sentence for each name that holds no photograph.
        left_out: what the folders and patterns hold besides photographs.
    """

    found: dict[Path, Path]
    errors: list[str]
    left_out: LeftOut = field(default_factory=LeftOut)


def locate(paths: list[Path], besides: Path | None = None) -> Located:
    """Find the photographs of all names that hold some; one that is mistyped keeps the others from nothing.

    Args:
        besides: a folder of annotated pictures, which are not meant where they are not named one by one.

    Raises:
        AgeLensError: not one of the names holds a photograph; says why of each.
    """
    videos = {path: sentence for path in paths if (sentence := about_video(path))}
    left_out, nothing = LeftOut(), ""
    found: dict[Path, Path] = {}
    if good := [path for path in paths if path not in videos]:
        try:
            found = find_images(good, besides, left_out)
        except AgeLensError as error:
            nothing = str(error)
    if besides is not None and found:
        found = {file: place for file, place in found.items() if file in paths or not is_drawn(file, besides)}
        nothing = f"{paths[0]} holds no photograph but those that were drawn here; give others."
    if not found:
        raise AgeLensError("\nagelens: ".join([*videos.values(), *[nothing] * bool(nothing)]))
    return Located(
        found, [*videos.values(), *(f"{photo.file} {photo.error}" for photo in left_out.errors)], left_out
    )


def about_video(path: Path) -> str | None:
    """What to say of a name that is a video, or the address of one; None where it is neither."""
    if not _exists(path):
        address = read_address(str(path))
        if address is None or not names_video(str(path)):
            return None
        place = hide_password(address[1])
    elif path.is_file() and _is_video(path):
        place = str(path)
    else:
        return None
    return f"{place} is a video and not a photograph; give it as --video '{place}'."


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        # Its name is too long, for example.
        return False


def _is_video(path: Path) -> bool:
    if path.suffix.lower() in VIDEO_SUFFIXES:
        return True
    if path.suffix.lower() in SUFFIXES:
        return False
    try:
        with path.open("rb") as file:
            return _BRANDS.match(file.read(32)) is not None
    except OSError:
        return False
