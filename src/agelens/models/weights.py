"""ImageNet weights: fetched once, verified, kept where Keras itself would keep them."""

import os
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import requests

from agelens.errors import AgeLensError
from agelens.utils.reasons import first_line

with warnings.catch_warnings():
    # pooch loads tqdm, which warns in notebooks that lack the widgets of its bars; AgeLens shows none of them.
    warnings.filterwarnings("ignore", "IProgress not found")
    import pooch

# Servers that answer no question about a file may give it all the same.
_ASK_OTHERWISE = (403, 405, 501)
# That a server has to answer; all are asked at once.
_PATIENCE_SECONDS = 5.0


@dataclass(frozen=True)
class WeightsFile:
    """Where a file of weights is, and its digest as ``md5:...`` or ``sha256:...``."""

    url: str
    digest: str

    @property
    def name(self) -> str:
        return self.url.rsplit("/", 1)[-1]

    def is_at(self, path: Path) -> bool:
        """Whether a file is the one that is meant."""
        kind, _, digest = self.digest.partition(":")
        return path.is_file() and pooch.file_hash(str(path), alg=kind) == digest.lower()


def fetch_weights(weights: WeightsFile, folder: Path | None = None) -> Path:
    """The local path of a file of weights; it is downloaded if it is not there yet, and verified in any case.

    Args:
        folder: where files are kept; None is Keras's own folder, so that files a person has already are used.

    Raises:
        AgeLensError: no network, and the sentence names the file, its address, and the option that takes it; or the
            folder that was given holds another file of that name.
    """
    if folder is not None and (folder / weights.name).is_file() and not weights.is_at(folder / weights.name):
        # What somebody put there is not replaced by a download.
        raise AgeLensError(_about_other(weights, folder))
    folder = folder or _keras_folder()
    try:
        path = pooch.retrieve(weights.url, known_hash=weights.digest, fname=weights.name, path=folder)
    except requests.RequestException as error:
        raise AgeLensError(_about_missing({weights: type(error).__name__}, folder)) from None
    except ValueError as error:
        raise AgeLensError(f"{weights.url} did not give the expected file: {first_line(error)}.") from None
    return Path(path)


def look_for_weights(files: Sequence[WeightsFile], folder: Path | None = None) -> list[str]:
    """Whether files of weights are there or can be downloaded; nothing is downloaded.

    Args:
        folder: as for `fetch_weights`.

    Returns:
        sentences that name all that are missing, and those in the folder that are others; none where all is well.
    """
    kept = folder or _keras_folder()
    wanted = [one for one in dict.fromkeys(files) if not one.is_at(kept / one.name)]
    others = [one for one in wanted if folder is not None and (folder / one.name).is_file()]
    asked = [one for one in wanted if one not in others]
    with ThreadPoolExecutor(max(1, len(asked))) as pool:
        reasons = pool.map(lambda one: _why_not(one.url), asked)
        missing = {one: reason for one, reason in zip(asked, reasons, strict=True) if reason}
    return [_about_other(one, kept) for one in others] + ([_about_missing(missing, kept)] if missing else [])


def _keras_folder() -> Path:
    return Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "models"


def _about_other(weights: WeightsFile, folder: Path) -> str:
    return (
        f"{folder / weights.name} is damaged or not the file that {weights.url} gives (its digest is not "
        f"{weights.digest}); copy it again, or remove it."
    )


def _why_not(url: str) -> str:
    """Why an address would give nothing, in a word or two; "" where it would give something."""
    try:
        answer = requests.head(url, timeout=_PATIENCE_SECONDS, allow_redirects=True)
    except requests.RequestException as error:
        return type(error).__name__
    if answer.status_code < 400 or answer.status_code in _ASK_OTHERWISE:
        return ""
    return f"the server answers {answer.status_code}"


def _about_missing(missing: dict[WeightsFile, str], folder: Path) -> str:
    told = "; ".join(f"{one.name} from {one.url} ({reason})" for one, reason in missing.items())
    start, them, their = (
        (f"{len(missing)} files of weights", "them", "their")
        if len(missing) > 1
        else ("Weights", "it", "its")
    )
    return (
        f"{start} could not be downloaded: {told}; fetch {them} where there is a network and put {them} into {folder}, "
        f"or give {their} folder (or, for one backbone, the file) with --weights; --weights random needs no file."
    )


def about_bare(name: str) -> str:
    """What to say of a backbone for which there are no ImageNet weights."""
    return f"{name} has no ImageNet weights; use --weights random."


def about_gone(file: Path | str) -> str:
    """What to say of a file of weights that is not there."""
    return f"The weights file {file} does not exist; give a file, a folder, 'imagenet' or 'random'."
