from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from agelens.bundles.bundle import Bundle
from agelens.training import teacher
from agelens.utils.progress import quiet


def test_a_teacher_may_be_as_sure_as_numbers_allow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Warnings are errors here: the logistic function must not overflow."""

    def ask(*given: Any) -> None:
        np.savez(given[3], gender=np.array([[-1000.0], [0.0], [1000.0]], np.float32))

    monkeypatch.setattr(teacher, "_ask", ask)
    rows = pd.DataFrame({"digest": ["a", "b", "c"]})
    bundle = Bundle(tmp_path, {"task": "gender"}, b"", {})
    told = teacher.ask_teacher(bundle, rows, ("gender",), tmp_path, quiet)["gender_taught"]
    assert told.dtype == np.float32
    assert told.ravel().tolist() == [0.0, 0.5, 1.0]
