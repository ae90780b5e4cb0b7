"""Signals of their own go to processes of their own: other tests leave handlers and threads behind."""

import subprocess
import sys

import pytest

START = """
import signal, threading
from agelens.utils.signals import held_interrupts

# What a shell runs in the background ignores Ctrl-C; here it is heard.
signal.signal(signal.SIGINT, signal.default_int_handler)

def interrupted(times, error=None):
    with held_interrupts():
        for _ in range(times):
            signal.raise_signal(signal.SIGINT)
            print("block")
        if error:
            raise error
    print("behind it")

def tell(*arguments):
    try:
        interrupted(*arguments)
    except BaseException as error:
        print(type(error).__name__)
    print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)
"""


def in_python(code: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", START + code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split("\n")[:-1]


@pytest.mark.parametrize("times", [1, 2, 3])
def test_an_interrupt_is_heard_when_the_block_has_ended_and_a_second_one_at_once(times: int) -> None:
    assert in_python(f"tell({times})") == ["block", "KeyboardInterrupt", "True"]


def test_without_an_interrupt_nothing_happens() -> None:
    assert in_python("tell(0)") == ["behind it", "True"]


def test_an_error_in_the_block_counts_for_more() -> None:
    assert in_python("tell(1, ValueError())") == ["block", "ValueError", "True"]


def test_who_ignores_interrupts_goes_on_ignoring_them() -> None:
    said = in_python("signal.signal(signal.SIGINT, signal.SIG_IGN); tell(2)")
    assert said == ["block", "block", "behind it", "False"]


def test_another_thread_leaves_the_handler_alone() -> None:
    code = """
def work():
    with held_interrupts():
        print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)
thread = threading.Thread(target=work)
thread.start()
thread.join()
"""
    assert in_python(code) == ["True"]


def test_an_order_to_end_is_heard_as_ctrl_c() -> None:
    code = """
from agelens.utils.signals import endings_as_interrupts
# Whoever runs these tests may have had it ignored.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
for name in ("SIGTERM", "SIGHUP"):
    try:
        with endings_as_interrupts():
            signal.raise_signal(getattr(signal, name))
            print("not heard")
    except KeyboardInterrupt:
        print(name, signal.getsignal(getattr(signal, name)) == signal.SIG_DFL)
# As under nohup.
signal.signal(signal.SIGHUP, signal.SIG_IGN)
with endings_as_interrupts():
    signal.raise_signal(signal.SIGHUP)
    print("goes on")
thread = threading.Thread(target=endings_as_interrupts().__enter__)
thread.start()
thread.join()
print(signal.getsignal(signal.SIGTERM) == signal.SIG_DFL)
"""
    assert in_python(code) == ["SIGTERM True", "SIGHUP True", "goes on", "True"]
