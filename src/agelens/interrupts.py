"""Ctrl-C at moments when it can be heard."""

import contextlib
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
