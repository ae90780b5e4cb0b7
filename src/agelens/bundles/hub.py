"""Bundles of the Hugging Face hub, fetched in the state of one commit. Needs `agelens[hub]`."""

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from agelens.bundles.names import FILES, SUMS
from agelens.errors import AgeLensError
from agelens.utils.extras import require
from agelens.utils.reasons import first_line

# A path has lost one of the two slashes.
_PREFIX = re.compile(r"hf:/+", re.IGNORECASE)
_ADDRESS = re.compile(r"hf:/+([\w.-]+/[\w.-]+)@([0-9a-f]{40})(?:#([0-9a-f]{64}))?", re.IGNORECASE)
_FORM = (
    "the address of a bundle is hf://OWNER/NAME@COMMIT with all 40 digits of the commit, and behind # the SHA-256 of "
    "its SHA256SUMS if that is to be checked too"
)


@dataclass(frozen=True)
class HubBundle:
    """A bundle on the hub.

    Attributes:
        name: owner and name. commit: 40 hexadecimal digits.
        digest: SHA-256 of its SHA256SUMS, which tells of every file; empty where it is not checked.
    """

    name: str
    commit: str
    digest: str = ""


def read_hub_address(text: str) -> HubBundle | None:
    """Return what an address names; None where a text is no address of the hub.

    Raises:
        AgeLensError: it names no commit, and a branch would be another network tomorrow.
    """
    if not _PREFIX.match(text):
        return None
    found = _ADDRESS.fullmatch(text)
    if found is None:
        # A Path made one slash of two.
        raise AgeLensError(f"{_PREFIX.sub('hf://', text)} names no commit: {_FORM}.")
    return HubBundle(found[1], found[2].lower(), (found[3] or "").lower())


def fetch_bundle(bundle: HubBundle) -> Path:
    """Return the folder of a bundle, fetched if the cache of the hub lacks it; its checksums are not verified here.

    Raises:
        AgeLensError: it cannot be fetched, holds no bundle, or another one than its digest tells.
    """
    require("huggingface_hub", "hub", "Bundles of the hub need")
    # Before it is imported: nobody is told who uses what.
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
    from huggingface_hub.utils import disable_progress_bars

    disable_progress_bars()
    try:
        folder = snapshot_download(
            bundle.name,
            revision=bundle.commit,
            allow_patterns=list(FILES),
            endpoint=os.environ.get("HF_ENDPOINT"),
        )
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise AgeLensError(
            f"The bundle {bundle.name} cannot be fetched at {bundle.commit}: {first_line(error)}."
        ) from None
    sums = Path(folder) / SUMS
    if not sums.is_file():
        raise AgeLensError(
            f"{bundle.name} at {bundle.commit} holds no bundle of AgeLens: it has no SHA256SUMS."
        )
    digest = hashlib.sha256(sums.read_bytes()).hexdigest()
    if bundle.digest and digest != bundle.digest:
        raise AgeLensError(
            f"The bundle {bundle.name} is another one than was asked for: the SHA-256 of its SHA256SUMS is {digest}."
        )
    return Path(folder)
