"""Which image files a command means, and where the pictures that it draws of them go."""

import glob
from pathlib import Path

from PIL import Image

from agelens.errors import AgeLensError
from agelens.estimate.annotate import annotate
from agelens.estimate.results import Photo
from agelens.files import replacing_file
from agelens.images import SUFFIXES, read_rgb

_JPEG_QUALITY = 92
# Where JPEG ends, pixels.
_LONGEST = 65_500
# Stands in the pictures that were drawn here, which alone may be drawn anew.
_MARK = b"drawn by AgeLens"


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


def name_pictures(found: dict[Path, Path], folder: Path) -> dict[Path, Path]:
    """Where the annotated picture of each file goes: as the files lie in the folders that were named.

    Raises:
        AgeLensError: something that was not drawn here stands in one of these places.
    """
    names: dict[Path, Path] = {}
    taken: set[Path] = set()
    for file, place in found.items():
        jpeg = place if place.suffix.lower() in (".jpg", ".jpeg") else place.with_name(f"{place.name}.jpg")
        target, number = folder / jpeg, 1
        while target in taken:
            number += 1
            target = folder / jpeg.with_stem(f"{jpeg.stem}-{number}")
        taken.add(target)
        names[file] = target
    sources = {file.resolve() for file in found}
    for target in taken:
        if target.exists() and (target.resolve() in sources or not _is_drawn(target)):
            raise AgeLensError(
                f"--annotate {folder} would replace {target}, which was not drawn here; give another folder."
            )
    return names


def refuse_to_replace(files: list[Path], target: Path | None, option: str) -> None:
    """Refuse, with an AgeLensError, to write where one of the photographs lies."""
    if (
        target is not None
        and target.exists()
        and any(target.samefile(file) for file in files if file.exists())
    ):
        raise AgeLensError(f"{option} {target} would replace a photograph; give another file.")


def draw(photo: Photo, target: Path) -> None:
    """Write the annotated picture of a photograph as JPEG. Raises ImageError where it cannot be read any more."""
    # It has been read already, with whatever limit there was.
    picture = annotate(read_rgb(Path(photo.file), max_pixels=photo.width * photo.height), photo.faces)
    picture.thumbnail((_LONGEST, _LONGEST))
    with replacing_file(target) as temporary:
        picture.save(temporary, "JPEG", quality=_JPEG_QUALITY, comment=_MARK)


def _is_drawn(path: Path) -> bool:
    try:
        with Image.open(path, formats=["JPEG"]) as image:
            return image.info.get("comment") == _MARK
    except OSError:
        return False
