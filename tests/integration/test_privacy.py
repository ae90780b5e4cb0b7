"""Nothing leaves the machine, not even by way of what is imported."""

import os
import subprocess
import sys
from pathlib import Path

# Says whatever starts a process or opens a connection.
WATCHED = """
import sys

def hook(event, given):
    if event in ("os.fork", "os.posix_spawn", "socket.connect", "urllib.Request", "socket.getaddrinfo"):
        print(event, given)

sys.addaudithook(hook)
import agelens
from agelens.bundles.bundle import BUNDLED, open_bundle
from agelens.runtime.session import compile_bundle
import numpy as np, openvino

network = compile_bundle(open_bundle(BUNDLED), "f32")
network.compiled([np.zeros((1, network.image_size, network.image_size, 3), np.uint8)])
openvino.convert_model
print("telemetry", sys.modules.get("openvino_telemetry"))
"""


def test_using_a_network_tells_nobody(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WATCHED],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"HOME": str(tmp_path)},
    )
    assert done.stdout.splitlines() == ["telemetry None"]
    # Where a consent that nobody gave would be kept.
    assert not list(tmp_path.iterdir())
