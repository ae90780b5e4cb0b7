"""The formats that AgeLens reads, and which of them a source is.

Another data set is one more file beside this one and one more entry here.
"""

from pathlib import PurePosixPath
from typing import NoReturn

from agelens.data.sources.adience import ADIENCE
from agelens.data.sources.agedb import AGEDB
from agelens.data.sources.appa_real import APPA_REAL
from agelens.data.sources.cacd import CACD
from agelens.data.sources.class_folders import CLASS_FOLDERS
from agelens.data.sources.fairface import FAIRFACE
from agelens.data.sources.fgnet import FGNET
from agelens.data.sources.imdb_clean import IMDB_CLEAN
from agelens.data.sources.lagenda import LAGENDA
from agelens.data.sources.morph import MORPH, MORPH_NAMES
from agelens.data.sources.name_format import NameFormat
from agelens.data.sources.sheet_format import SheetFormat
from agelens.data.sources.utkface import UTKFACE
from agelens.errors import AgeLensError

# In the order in which they are tried; the first that fits as well as any other is taken.
NAME_FORMATS = (UTKFACE, AGEDB, CACD, FGNET, MORPH_NAMES, CLASS_FOLDERS)
SHEET_FORMATS = (FAIRFACE, ADIENCE, APPA_REAL, IMDB_CLEAN, LAGENDA, MORPH)
MANIFEST = "manifest"
NAMES = tuple(dict.fromkeys([one.name for one in (*NAME_FORMATS, *SHEET_FORMATS)] + [MANIFEST]))


def check_format(name: str) -> None:
    """Refuse, with an AgeLensError, a name that no format has; "" asks for none."""
    if name and name not in NAMES:
        raise AgeLensError(f"There is no format {name!r}; --format knows {', '.join(NAMES)}.")


def find_name_format(paths: list[PurePosixPath], wanted: str = "") -> NameFormat:
    """Return the format that most of some paths are named by; UTKFace's where none fits.

    Args:
        paths: of images, relative to their source.
        wanted: the name of a format that is to be taken whatever the paths are.

    Raises:
        AgeLensError: the wanted one is no format of names.
    """
    if wanted:
        return next((one for one in NAME_FORMATS if one.name == wanted), None) or _refuse(
            wanted, "a folder of images"
        )
    fitting = {one.name: sum(isinstance(one.parse(path), dict) for path in paths) for one in NAME_FORMATS}
    return max(NAME_FORMATS, key=lambda one: fitting[one.name])


def find_sheet_format(header: list[str], wanted: str = "") -> SheetFormat | None:
    """Return the published label file that a header belongs to; None for any other manifest.

    Raises:
        AgeLensError: the wanted one is no label file, or its columns are not there.
    """
    if wanted == MANIFEST:
        return None
    if wanted:
        found = next((one for one in SHEET_FORMATS if one.name == wanted), None) or _refuse(
            wanted, "a label file"
        )
        if not found.fits(header):
            raise AgeLensError(
                f"--format {wanted}: a {found.title} has the columns {', '.join(sorted(found.header))}, and this file "
                f"has {', '.join(header)}."
            )
        return found
    return next((one for one in SHEET_FORMATS if one.fits(header)), None)


def _refuse(wanted: str, what: str) -> NoReturn:
    check_format(wanted)
    raise AgeLensError(f"--format {wanted} does not read {what}; leave it out, and the format is found.")
