"""Progress for the person at the terminal: bars with the rate and the time left, on standard error."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

# Standard output belongs to results (tables, JSON lines), so everything that moves goes to standard error.
console = Console(stderr=True)


# A silence that is shorter needs no word.
_PATIENCE_SECONDS = 1.5


class Advance(Protocol):
    """Called as work gets done."""

    def __call__(self, steps: int = 1, note: str = "") -> None: ...


def ignore(steps: int = 1, note: str = "") -> None:
    """An Advance that shows nothing."""


# A Track opens a bar: ``with track("decoding", total) as advance: advance(1)``. The total is None if it is not known.
Track = Callable[[str, int | None], contextlib.AbstractContextManager[Advance]]


@contextlib.contextmanager
def quiet(description: str, total: int | None) -> Iterator[Advance]:
    """The Track of a library call: shows nothing."""
    yield ignore


class _WhereCounted(ProgressColumn):
    """A column of a bar that is left empty for work without steps, of which only the time can be told."""

    def __init__(self, column: ProgressColumn) -> None:
        super().__init__()
        self._column = column

    def render(self, task: Task) -> Text:
        """The column's own text, or none."""
        counted = task.total is not None or task.completed
        text = self._column.render(task) if counted else ""
        return text if isinstance(text, Text) else Text(str(text))


@contextlib.contextmanager
def bar(description: str, total: int | None) -> Iterator[Advance]:
    """The Track of the command line: a bar with counts, time taken, time left and a note (a rate, a loss).

    Where nobody watches it, in a file, one line stands in its place when the work is over.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=16),
        _WhereCounted(MofNCompleteColumn()),
        TextColumn("in"),
        TimeElapsedColumn(),
        *(() if total is None else (TextColumn("left"), TimeRemainingColumn(compact=True))),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(description, total=total, note="")

        def advance(steps: int = 1, note: str = "") -> None:
            # An empty note keeps the last one.
            progress.update(task, advance=steps)
            if note:
                progress.update(task, note=note)

        yield advance


@contextlib.contextmanager
def waiting(description: str, where: Console | None = None) -> Iterator[None]:
    """Show what goes on while work without steps lasts, once it has lasted a while; it leaves no line behind.

    Not within a bar: a terminal has room for one thing that moves.

    Args:
        where: the terminal; standard error if not given. Nothing is shown where nobody watches.
    """
    where = where or console
    if not where.is_terminal:
        yield
        return
    status = where.status(f"{description} ...")
    clock = threading.Timer(_PATIENCE_SECONDS, status.start)
    clock.daemon = True
    clock.start()
    try:
        yield
    finally:
        clock.cancel()
        # It may be about to start at this very moment.
        clock.join()
        status.stop()


def say(text: str) -> None:
    """One line for the person, on standard error."""
    console.print(text, highlight=False, markup=False, soft_wrap=True)
