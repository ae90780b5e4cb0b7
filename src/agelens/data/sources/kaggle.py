"""Where public datasets come from. Nothing here is needed by those who bring their own folder."""

import contextlib
import sys
from pathlib import Path
from zipfile import BadZipFile

from agelens.errors import AgeLensError
from agelens.utils.reasons import first_line

# The copy that the notebook used; its folder holds UTKFace/ among others.
HANDLE = "jangedoo/utkface-new"
PAGE = f"https://www.kaggle.com/datasets/{HANDLE}"
_FOLDER = "UTKFace"


def fetch_utkface(folder: Path | None = None) -> Path:
    """Download UTKFace from Kaggle, or find it in kagglehub's cache.

    kagglehub asks Kaggle for the newest version first, so it needs the network even for what it has already.
    A download that broke off goes on where it stopped.

    Args:
        folder: where to; None is kagglehub's cache.

    Returns:
        The folder of the aligned faces, for `agelens.data.sources.reading.read_faces`.

    Raises:
        AgeLensError: kagglehub is missing, Kaggle cannot be reached or refuses, or what came is not the
            dataset; the message says how to get the folder by hand.
    """
    try:
        # kagglehub reports to the standard output of its import; that one belongs to results.
        with contextlib.redirect_stdout(sys.stderr):
            import kagglehub
            import requests
            from kagglehub import exceptions as refusals
    except ImportError:
        raise AgeLensError("Downloading UTKFace needs kagglehub: pip install 'agelens[study]'.") from None
    try:
        root = Path(kagglehub.dataset_download(HANDLE, output_dir=str(folder) if folder else None))
    except (requests.ConnectionError, requests.Timeout):
        raise _by_hand("Kaggle cannot be reached") from None
    except (
        requests.RequestException,
        refusals.BackendError,
        refusals.ColabEnvironmentError,
        refusals.CredentialError,
        refusals.KaggleEnvironmentError,
        refusals.NotFoundError,
        refusals.UnauthenticatedError,
    ) as error:
        raise _by_hand(f"Kaggle refuses UTKFace: {first_line(error)}") from None
    # A full disk, a login page in place of an answer, a broken archive: kagglehub lets these through.
    except (refusals.DataCorruptionError, BadZipFile, OSError, ValueError) as error:
        raise _by_hand(f"The download of UTKFace failed: {first_line(error)}") from None
    return _faces_folder(root)


def _faces_folder(root: Path) -> Path:
    """The shallowest folder called UTKFace; the archive holds a second copy of it deeper down."""
    folders = sorted(
        (path for path in root.rglob(_FOLDER) if path.is_dir()), key=lambda path: (len(path.parts), path)
    )
    if not folders:
        raise _by_hand(f"The download at {root} has no folder {_FOLDER}")
    return folders[0]


def _by_hand(error: str) -> AgeLensError:
    return AgeLensError(
        f"{error}. Download the archive by hand from {PAGE}, unpack it, and give its folder {_FOLDER} to "
        "'agelens run FOLDER'."
    )
