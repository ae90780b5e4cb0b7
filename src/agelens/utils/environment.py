"""What a result was made with."""

import contextlib
import os
import platform
import shlex
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from agelens._version import __version__

_PACKAGES = (
    "agelens", "keras", "tensorflow", "tensorflow-cpu", "jax", "torch", "openvino", "numpy", "pandas",
    "opencv-python-headless", "pillow", "simplejpeg", "imagehash", "onnx",
)  # fmt: skip


# Count it up when the same settings and packages give other results: what was made before is then made again.
RESULTS = 2


def made_with(*packages: str) -> dict[str, str | int]:
    """What decides a result apart from its settings: AgeLens, and those of these packages that are installed."""
    found: dict[str, str | int] = {"agelens": __version__, "results": RESULTS}
    for package in packages:
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def versions() -> dict[str, str]:
    """The versions of Python and of the installed packages that a result depends on."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def machine() -> str:
    """The processor's kind and how many cores this process may use; no name of the machine."""
    return f"{platform.machine()}, {cores()} cores, {platform.system()}"


def cores() -> int | None:
    """How many cores this process may use; None where the system does not tell."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def command_line() -> str | None:
    """Return the command of AgeLens that this process runs, as a person types it; None where it is another program."""
    program = Path(sys.argv[0])
    own = program.stem == "agelens" or (program.name == "__main__.py" and program.parent.name == "agelens")
    return shlex.join(["agelens", *sys.argv[1:]]) if own else None
