"""Compiled networks that are kept: verified, keyed, and never in the way."""

import json
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as op

from agelens.runtime import compile_cache
from agelens.runtime.compile_cache import compile_model


class Counted:
    """Builds a small network that doubles what it gets, and counts how often."""

    def __init__(self) -> None:
        self.built = 0

    def __call__(self, _: ov.Core) -> ov.Model:
        self.built += 1
        numbers = op.parameter([-1, 3], np.float32)
        return ov.Model([op.result(op.multiply(numbers, op.constant(np.float32(2))))], [numbers], "twice")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AGELENS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "compiled"


def doubled(build: Counted, digest: str = "a", keep: bool = True, **hints: object) -> list[float]:
    compiled = compile_model(build, "CPU", hints, {"sha256": digest}, keep)
    return list(compiled([np.array([[1, 2, 3]], np.float32)])[0][0].tolist())


def test_the_second_start_builds_nothing(folder: Path) -> None:
    build = Counted()
    assert doubled(build) == doubled(build) == [2, 4, 6]
    assert build.built == 1
    # Another network, or other options, are others.
    doubled(build, digest="b")
    doubled(build, INFERENCE_NUM_THREADS=1)
    assert build.built == 3
    assert len(list(folder.glob("*.blob"))) == 3


def test_without_the_cache_nothing_is_kept(folder: Path) -> None:
    build = Counted()
    doubled(build, keep=False)
    doubled(build, keep=False)
    assert build.built == 2
    assert not folder.exists()


@pytest.mark.parametrize("damage", ["blob", "digest", "facts", "gone"])
def test_what_is_damaged_is_built_anew(damage: str, folder: Path) -> None:
    build = Counted()
    doubled(build)
    (blob,), (facts,) = folder.glob("*.blob"), folder.glob("*.json")
    if damage == "blob":
        blob.write_bytes(blob.read_bytes()[:-1] + b"!")
    elif damage == "digest":
        facts.write_text(json.dumps({**json.loads(facts.read_text()), "sha256": "0" * 64}))
    elif damage == "facts":
        facts.write_text("{")
    else:
        blob.unlink()
    assert doubled(build) == [2, 4, 6]
    assert build.built == 2
    assert doubled(build) == [2, 4, 6]
    assert build.built == 2


def test_a_whole_file_that_openvino_does_not_take_is_built_anew(folder: Path) -> None:
    import hashlib

    build = Counted()
    doubled(build)
    (blob,), (facts,) = folder.glob("*.blob"), folder.glob("*.json")
    blob.write_bytes(b"another build")
    known = {**json.loads(facts.read_text()), "sha256": hashlib.sha256(b"another build").hexdigest()}
    facts.write_text(json.dumps(known))
    assert doubled(build) == [2, 4, 6]
    assert build.built == 2


def test_a_folder_that_takes_nothing_is_no_hindrance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("AGELENS_CACHE", str(tmp_path / "file"))
    assert doubled(Counted()) == [2, 4, 6]


def test_those_used_last_are_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compile_cache, "_KEPT", 2)
    build = Counted()
    for digest in "abc":
        doubled(build, digest)
    assert len(list(folder.glob("*.blob"))) == len(list(folder.glob("*.json"))) == 2


def test_another_processor_has_entries_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    build = Counted()
    doubled(build)
    monkeypatch.setattr(compile_cache, "_processor", lambda: "another")
    doubled(build)
    assert build.built == 2
