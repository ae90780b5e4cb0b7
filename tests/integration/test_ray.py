"""Photographs through a real Ray on this machine: two actors, a kill, and the same rows as the plain command."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.inference.named_faces import draw_photo

pytest.importorskip("ray", reason="Ray is not installed, so no cluster is tested")
PHOTOGRAPHS, SHARD = 12, 2

# The command itself, with small shards; it says whatever opens a connection to another machine.
JOB = f"""
import sys

def hook(event, given):
    if event == "socket.connect" and isinstance(given[1], tuple) and given[1][0] not in ("127.0.0.1", "::1"):
        print("connects", given[1], file=sys.stderr)

sys.addaudithook(hook)
from agelens.distributed import ray_engine
ray_engine.LEAST_SHARDS = {PHOTOGRAPHS // SHARD}
from agelens.__main__ import main
main()
"""


def job(folder: Path, out: Path) -> subprocess.Popen[str]:
    command = ["predict", "--crops-as-they-are", "--precision", "f32", "--engine", "ray", "--actors", "2"]
    return subprocess.Popen(
        [sys.executable, "-c", JOB, *command, "--out", out, folder], stderr=subprocess.PIPE, text=True,
        # One group, so that a kill takes what Ray has started too.
        start_new_session=True, env=os.environ | {"AGELENS_CACHE": str(out.parent / "cache")},
    )  # fmt: skip


def test_a_killed_job_goes_on_and_ends_as_if_it_had_not_been(tmp_path: Path, agelens) -> None:
    folder, out, plain = tmp_path / "photos", tmp_path / "faces", tmp_path / "plain.parquet"
    for number in range(PHOTOGRAPHS - 1):
        draw_photo(folder / f"{number:02}.png", f"rgb({20 * number}, 90, 120)")
    (folder / "99 broken.png").write_bytes(b"")
    killed = job(folder, out)
    deadline = time.monotonic() + 60
    while not list(out.glob("part-*.parquet")) and killed.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    done = {path: path.stat().st_mtime_ns for path in out.glob("part-*.parquet")}
    assert 0 < len(done) < PHOTOGRAPHS // SHARD
    again = job(folder, out)
    said = again.communicate(timeout=60)[1]
    assert again.returncode == 1, said
    assert "connects" not in said
    # What was done was not done again.
    assert {path: path.stat().st_mtime_ns for path in done} == done
    counts = json.loads((out / "_counts.json").read_text())
    assert counts == {"photographs": 12, "found": 11, "none": 0, "failed": 1, "faces": 11}
    rows = [row for path in sorted(out.glob("part-*.parquet")) for row in pq.read_table(path).to_pylist()]
    assert agelens(
        "predict", "--crops-as-they-are", "--precision", "f32", "--no-cache", "--out", plain, folder
    ).status == 1  # fmt: skip
    assert rows == pq.read_table(plain).to_pylist()
    with Image.open(rows[0]["file"]) as image:
        assert image.size == (64, 48)
