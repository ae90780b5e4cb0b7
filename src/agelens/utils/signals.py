"""Ctrl-C at moments when it can be heard, and other endings that are heard as one."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType


@contextlib.contextmanager
def held_interrupts() -> Iterator[None]:
    """Hold a Ctrl-C back until the block has ended; a second one is heard at once.

    Python raises KeyboardInterrupt wherever it happens to be, also between taking a lock of a queue and entering the
    block that gives it back, and whoever closes that queue then waits for ever. Blocks that hand things to threads and
    close them again are therefore run whole. Outside the main thread, and where Ctrl-C is ignored, nothing changes.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return
    waiting: list[FrameType | None] = []

    def hold(number: int, frame: FrameType | None) -> None:
        if waiting:
            before(number, frame)
        waiting.append(frame)

    signal.signal(signal.SIGINT, hold)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    # Not where the block failed: that ends the work by itself, and says why.
    if waiting:
        before(signal.SIGINT, waiting[0])


@contextlib.contextmanager
def endings_as_interrupts() -> Iterator[None]:
    """Let a process that is told to end, or whose terminal is closed, end as after Ctrl-C, which keeps what is done.

    Outside the main thread, and for signals that are ignored, as under nohup, nothing changes.
    """
    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    if threading.current_thread() is not threading.main_thread():
        numbers = []
    before = {number: signal.getsignal(number) for number in numbers}

    terminals = [number for number in (1, 2) if os.isatty(number)]

    def interrupt(number: int, frame: FrameType | None) -> None:
        if number != signal.SIGTERM:
            # Whoever writes to a terminal that is closed fails, and what is done should be kept.
            for terminal in terminals:
                os.dup2(os.open(os.devnull, os.O_WRONLY), terminal)
        raise KeyboardInterrupt

    heard = [number for number in numbers if before[number] == signal.SIG_DFL]
    for number in heard:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number in heard:
            signal.signal(number, before[number])
