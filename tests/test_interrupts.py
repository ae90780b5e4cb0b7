import signal
import threading
from collections.abc import Iterator

import pytest

from agelens.interrupts import held_interrupts


@pytest.fixture(autouse=True)
def _handler_stays() -> Iterator[None]:
    # What a shell runs in the background ignores Ctrl-C; here it is heard.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    left = signal.signal(signal.SIGINT, before)
    assert left is signal.default_int_handler


def interrupted(done: list[str], times: int, error: Exception | None = None) -> None:
    with held_interrupts():
        for _ in range(times):
            signal.raise_signal(signal.SIGINT)
            done.append("block")
        if error:
            raise error
    done.append("behind it")


@pytest.mark.parametrize("times", [1, 2, 3])
def test_an_interrupt_is_heard_when_the_block_has_ended_and_a_second_one_at_once(times: int) -> None:
    done: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        interrupted(done, times)
    assert done == ["block"]


def test_without_an_interrupt_nothing_happens() -> None:
    done: list[str] = []
    interrupted(done, 0)
    assert done == ["behind it"]


def test_an_error_in_the_block_counts_for_more() -> None:
    with pytest.raises(ValueError, match="disk"):
        interrupted([], 1, ValueError("disk"))


def test_who_ignores_interrupts_goes_on_ignoring_them() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with held_interrupts():
            signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_another_thread_leaves_the_handler_alone() -> None:
    seen = []

    def work() -> None:
        with held_interrupts():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGINT)]
