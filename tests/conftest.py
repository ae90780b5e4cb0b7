"""What the tests share: synthetic faces, and a small study that has been through the command line once."""

import contextlib
import io
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from agelens.data.sources.reading import read_faces
from agelens.data.synthetic.dataset import synthesize_faces

IMAGE_SIZE = 32


@dataclass
class Said:
    """What a command answered."""

    status: int
    out: str
    err: str


@dataclass(frozen=True)
class Study:
    """A finished run; tests read it and copy it, none of them writes into it.

    Attributes:
        folder: the run. source: its faces. cache: its features. said: what each command answered.
    """

    folder: Path
    source: Path
    cache: Path
    said: dict[str, Said] = field(default_factory=dict)

    def command(self, name: str, out: Path | None = None, cache: Path | None = None) -> list[str]:
        """The arguments with which the step was made."""
        folder, cache = out or self.folder, cache or self.cache
        start = [name, str(self.source), "--out", str(folder), "--json"]
        small = ["--image-size", str(IMAGE_SIZE), "--cache", str(cache), "--precision", "f32"]
        more = {
            "compare": ["--backbones", "SmallConv", "--weights", "random", "--epochs", "2", *small],
            "train": ["--recipe", "scratch", "--epochs", "2", *small],
            "evaluate": ["--precision", "f32"],
        }
        return [*start, *more.get(name, [])]


def agelens(*arguments: object) -> Said:
    """Run a command of AgeLens in this process, which is fast; exit status and both streams come back."""
    from agelens.cli import main as cli
    from agelens.cli.errors import answer

    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = answer(lambda: cli.app([str(one) for one in arguments], standalone_mode=False))
    return Said(status, out.getvalue(), err.getvalue())


@pytest.fixture(name="agelens")
def _agelens() -> Callable[..., Said]:
    return agelens


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What commands keep for their next start is not put into the person's own cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AGELENS_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def faces_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """150 synthetic faces of 64 pixels and the faults of `agelens.data.synthetic.dataset.FAULTS`."""
    folder = tmp_path_factory.mktemp("synthetic") / "faces"
    synthesize_faces(folder, 150, seed=7, image_size=64, with_faults=True)
    return folder


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory, faces_folder: Path) -> Study:
    """Audit, comparison, training and evaluation of the synthetic faces, through the command line."""
    place = tmp_path_factory.mktemp("study")
    made = Study(place / "run", faces_folder, place / "cache")
    for name in ("audit", "compare", "train", "evaluate"):
        made.said[name] = agelens(*made.command(name))
        assert made.said[name].status == 0, made.said[name].err
    return made


@dataclass
class SmallDisk:
    """A disk of its own, which can be full or read-only."""

    folder: Path

    def remount(self, options: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{options}", self.folder], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], SmallDisk]]:
    """Makes one small disk, ``small_disk("600k")``; skips where mounting is not permitted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = False

    def mount(size: str) -> SmallDisk:
        nonlocal mounted
        try:
            subprocess.run(
                ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder],
                check=True,
                capture_output=True,
            )
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"a small disk cannot be mounted here: {error}")
        mounted = True
        return SmallDisk(folder)

    yield mount
    if mounted:
        # Lazily, for a writer that failed may still hold its file.
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """60 synthetic faces of 64 pixels; 44 train, 16 validation."""
    folder = tmp_path_factory.mktemp("faces") / "synthetic"
    synthesize_faces(folder, 60, seed=3, image_size=64)
    faces = read_faces(folder).table
    return faces.assign(split=np.where(np.arange(len(faces)) % 4 == 3, "validation", "train"))


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"
