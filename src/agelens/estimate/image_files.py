"""Which image files a command means."""

import glob
from pathlib import Path

from agelens.errors import AgeLensError
from agelens.images import SUFFIXES


def find_images(paths: list[Path], besides: Path | None = None) -> dict[Path, Path]:
    """The image files among files, patterns and folders, in order; each with its path below what was named.

    Args:
        besides: a folder whose images are not meant where they were not named one by one: pictures that were drawn
            before.

    Raises:
        AgeLensError: a path does not exist, or there is no image.
    """
    files: dict[Path, Path] = {}
    for path in paths:
        drawn = None if besides is None or besides.resolve() == path.resolve() else besides.resolve()
        if path.is_dir():
            # Hidden files are no photographs: macOS writes a ._name beside each name, and we write parts of files.
            files |= {
                file: file.relative_to(path)
                for file in sorted(path.rglob("*"))
                if file.suffix.lower() in SUFFIXES
                and not file.name.startswith(".")
                and _is_meant(file, drawn)
            }
        elif path.exists():
            files[path] = Path(path.name)
        elif matches := [Path(match) for match in sorted(glob.glob(str(path), recursive=True))]:  # noqa: PTH207
            # Where no shell does it (Windows), or quotes kept it from doing so.
            files |= {match: Path(match.name) for match in matches if _is_meant(match, drawn)}
        elif glob.has_magic(str(path)):
            raise AgeLensError(f"{path} fits no file; give image files or a folder of them.")
        elif path.parts[0] in ("http:", "https:"):
            raise AgeLensError("Addresses are not fetched; give image files or a folder of them.")
        else:
            raise AgeLensError(f"{path} does not exist; give image files or a folder of them.")
    if not files:
        raise AgeLensError(f"{paths[0]} holds no image; give image files or a folder of them.")
    return files


def _is_meant(file: Path, drawn: Path | None) -> bool:
    return file.is_file() and not (drawn and drawn in file.resolve().parents)
