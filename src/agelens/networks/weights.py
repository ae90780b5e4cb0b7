"""ImageNet weights: fetched once, verified, kept where Keras itself would keep them."""

import os
from dataclasses import dataclass
from pathlib import Path

import pooch
import requests

from agelens.errors import AgeLensError


@dataclass(frozen=True)
class WeightsFile:
    """Where a file of weights is, and its digest as ``md5:...`` or ``sha256:...``."""

    url: str
    digest: str

    @property
    def name(self) -> str:
        return self.url.rsplit("/", 1)[-1]


def fetch_weights(weights: WeightsFile, folder: Path | None = None) -> Path:
    """The local path of a file of weights; it is downloaded if it is not there yet, and verified in any case.

    Args:
        folder: where files are kept; None is Keras's own folder, so that files a person has already are used.

    Raises:
        AgeLensError: no network; the sentence names the file, its address, and the option that takes it.
    """
    folder = folder or Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "models"
    try:
        path = pooch.retrieve(weights.url, known_hash=weights.digest, fname=weights.name, path=folder)
    except requests.RequestException as error:
        raise AgeLensError(
            f"{weights.name} could not be downloaded ({type(error).__name__}); fetch {weights.url} where there is a "
            f"network and put it into {folder}, or give its folder (or, for one backbone, the file) with --weights; "
            "--weights random needs no file."
        ) from None
    except ValueError as error:
        raise AgeLensError(
            f"{weights.url} did not give the expected file: {str(error).splitlines()[0]}"
        ) from None
    return Path(path)
