"""Progress below the cell of a notebook."""

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from agelens.utils import notebook, progress
from agelens.utils.notebook import in_notebook, notebook_bar, reporter


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """What a browser was asked to show, in order; each drawing takes the place of the one before."""
    shown: list[dict[str, str]] = []

    def display(content: dict[str, str], raw: bool, display_id: bool) -> Any:
        shown.append(content)
        return SimpleNamespace(update=lambda content, raw: shown.append(content))

    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=display))
    return shown


def test_a_bar_moves_and_ends_as_a_line(drawn: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook, "_REST_SECONDS", 0.0)
    with notebook_bar("reading <faces>", 1200) as advance:
        advance(600, "5 a second")
        advance(600)
    assert '<progress value="0" max="1200">' in drawn[0]["text/html"]
    assert '<progress value="600" max="1200">' in drawn[1]["text/html"]
    last = drawn[-1]
    assert "<progress" not in last["text/html"]
    assert "reading &lt;faces&gt; 1,200/1,200 in 0 s, 5 a second" in last["text/html"]
    assert last["text/plain"] == "reading <faces> 1,200/1,200 in 0 s, 5 a second"


def test_steps_in_quick_succession_are_not_all_drawn(drawn: list[dict[str, str]]) -> None:
    with notebook_bar("faces", 1000) as advance:
        for _ in range(1000):
            advance(1)
    assert len(drawn) < 20
    assert "1,000/1,000" in drawn[-1]["text/plain"]


def test_work_that_breaks_off_leaves_no_moving_bar(drawn: list[dict[str, str]]) -> None:
    with pytest.raises(KeyboardInterrupt), notebook_bar("writing", None):
        raise KeyboardInterrupt
    assert "<progress>" in drawn[0]["text/html"]
    assert "<progress" not in drawn[-1]["text/html"]


def test_where_the_program_runs_decides_what_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Kernel:
        pass

    monkeypatch.delitem(sys.modules, "ipykernel.zmqshell", raising=False)
    assert not in_notebook()
    assert reporter(True) == (progress.bar, progress.say)
    monkeypatch.setitem(sys.modules, "ipykernel.zmqshell", SimpleNamespace(ZMQInteractiveShell=Kernel))
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: None))
    assert not in_notebook()
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=Kernel))
    assert in_notebook()
    assert reporter(True) == (notebook_bar, print)
    silent = reporter(False)
    assert silent.track is progress.quiet
    silent.say("nobody hears this")
    assert capsys.readouterr() == ("", "")
