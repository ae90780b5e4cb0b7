"""Progress for the person at a notebook: a bar below the cell, which becomes one line when the work is over.

rich draws in notebooks through ipywidgets, which many do not have, and warns there instead; IPython alone does here.
"""

import contextlib
import html
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from agelens.utils import progress

# Seconds between two drawings: each is a message to the browser.
_REST_SECONDS = 0.2


class Reporter(NamedTuple):
    """How a person is told what goes on: bars, and lines."""

    track: progress.Track
    say: Callable[[str], None]


def reporter(show: bool) -> Reporter:
    """Return what suits the place that the program runs in, a notebook or a terminal; nothing is shown if not asked."""
    if not show:
        return Reporter(progress.quiet, lambda text: None)
    if in_notebook():
        # Standard error would stand there in red.
        return Reporter(notebook_bar, print)
    return Reporter(progress.bar, progress.say)


def in_notebook() -> bool:
    """Return whether this process is the kernel of a notebook; nothing is imported to find out."""
    kernel, ipython = sys.modules.get("ipykernel.zmqshell"), sys.modules.get("IPython")
    return bool(kernel and ipython) and isinstance(ipython.get_ipython(), kernel.ZMQInteractiveShell)  # type: ignore[union-attr]


@contextlib.contextmanager
def notebook_bar(description: str, total: int | None) -> Iterator[progress.Advance]:
    """The Track of a notebook: a bar with counts, the time taken and a note (a rate, a loss)."""
    shown = _Bar(description, total)
    try:
        yield shown.advance
    finally:
        shown.end()


class _Bar:
    """A bar in the output of a cell, drawn again as work gets done."""

    def __init__(self, description: str, total: int | None) -> None:
        # Who is in a notebook has IPython; others need not.
        from IPython.display import display

        self._description, self._total = description, total
        self._done, self._note = 0, ""
        self._began = self._drawn = time.monotonic()
        self._handle: Any = display(self._content(over=False), raw=True, display_id=True)

    def advance(self, steps: int = 1, note: str = "") -> None:
        # An empty note keeps the last one.
        self._done, self._note = self._done + steps, note or self._note
        if time.monotonic() - self._drawn >= _REST_SECONDS:
            self._draw(over=False)

    def end(self) -> None:
        self._draw(over=True)

    def _draw(self, over: bool) -> None:
        self._drawn = time.monotonic()
        # A shell without a front end gives no handle.
        if self._handle is not None:
            self._handle.update(self._content(over), raw=True)

    def _content(self, over: bool) -> dict[str, str]:
        counted = f" {self._done:,}/{self._total:,}" if self._total is not None else ""
        note = f", {self._note}" if self._note else ""
        line = f"{self._description}{counted} in {time.monotonic() - self._began:.0f} s{note}"
        bar = ""
        if not over:
            value = f' value="{self._done}" max="{max(1, self._total)}"' if self._total is not None else ""
            bar = f"<progress{value}></progress> "
        return {"text/plain": line, "text/html": f"<div>{bar}{html.escape(line)}</div>"}
