"""Progress for the person at the terminal: bars with the rate and the time left, on standard error."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

# Standard output belongs to results (tables, JSON lines), so everything that moves goes to standard error.
console = Console(stderr=True)


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


@contextlib.contextmanager
def bar(description: str, total: int | None) -> Iterator[Advance]:
    """The Track of the command line: a bar with counts, time taken, time left and a note (a rate, a loss)."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=16),
        MofNCompleteColumn(),
        TextColumn("in"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(compact=True),
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


def say(text: str) -> None:
    """One line for the person, on standard error."""
    console.print(text, highlight=False, markup=False, soft_wrap=True)
