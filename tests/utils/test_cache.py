"""Compiled networks and features are kept in one folder, on every system."""

import sys
from pathlib import Path

import pytest

from agelens.utils.cache import cache_folder


@pytest.mark.parametrize(
    ("system", "variable", "place"),
    [
        ("linux", "XDG_CACHE_HOME", "agelens"),
        ("win32", "LOCALAPPDATA", "agelens"),
        ("darwin", "HOME", "Library/Caches/agelens"),
    ],
)
def test_the_folder_is_the_users(
    system: str, variable: str, place: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("AGELENS_CACHE", raising=False)
    monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.setattr(sys, "platform", system)
    assert cache_folder() == tmp_path / place


def test_what_the_variable_names_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for system in ("linux", "win32", "darwin"):
        monkeypatch.setattr(sys, "platform", system)
        monkeypatch.setenv("AGELENS_CACHE", str(tmp_path))
        assert cache_folder() == tmp_path
