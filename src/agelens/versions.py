"""What a result was made with."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version

_PACKAGES = (
    "agelens", "keras", "tensorflow", "tensorflow-cpu", "jax", "torch", "openvino", "numpy", "pandas",
    "opencv-python-headless", "pillow", "simplejpeg", "imagehash", "onnx",
)  # fmt: skip


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
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{platform.machine()}, {cores} cores, {platform.system()}"
