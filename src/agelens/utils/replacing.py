"""Folders that take the place of others: in one step where the system can, else so that no kill loses both."""

import contextlib
import ctypes
import errno
import os
import secrets
import shutil
import sys
from pathlib import Path

# Where a system or a disk lacks the exchange, it says one of these.
_CANNOT = frozenset({errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EPERM})
_TAKEN = frozenset({errno.ENOTEMPTY, errno.EEXIST})
# How often the place is made free anew while readers put the old folder back into it.
_TRIES = 100


def take_place(folder: Path, target: Path, aside: Path) -> None:
    """Move a folder to the place of another, which may exist; that one is removed.

    At any moment, and after a kill at any moment, either ``target`` or, if there is none, ``aside`` is whole: the old
    folder or the new one.

    Args:
        aside: a name beside the target where the old folder may stand meanwhile; see `restore`.
    """
    try:
        if not (target.exists() and exchange(folder, target)):
            _step_by_step(folder, target, aside)
    finally:
        # Whatever broke this off: the old one is better than none.
        restore(target, aside)
    _discard(aside)
    # After an exchange the old one stands where the new one came from.
    _discard(folder)


def restore(target: Path, aside: Path) -> None:
    """Put a folder back that stepped aside for one that never came; where that is not so, nothing happens."""
    if not target.exists() and aside.is_dir():
        # Another process may have done so, or the disk may be read-only.
        with contextlib.suppress(OSError):
            aside.rename(target)


def exchange(first: Path, second: Path) -> bool:
    """Let two folders take each other's names in one step; returns whether the system and the disk can do that."""
    if sys.platform == "win32":
        return False
    library = ctypes.CDLL(None, use_errno=True)
    one, two = os.fsencode(first), os.fsencode(second)
    if sys.platform == "darwin" and hasattr(library, "renamex_np"):
        result = library.renamex_np(one, two, 2)
    elif hasattr(library, "renameat2"):
        # -100 is the working folder, from which relative paths go; 2 is RENAME_EXCHANGE.
        result = library.renameat2(-100, one, -100, two, 2)
    else:
        return False
    if result == 0:
        return True
    number = ctypes.get_errno()
    # One of them may have gone meanwhile.
    if number in _CANNOT or number == errno.ENOENT:
        return False
    raise OSError(number, os.strerror(number), str(second))


def _step_by_step(folder: Path, target: Path, aside: Path) -> None:
    for _ in range(_TRIES):
        if target.exists():
            # What stands aside while the target is there was left by a kill.
            _discard(aside)
            target.rename(aside)
        try:
            folder.rename(target)
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
        else:
            return
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))


def _discard(folder: Path) -> None:
    """Remove a folder, if there is one, under a name by which nobody takes what is left of it for a whole one."""
    gone = folder.with_name(f"{folder.name}.{secrets.token_hex(4)}")
    with contextlib.suppress(FileNotFoundError):
        folder.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)
