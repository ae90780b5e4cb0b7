"""Waiting for another program is told, with which one and where."""

import os
import threading
import time
from pathlib import Path

import pytest

from agelens.utils import locks
from agelens.utils.locks import waited_lock


def test_a_wait_is_told_with_process_and_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "PATIENCE_SECONDS", 0.1)
    said: list[str] = []
    monkeypatch.setattr(locks, "say", said.append)
    held, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with waited_lock(tmp_path / "lock"):
            held.set()
            leave.wait(10)

    other = threading.Thread(target=hold)
    other.start()
    assert held.wait(10)
    threading.Timer(0.4, leave.set).start()
    began = time.monotonic()
    with waited_lock(tmp_path / "lock"):
        assert time.monotonic() - began > 0.3
    other.join()
    assert said == [f"Waiting for another agelens (process {os.getpid()}), which is at work in {tmp_path}."]


def test_nothing_is_said_where_nobody_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(locks, "say", said.append)
    for _ in range(2):
        with waited_lock(tmp_path / "lock"):
            pass
    assert said == []


@pytest.mark.parametrize(
    ("content", "words"),
    [("12 elsewhere", " (process 12 on elsewhere)"), ("nonsense", ""), (None, "")],
)
def test_who_holds_it_is_said_as_far_as_it_is_known(tmp_path: Path, content: str | None, words: str) -> None:
    if content is not None:
        (tmp_path / "lock.owner").write_text(content)
    assert locks._holder(tmp_path / "lock") == words


def test_an_error_in_the_block_lets_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "say", pytest.fail)
    with pytest.raises(ValueError, match="within"), waited_lock(tmp_path / "lock"):
        raise ValueError("within")
    with waited_lock(tmp_path / "lock"):
        pass
