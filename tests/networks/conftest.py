"""Face tables small enough for networks in tests."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from agelens.faces.drawn import draw_faces
from agelens.faces.table import read_faces


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """60 drawn faces of 64 pixels; 44 train, 16 validation."""
    folder = tmp_path_factory.mktemp("faces") / "drawn"
    draw_faces(folder, 60, seed=3, side=64)
    faces = read_faces(folder).table
    return faces.assign(part=np.where(np.arange(len(faces)) % 4 == 3, "validation", "train"))


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"
