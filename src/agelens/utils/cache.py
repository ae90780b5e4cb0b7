"""Where AgeLens keeps what it can make again: features of backbones and compiled networks."""

import os
import sys
from pathlib import Path


def cache_folder() -> Path:
    """Return the folder of the user's caches that is AgeLens's: $AGELENS_CACHE, or the system's place for it."""
    if given := os.environ.get("AGELENS_CACHE"):
        return Path(given)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData/Local") / "agelens"
    if sys.platform == "darwin":
        return Path.home() / "Library/Caches/agelens"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "agelens"
