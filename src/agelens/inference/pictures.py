"""Where the annotated pictures of photographs go, and writing them; nothing that was not drawn here is replaced."""

import hashlib
import re
from pathlib import Path

from PIL import Image

from agelens.errors import AgeLensError
from agelens.inference.annotate import annotate
from agelens.inference.blur import Blur, blur_boxes, kind_of_picture
from agelens.inference.given import read_unnamed
from agelens.inference.record import LONGEST_NAME
from agelens.inference.results import ImagePrediction
from agelens.utils.files import replacing_file

_JPEG_QUALITY = 92
# Where JPEG ends, pixels.
_LONGEST = 65_500
# Stands in the pictures that were drawn here, before a digest of the photograph's place and what was drawn.
MARK = b"drawn by AgeLens"
# So long are that and the digest.
_PLACE_ENDS = len(MARK) + 17
_MARKED = re.compile(re.escape(MARK) + rb"( [0-9a-f]{16} [a-z0-9.]+(?: [a-z0-9.+]+)*)?")


def name_pictures(found: dict[Path, Path], folder: Path, blur: Blur | None = None) -> dict[Path, Path]:
    """Where the annotated picture of each file goes: as the files lie in the folders that were named.

    A name that is taken by the picture of another photograph gets a number.

    Args:
        found: each file, and its path below what was named.
        blur: the faces that these pictures hide; None draws them in.

    Raises:
        AgeLensError: something that was not drawn here, or was drawn with other options, stands in one of these places.
    """
    names: dict[Path, Path] = {}
    taken: set[Path] = set()
    sources = {file.resolve() for file in found}
    for file, place in found.items():
        jpeg = place if place.suffix.lower() in (".jpg", ".jpeg") else place.with_name(f"{place.name}.jpg")
        jpeg = _shortened(jpeg)
        target, number = folder / jpeg, 1
        while target in taken or _is_of_another(target, file, folder, sources, blur):
            number += 1
            target = folder / jpeg.with_stem(f"{jpeg.stem}-{number}")
        taken.add(target)
        names[file] = target
    return names


def _shortened(place: Path) -> Path:
    """A name that the file system takes, with room for a number."""
    size = len(place.name.encode(errors="surrogateescape"))
    if size <= LONGEST_NAME - 8:
        return place
    digest = hashlib.sha256(place.name.encode(errors="surrogateescape")).hexdigest()
    return place.with_name(f"{place.stem[:40]}-{digest[:16]}.jpg")


def _is_of_another(target: Path, file: Path, folder: Path, sources: set[Path], blur: Blur | None) -> bool:
    """Whether the picture of another photograph stands there.

    Raises:
        AgeLensError: it is no picture from here, or shows what this one is to hide, or the other way round.
    """
    if not target.exists():
        return False
    comment = _comment(target)
    option = "--annotate" if blur is None else "--blur"
    if target.resolve() in sources or not comment:
        raise AgeLensError(
            f"{option} {folder} would replace {target}, which was not drawn here; give another folder."
        )
    mark = _mark_of(file, blur)
    if comment != mark and comment.startswith(mark[:_PLACE_ENDS]):
        kind = comment[_PLACE_ENDS:].decode("ascii").strip()
        raise AgeLensError(
            f"{option} {folder} would replace {target}, which is {kind}, by one that is {kind_of_picture(blur)}; give "
            "another folder."
        )
    return comment not in (MARK, mark)


def _mark_of(file: Path, blur: Blur | None) -> bytes:
    """Tells a photograph by its place, which the picture itself does not give away, and what is drawn."""
    place = str(file.resolve()).encode(errors="surrogateescape")
    digest = hashlib.sha256(place).hexdigest()[:16]
    return MARK + f" {digest} {kind_of_picture(blur)}".encode("ascii")


def is_drawn(file: Path, folder: Path) -> bool:
    """Whether a file lies in a folder, or below it, and was drawn here."""
    return folder.resolve() in file.resolve().parents and bool(_comment(file))


def _comment(path: Path) -> bytes:
    """The mark of a picture that was drawn here, else nothing. It stands before the picture itself."""
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError:
        return b""
    found = _MARKED.search(head) if head.startswith(b"\xff\xd8") else None
    return found[0] if found else b""


def draw(photo: ImagePrediction, target: Path, blur: Blur | None = None) -> None:
    """Write the annotated picture of a photograph as JPEG, without anything that its file says of itself.

    Args:
        blur: make these faces unrecognisable instead.

    Raises:
        ImageError: the photograph cannot be read any more.
        OSError: the picture cannot be written.
    """
    file = Path(photo.file)
    pixels = read_unnamed(photo.file, photo.width * photo.height)
    if blur is None:
        picture = annotate(pixels, photo.faces)
    else:
        picture = Image.fromarray(blur_boxes(pixels, blur.boxes(photo.faces)))
    picture.thumbnail((_LONGEST, _LONGEST))
    with replacing_file(target) as temporary:
        picture.save(temporary, "JPEG", quality=_JPEG_QUALITY, comment=_mark_of(file, blur))


def refuse_to_replace(files: list[Path], target: Path | None, option: str) -> None:
    """Refuse, with an AgeLensError, to write where one of the photographs lies."""
    if (
        target is not None
        and target.exists()
        and any(target.samefile(file) for file in files if file.exists())
    ):
        raise AgeLensError(f"{option} {target} would replace a photograph; give another file.")
