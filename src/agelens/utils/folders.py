"""The files below a folder, and those that fit a pattern: each once, and nothing is opened.

Hidden files and folders are left out. A link to a folder is followed once by its real path, and a file below it is
called by where it lies if it lies in the folder too. Links that lead back to where they stand end no search.
"""

import fnmatch
import glob
import os
import stat
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from agelens.utils.files import PARTIAL
from agelens.utils.image_kinds import NAMED_SO

# What systems and programs put beside people's files; nobody misses it, so it is not even counted.
_LITTER = frozenset(
    {
        ".ds_store", ".git", ".hg", ".svn", ".lock", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "@eadir",
        "__macosx", "#recycle", "#snapshot", "$recycle.bin", "system volume information", "lost+found",
    }
)  # fmt: skip
_LITTER_STARTS = ("._", PARTIAL)
_MOST_KINDS = 8


@dataclass
class Listing:
    """What lies below a folder.

    Attributes:
        files: plain files and links to such, also links that lead nowhere but are called images; sorted by path.
        odd: what is neither file nor folder, each with what it is, as `what_is` says.
        hidden: folders and images that are called as hidden things are, each as "hidden file" or "hidden folder"; what
            systems and programs put there by themselves is not told.
        unreadable: folders that cannot be listed, each with the reason.
    """

    files: list[Path] = field(default_factory=list)
    odd: dict[Path, str] = field(default_factory=dict)
    hidden: dict[Path, str] = field(default_factory=dict)
    unreadable: dict[Path, str] = field(default_factory=dict)


def list_folder(folder: Path) -> Listing:
    """All files below a folder."""
    listing = Listing()
    for _, entries in _walk(folder, listing):
        for entry in entries:
            kind, path = what_is(entry), Path(entry.path)
            is_image = path.suffix.lower() in NAMED_SO
            if _is_hidden(entry.name):
                if (kind == "folder" or is_image) and not _is_litter(entry.name):
                    listing.hidden[path] = "hidden folder" if kind == "folder" else "hidden file"
            elif kind == "file" or (kind == "dangling link" and is_image):
                listing.files.append(path)
            elif kind != "folder":
                listing.odd[path] = kind
    listing.files.sort()
    return listing


def what_is(entry: "os.DirEntry[str] | Path") -> str:
    """What stands at a place, and of a link what it leads to.

    Returns:
        "folder", "file", "named pipe", "socket", "device", or "dangling link" where it leads nowhere.
    """
    try:
        # Without a look at the disk for all entries but links.
        if entry.is_dir():
            return "folder"
        if entry.is_file():
            return "file"
        mode = entry.stat().st_mode
    except OSError:
        # It leads nowhere, or around in a ring, or was removed a moment ago.
        return "dangling link"
    if stat.S_ISFIFO(mode):
        return "named pipe"
    return "socket" if stat.S_ISSOCK(mode) else "device"


def expand(pattern: Path) -> list[Path]:
    """Files and folders that fit a pattern as of a shell, ``**`` for any number of folders; each once, sorted."""
    found = [Path(pattern.anchor)]
    for part in pattern.parts[1 if pattern.anchor else 0 :]:
        if part == "**":
            found = [folder for one in once(found) for folder, _ in _walk(one, Listing())]
        elif glob.has_magic(part):
            found = [match for folder in once(found) for match in _matches(folder, part)]
        else:
            found = [folder / part for folder in found]
    # A pattern that ends with ** means all that lies there.
    return [path for path in once(sorted(found)) if os.path.lexists(path) and path != Path(pattern.anchor)]


def once(paths: Iterable[Path]) -> Iterator[Path]:
    """Those paths that do not name again what an earlier one named; two links to one file stay two."""
    real: dict[Path, str] = {}
    seen: set[str] = set()
    for path in paths:
        # The end of a path is kept as it is, for a link has a name of its own.
        if path.name in ("", ".."):
            key = os.path.realpath(path)
        else:
            if path.parent not in real:
                real[path.parent] = os.path.realpath(path.parent)
            key = str(Path(real[path.parent]) / path.name)
        if key not in seen:
            seen.add(key)
            yield path


def describe_kinds(skipped: Mapping[Path, str]) -> str:
    """How many of each kind, for a person: "3 .txt, 2 .json, 1 hidden folder"; empty where there is nothing.

    Args:
        skipped: what each path is; one that is named in two ways counts once.
    """
    counts = Counter(skipped[path] for path in once(skipped))
    kinds = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    told = [_count(kind, number) for kind, number in kinds[:_MOST_KINDS]]
    if rest := sum(number for _, number in kinds[_MOST_KINDS:]):
        told.append(f"{rest:,} of other kinds")
    return ", ".join(told)


def _count(kind: str, number: int) -> str:
    plural = kind if number == 1 or kind.startswith((".", "without")) else f"{kind}s"
    return f"{number:,} {plural}"


def _walk(folder: Path, listing: Listing) -> Iterator[tuple[Path, list["os.DirEntry[str]"]]]:
    """A folder and those below it that are not hidden, each once by its real path, with their sorted entries."""
    seen: set[str] = set()
    folders, links = deque([folder]), deque[Path]()
    while folders or links:
        # Folders come before links to them, so that a file is called by where it lies.
        here = folders.popleft() if folders else links.popleft()
        real = os.path.realpath(here)
        if real in seen:
            continue
        seen.add(real)
        try:
            with os.scandir(here) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            listing.unreadable[here] = error.strerror or str(error)
            continue
        yield here, entries
        for entry in entries:
            if not _is_hidden(entry.name) and what_is(entry) == "folder":
                (links if entry.is_symlink() else folders).append(Path(entry.path))


def _matches(folder: Path, part: str) -> list[Path]:
    """What lies in a folder and fits one part of a pattern; hidden names only where the pattern says so."""
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError:
        # No folder, or none that may be listed: as a shell, nothing fits there.
        return []
    return [folder / name for name in fnmatch.filter(names, part) if part[0] == "." or not _is_hidden(name)]


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name.lower() in _LITTER


def _is_litter(name: str) -> bool:
    return name.lower() in _LITTER or name.startswith(_LITTER_STARTS) or ".partial." in name
