"""What the programs about the server share: the server as a process of its own, and photographs with known faces."""

import contextlib
import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import skimage.data
from PIL import Image

# Where the face of scikit-image's astronaut is: left, top, right, bottom, pixels of 512 x 512.
FACE = (180.0, 61.0, 271.0, 179.0)


@dataclass(frozen=True)
class Server:
    """A running server: its address, and the number of its process."""

    address: str
    process: int

    def memory(self) -> float:
        """Megabytes that it holds in memory now; NaN where the system does not say so as Linux does."""
        status = Path(f"/proc/{self.process}/status")
        if not status.is_file():
            return float("nan")
        found = re.search(r"VmRSS:\s+(\d+) kB", status.read_text(encoding="ascii"))
        return int(found[1]) / 1024 if found else float("nan")

    def processor_seconds(self) -> float:
        """Seconds of processors that it has used; NaN where the system does not say so as Linux does."""
        status = Path(f"/proc/{self.process}/stat")
        if not status.is_file():
            return float("nan")
        # The name, in brackets, may hold blanks; of what follows the 12th and 13th are ticks in and for the program.
        fields = status.read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def served(settings: str = "") -> Iterator[Server]:
    """The server with AgeLens's own network on a free port; ``settings`` are further arguments of `serve`."""
    code = (
        "from agelens.serving.limits import Limits\nfrom agelens.serving.server import serve\n"
        f"serve(port=0, {settings})"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        address = re.search(r"http://\S+:\d+", process.stdout.readline())
        if not address:
            raise SystemExit("The server did not start.")
        yield Server(address[0], process.pid)
    finally:
        process.terminate()
        process.wait(20)


@dataclass(frozen=True)
class Picture:
    """A photograph and what belongs to it: pixels of its size, and of the middle and the width of its face."""

    data: bytes
    width: int
    height: int
    x: float
    y: float
    face: float


def photograph(chance: np.random.Generator) -> Picture:
    """The astronaut at a random place and size before a random colour, as JPEG; no two are of the same size."""
    image_size = int(chance.integers(200, 480))
    width, height = (image_size + int(chance.integers(40, 400)) for _ in range(2))
    left, top = int(chance.integers(0, width - image_size)), int(chance.integers(0, height - image_size))
    picture = Image.new("RGB", (width, height), tuple(int(value) for value in chance.integers(40, 220, 3)))
    astronaut = Image.fromarray(skimage.data.astronaut()).resize(
        (image_size, image_size), Image.Resampling.LANCZOS
    )
    picture.paste(astronaut, (left, top))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=90)
    scale = image_size / 512
    middle = (left + scale * (FACE[0] + FACE[2]) / 2, top + scale * (FACE[1] + FACE[3]) / 2)
    return Picture(file.getvalue(), width, height, *middle, scale * (FACE[2] - FACE[0]))
