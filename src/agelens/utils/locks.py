"""Locks on folders that several programs fill, and a word about whoever is waited for."""

import contextlib
import os
import platform
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from agelens.utils.progress import say

# A wait that is shorter needs no word.
PATIENCE_SECONDS = 1.5


@contextlib.contextmanager
def waited_lock(path: Path) -> Iterator[None]:
    """Be the only program in a block; another one that is there is waited for, and told after a moment.

    Args:
        path: the file of the lock. Beside it stands which process holds it.
    """
    lock = FileLock(path)
    try:
        lock.acquire(timeout=PATIENCE_SECONDS)
    except Timeout:
        say(f"Waiting for another agelens{_holder(path)}, which is at work in {path.parent}.")
        lock.acquire()
    try:
        with contextlib.suppress(OSError):
            _owner(path).write_text(f"{os.getpid()} {platform.node()}", encoding="utf-8")
        yield
    finally:
        lock.release()


def _owner(path: Path) -> Path:
    return path.with_name(f"{path.name}.owner")


def _holder(path: Path) -> str:
    """Which process holds a lock, as far as it said so."""
    try:
        process, machine = _owner(path).read_text(encoding="utf-8").split()
    except (OSError, ValueError):
        return ""
    return f" (process {process}{'' if machine == platform.node() else f' on {machine}'})"
