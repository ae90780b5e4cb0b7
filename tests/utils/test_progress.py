"""What the person sees while work goes on."""

import io
import time

import pytest
from rich.console import Console

from agelens.utils import progress
from agelens.utils.progress import bar, waiting


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    text = io.StringIO()
    monkeypatch.setattr(progress, "console", Console(file=text, force_terminal=True, width=100))
    return text


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    text = io.StringIO()
    monkeypatch.setattr(progress, "console", Console(file=text, width=100))
    return text


def test_a_bar_counts_and_tells_the_time_left(log: io.StringIO) -> None:
    with bar("faces", 3) as advance:
        advance(2, "1.5 a second")
        advance(1)
    assert "3/3" in log.getvalue()
    assert "left" in log.getvalue()
    assert "1.5 a second" in log.getvalue()


def test_work_without_steps_has_its_time_alone(log: io.StringIO) -> None:
    with bar("writing the network", None):
        pass
    line = log.getvalue()
    assert "writing the network" in line
    assert "in 0:00:00" in line
    assert "?" not in line
    assert "left" not in line


def test_steps_whose_number_is_not_known_are_counted(log: io.StringIO) -> None:
    with bar("frames", None) as advance:
        advance(7)
    assert "7/?" in log.getvalue()


def test_a_long_silence_is_broken_and_leaves_nothing(
    terminal: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "_PATIENCE_SECONDS", 0.05)
    with waiting("loading the network"):
        time.sleep(0.4)
    assert "loading the network ..." in terminal.getvalue()
    # What is shown is taken away again.
    assert terminal.getvalue().endswith(("\x1b[1A\x1b[2K", "\x1b[?25h"))


def test_a_short_one_and_a_log_stay_silent(terminal: io.StringIO) -> None:
    with waiting("loading the network"):
        pass
    assert terminal.getvalue() == ""


def test_nothing_is_shown_where_nobody_watches(log: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_PATIENCE_SECONDS", 0.01)
    with waiting("loading the network"):
        time.sleep(0.1)
    assert log.getvalue() == ""


def fail_later() -> None:
    time.sleep(0.1)
    raise ValueError("within")


def test_an_error_ends_the_word(terminal: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_PATIENCE_SECONDS", 0.01)
    with pytest.raises(ValueError, match="within"), waiting("working"):
        fail_later()
    before = terminal.getvalue()
    time.sleep(0.2)
    assert terminal.getvalue() == before
