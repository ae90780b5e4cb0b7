"""Which image files a command means."""

import errno
import glob
import os
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from agelens.errors import AgeLensError
from agelens.inference.addresses import address_of
from agelens.inference.results import ImagePrediction
from agelens.utils.folders import describe_kinds, expand, list_folder, once, what_is
from agelens.utils.image_kinds import is_image_file, kind_of
from agelens.utils.images import SUFFIXES
from agelens.utils.remote import list_files

# Where a shell puts what another program says, as in <(curl ...): the one kind of pipe that is read.
_DESCRIPTORS = (("/", "dev"), ("/", "proc"))


@dataclass
class LeftOut:
    """What of the paths that a person named is not taken.

    Attributes:
        errors: for each path that gives nothing the reason, as for a file that cannot be read.
        skipped: what the folders and patterns hold besides images, each with what it is.
    """

    errors: list[ImagePrediction] = field(default_factory=list)
    skipped: dict[Path, str] = field(default_factory=dict)

    def tell_skipped(self, say: Callable[[str], None]) -> None:
        """Say what was skipped, in one line, if anything was."""
        if self.skipped:
            say(f"agelens: skipped: {describe_kinds(self.skipped)}.")

    def tell_errors(self, say: Callable[[str], None]) -> None:
        """Say which paths gave nothing, one line each."""
        for photo in self.errors:
            say(f"agelens: {photo.file} {photo.error}")

    def add(self, path: Path, error: str) -> None:
        self.errors.append(ImagePrediction(str(path), 0, 0, error=error))


def find_images(
    paths: Iterable[Path], besides: Path | None = None, left_out: LeftOut | None = None
) -> dict[Path, Path]:
    """The image files among files, patterns and folders, in order; each with its path below what was named.

    A file that is named is taken whatever it is called. Of folders and of what fits a pattern, images are taken by
    name or by their first bytes, each file once, as `agelens.utils.folders` tells.

    Args:
        besides: a folder whose images are not meant where they were not named one by one: pictures that were drawn
            before.
        left_out: takes what gives no image, so that the others can be done.

    Raises:
        AgeLensError: there is no image at all; the sentence says why.
    """
    left_out = LeftOut() if left_out is None else left_out
    found: dict[Path, Path] = {}
    for path in paths:
        found |= _below(path, None if besides is None else besides.resolve(), left_out)
    files = {file: found[file] for file in once(found)}
    if not files:
        raise AgeLensError(f"{_sentence(left_out)}; give image files or a folder of them.")
    return files


def _below(path: Path, drawn: Path | None, left_out: LeftOut) -> dict[Path, Path]:
    """The images that one path of a person names; what is wrong with it is left out."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        return _fitting(path, drawn, left_out, error)
    if stat.S_ISDIR(mode):
        return _in_folder(path, drawn, left_out, named=True)
    if not (stat.S_ISREG(mode) or (stat.S_ISFIFO(mode) and path.parts[:2] in _DESCRIPTORS)):
        # Whoever opens a pipe that nobody writes to waits for ever, and a device may have no end.
        left_out.add(path, "is no plain file; a camera is read with --video")
        return {}
    return {path: Path(path.name)}


def _fitting(path: Path, drawn: Path | None, left_out: LeftOut, error: OSError) -> dict[Path, Path]:
    """The images that fit a pattern; it comes here as it is where no shell expands it, or quotes keep one from it."""
    if os.path.islink(path):  # noqa: PTH114  (which takes names of any length)
        left_out.add(path, "is a link that leads nowhere")
    elif error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EINVAL):
        left_out.add(path, f"cannot be read: {error.strerror}")
    elif address := address_of(str(path)):
        return _behind(address, left_out)
    elif not glob.has_magic(str(path)):
        left_out.add(
            path, "does not exist" if error.errno != errno.ENAMETOOLONG else "is too long for a name"
        )
    elif matches := expand(path):
        found: dict[Path, Path] = {}
        for match in matches:
            if match.is_dir():
                found |= _in_folder(match, drawn, left_out)
            else:
                found |= _meant([match], match.parent, drawn, left_out)
        if not found:
            left_out.add(path, "fits no image")
        return found
    else:
        left_out.add(path, "fits no file")
    return {}


def _behind(address: str, left_out: LeftOut) -> dict[Path, Path]:
    """The photographs behind an address: itself, those of a folder in a bucket, or what fits a pattern."""
    found = list_files(address, SUFFIXES)
    if not found:
        left_out.errors.append(ImagePrediction(address, 0, 0, error="holds no image"))
    return {Path(one): Path(one.rpartition("/")[2]) for one in found}


def _in_folder(folder: Path, drawn: Path | None, left_out: LeftOut, named: bool = False) -> dict[Path, Path]:
    listing = list_folder(folder)
    left_out.skipped |= listing.odd | listing.hidden
    for unreadable, reason in listing.unreadable.items():
        left_out.add(unreadable, f"cannot be read: {reason}")
    # Pictures that were drawn into the very folder that is named are told from photographs later.
    found = _meant(listing.files, folder, None if drawn == folder.resolve() else drawn, left_out)
    if named and not found and not listing.unreadable:
        left_out.add(folder, "holds no image")
    return found


def _meant(files: list[Path], folder: Path, drawn: Path | None, left_out: LeftOut) -> dict[Path, Path]:
    """The images among files below a folder, with their paths below it; the others are counted."""
    found: dict[Path, Path] = {}
    for file in files:
        if drawn and drawn in file.resolve().parents:
            continue
        kind = what_is(file)
        if kind not in ("file", "dangling link"):
            left_out.skipped[file] = kind
        elif is_image_file(file):
            found[file] = file.relative_to(folder)
        else:
            left_out.skipped[file] = kind_of(file) if kind == "file" else kind
    return found


def _sentence(left_out: LeftOut) -> str:
    """Why there is no image, of the first paths."""
    told = [f"{photo.file} {photo.error}" for photo in left_out.errors[:3]]
    if more := len(left_out.errors) - len(told):
        told.append(f"and {more} more")
    skipped = f" (skipped: {describe_kinds(left_out.skipped)})" if left_out.skipped else ""
    return (", ".join(told) or "No file holds an image") + skipped
