"""Keeping to itself what Pillow and libtiff say while they decode: what is wrong with a file is told by AgeLens."""

import contextlib
import ctypes
import functools
import logging
import os
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from PIL import _imaging

_SPEAKERS = r"(PIL|pi_heif)\b"


class _Hush:
    """Silence while anyone is inside, in whatever thread; afterwards everything is as it was.

    `warnings.catch_warnings` in each thread would not do: filters belong to the process, and threads that leave in
    another order than they came would put the wrong ones back.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._undo = contextlib.ExitStack()

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._undo.enter_context(warnings.catch_warnings())
                warnings.filterwarnings("ignore", module=_SPEAKERS)
                self._undo.callback(_set_handler, _set_handler(None))
                # Without any handler Python prints what is logged as an error.
                handler = logging.NullHandler()
                logging.getLogger("PIL").addHandler(handler)
                self._undo.callback(logging.getLogger("PIL").removeHandler, handler)
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._undo.close()

    def after_fork(self) -> None:
        """In a forked process the threads that were inside do not live on."""
        self._lock = threading.Lock()
        if self._inside:
            self._inside = 0
            self._undo.close()


_hush = _Hush()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_hush.after_fork)


@contextlib.contextmanager
def hushed() -> Iterator[None]:
    """Keep warnings of Pillow, and what libtiff prints, from the terminal within the block."""
    with _hush:
        yield


def _set_handler(handler: int | None) -> int | None:
    """Set what libtiff calls with its errors and give what it called before; Pillow leaves it at printing them."""
    setter = _handler_setter()
    return setter(handler) if setter else None


@functools.cache
def _handler_setter() -> Callable[[int | None], int | None] | None:
    """TIFFSetErrorHandler of the libtiff that Pillow has loaded; None where it is hidden in Pillow, as on Windows."""
    try:
        setter: Any = ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler
    except (AttributeError, OSError, TypeError):
        return None
    setter.argtypes, setter.restype = [ctypes.c_void_p], ctypes.c_void_p
    return setter
