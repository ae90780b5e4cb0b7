"""What the fault campaign's trials share: running a command, judging how it ended, and counting."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

# Longer than any undisturbed command of the campaign takes on a slow, busy machine.
HANG_SECONDS = 600
# Exit statuses with a sentence: part was done, bad input, interrupted.
_TOLD = (1, 2, 130)


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit status (None: it hung and was killed), what it said, and how long it took."""

    status: int | None
    said: str
    seconds: float

    @property
    def hung(self) -> bool:
        return self.status is None

    @property
    def crashed(self) -> bool:
        """Whether it ended otherwise than well or with a sentence of its own."""
        if self.status is None:
            return False
        sentence = "agelens: " in self.said or "agelens" in self.said.splitlines()[-1:]
        return "Traceback" in self.said or not (self.status == 0 or (self.status in _TOLD and sentence))


@dataclass
class Count:
    """The outcomes of one kind of trial.

    Attributes:
        tried: trials. equal: those whose result equals that of the undisturbed command. told: those that ended with a
            sentence instead, nothing lost.
        crashes, hangs: of any command of the trial. silent: exit status 0 and another result.
        examples: what was said in the worst of them.
    """

    kind: str
    tried: int = 0
    equal: int = 0
    told: int = 0
    crashes: int = 0
    hangs: int = 0
    silent: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, name: str, endings: Sequence[Ended], equal: bool | None) -> None:
        """Count a trial.

        Args:
            endings: of the commands that had to end well or with a sentence; the last one decides.
            equal: whether the result is that of the undisturbed command; None where nothing could be compared.
        """
        self.tried += 1
        if any(one.hung for one in endings):
            self.hangs += 1
            self._keep(name, "hangs", endings)
        elif any(one.crashed for one in endings):
            self.crashes += 1
            self._keep(name, "crashes", endings)
        elif equal:
            self.equal += 1
        elif endings[-1].status == 0 and equal is False:
            self.silent += 1
            self._keep(name, "silent", endings)
        else:
            self.told += 1

    def _keep(self, name: str, how: str, endings: Sequence[Ended]) -> None:
        said = " | ".join(one.said.strip()[-300:] for one in endings)
        self.examples.append(f"{name}: {how}: {said}")

    def row(self) -> str:
        numbers = (self.tried, self.equal, self.told, self.crashes, self.hangs, self.silent)
        return f"{self.kind:34}" + "".join(f"{number:9,}" for number in numbers)


HEADER = f"{'':34}" + "".join(
    f"{name:>9}" for name in ("tried", "equal", "told", "crashes", "hangs", "silent")
)


def agelens(
    arguments: Sequence[object],
    kill_after: float | None = None,
    meanwhile: Callable[[], None] | None = None,
    file_bytes: int | None = None,
    timeout: float = HANG_SECONDS,
) -> Ended:
    """Run a command of AgeLens as a process of its own.

    Args:
        kill_after: seconds after which it, and all that it started, gets SIGKILL.
        meanwhile: called at that moment instead of killing.
        file_bytes: no file may become larger (RLIMIT_FSIZE).
    """
    process = start(arguments, file_bytes)
    began = time.perf_counter()
    if kill_after is not None:
        try:
            said = process.communicate(timeout=kill_after)[0]
            return Ended(process.returncode, said, time.perf_counter() - began)
        except subprocess.TimeoutExpired:
            meanwhile() if meanwhile else kill(process)
    return finish(process, began, timeout)


def start(arguments: Sequence[object], file_bytes: int | None = None) -> "subprocess.Popen[str]":
    """Start a command of AgeLens, both of whose streams are read together."""
    command = [sys.executable, "-m", "agelens", *map(str, arguments)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "COLUMNS": "200"}
    if file_bytes is not None:
        limited = (
            "import resource, signal, os, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
            f"resource.setrlimit(resource.RLIMIT_FSIZE, ({file_bytes}, {file_bytes})); "
            "os.execv(sys.argv[1], sys.argv[1:])"
        )
        command = [sys.executable, "-c", limited, *command]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        env=environment, start_new_session=True,
    )  # fmt: skip


def finish(process: "subprocess.Popen[str]", began: float, timeout: float = HANG_SECONDS) -> Ended:
    """Wait for a command; one that takes too long is killed and counts as hung."""
    try:
        said = process.communicate(timeout=timeout)[0]
        return Ended(process.returncode, said, time.perf_counter() - began)
    except subprocess.TimeoutExpired:
        kill(process)
        return Ended(None, process.communicate()[0], time.perf_counter() - began)


def kill(process: "subprocess.Popen[str]") -> None:
    """SIGKILL to a command and all that it started."""
    os.killpg(process.pid, signal.SIGKILL)


def partials(folder: Path) -> list[Path]:
    """What a killed command left half-written in a folder."""
    return list(folder.rglob(".partial.*"))
