"""Reading a folder whose files, or folders, are named by their labels."""

from pathlib import Path, PurePosixPath

from agelens.data.rows import Rejected, Rows, as_line, is_line
from agelens.data.sources.formats import find_name_format
from agelens.errors import AgeLensError
from agelens.utils.folders import Listing, describe_kinds, list_folder
from agelens.utils.image_kinds import is_image_file, kind_of


def read_folder(folder: Path, wanted: str = "") -> Rows:
    """Return the faces below a folder; hidden files and runs of AgeLens that lie inside are none of it.

    Args:
        wanted: name of the format of its names; "" takes the one that fits most of them.

    Raises:
        AgeLensError: the folder cannot be read, or holds nothing, or the format is none of names.
    """
    listing = list_folder(folder)
    if folder in listing.unreadable:
        raise AgeLensError(
            f"{folder} cannot be read: {listing.unreadable[folder]}; give another folder, or the right to read it."
        )
    files = _outside_runs(listing.files, folder)
    if not files and not listing.odd and not listing.unreadable:
        raise AgeLensError(f"{folder} is empty; give the folder that holds the UTKFace images.")
    names = {path: PurePosixPath(path.relative_to(folder).as_posix()) for path in files}
    images = {path for path in files if is_image_file(path)}
    form = find_name_format([names[path] for path in files if path in images], wanted)
    read = Rows(format=form.title)
    skipped = listing.odd | listing.hidden
    for path in sorted(files, key=lambda path: str(names[path])):
        row: dict[str, object] | str
        if path in images:
            row = form.parse(names[path])
        else:
            row = "is not an image file"
            skipped[path] = kind_of(path)
        name = str(names[path])
        if not is_line(name):
            # Tables and pages could not hold it.
            row = "the name has letters that are no text"
        if isinstance(row, str):
            read.rejected.append(Rejected(as_line(name), row))
        else:
            read.rows.append({"path": str(path.absolute()), **row})
    _add_odd(read, listing, folder)
    if skipped:
        read.notes.append(f"skipped: {describe_kinds(skipped)}")
    return read


def _outside_runs(files: list[Path], folder: Path) -> list[Path]:
    """Runs that lie inside, as after 'agelens audit .', hold charts and pages, and no faces of this source."""
    runs = {path.parent for path in files if path.name == "config.json" and (path.parent / ".lock").exists()}
    runs.discard(folder)
    return [path for path in files if runs.isdisjoint(path.parents)]


def _add_odd(read: Rows, listing: Listing, folder: Path) -> None:
    """Note what is no file, and folders that cannot be listed: faces may be missing there."""
    for path, kind in listing.odd.items():
        read.rejected.append(Rejected(as_line(path.relative_to(folder).as_posix()), f"is a {kind}"))
    for path, reason in listing.unreadable.items():
        name = as_line(path.relative_to(folder).as_posix())
        read.rejected.append(Rejected(name, f"the folder cannot be read: {reason}"))
        read.notes.append(f"the folder {name} cannot be read and is left out: {reason}")
