"""A folder takes the place of another, whatever kills the program and whoever looks meanwhile."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from agelens.bundles.bundle import find_bundles, open_bundle, write_bundle
from agelens.errors import AgeLensError
from agelens.utils import replacing
from agelens.utils.files import aside, remove_partials, replacing_folder

# Writes a bundle over another again and again, each time in a process that is killed at its next call of the system,
# before or after it, until one comes through; tells what each left and what of it can be read.
KILLED = """
import json, os, shutil, signal, sys
from pathlib import Path
from agelens.utils import files, replacing
from agelens.bundles.bundle import find_bundles, open_bundle, write_bundle

place, in_one_step = Path(sys.argv[1]), sys.argv[2] == "one"
if not in_one_step:
    replacing.exchange = lambda first, second: False

def make(network):
    source = place / "source.onnx"
    source.write_bytes(network)
    write_bundle(place / "run" / "age", source, {"task": "age", "network": {"image_size": 32}}, {})

def kill_at(number):
    left = [number]

    def counted(call):
        def wrapped(*given, **named):
            for after in (False, True):
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                left[0] -= 1
                if not after:
                    result = call(*given, **named)
            return result
        return wrapped

    for name in ("rename", "replace", "unlink", "rmdir", "fsync", "mkdir"):
        setattr(os, name, counted(getattr(os, name)))
    replacing.exchange = counted(replacing.exchange)

told, number = [], 0
while True:
    shutil.rmtree(place / "run", ignore_errors=True)
    make(b"old")
    child = os.fork()
    if child == 0:
        kill_at(number)
        make(b"new")
        os._exit(0)
    _, status = os.waitpid(child, 0)
    between = not (place / "run" / "age").exists()
    # In turn by who opens it, by who looks for bundles, and after a run has tidied up.
    if number % 3 == 0:
        files.remove_partials(place / "run")
    found = find_bundles(place / "run")[0] if number % 3 == 1 else open_bundle(place / "run" / "age")
    files.remove_partials(place / "run")
    names = sorted(path.name for path in (place / "run").iterdir())
    told.append([found.network.decode(), between, names])
    if status == 0:
        break
    number += 1
print(json.dumps(told))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a process is killed after it has been forked")
@pytest.mark.parametrize("steps", ["one", "two"])
def test_a_kill_at_any_moment_leaves_the_old_bundle_or_the_new_one(tmp_path: Path, steps: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, tmp_path, steps], check=True, capture_output=True, text=True
    )
    told = json.loads(done.stdout)
    networks = [network for network, _, _ in told]
    assert all(names == ["age"] for _, _, names in told)
    assert len(networks) > 15
    # Old up to some moment, new from then on.
    turn = networks.index("new")
    assert set(networks[:turn]) == {"old"}
    assert set(networks[turn:]) == {"new"}
    # In two steps there is a moment without any in its place, and some kills fell into it.
    assert any(between for _, between, _ in told) == (steps == "two" or not can_exchange(tmp_path))


def can_exchange(folder: Path) -> bool:
    for name in ("first", "second"):
        (folder / name).mkdir()
        (folder / name / "name").write_text(name)
    done = replacing.exchange(folder / "first", folder / "second")
    assert (folder / "first" / "name").read_text() == ("second" if done else "first")
    return done


def make(target: Path, network: bytes) -> None:
    source = target.with_name(f"{network.decode()}.onnx")
    source.write_bytes(network)
    write_bundle(target, source, {"task": "age", "network": {"image_size": 32}}, {})


@pytest.mark.parametrize("exchanging", [True, False])
def test_whoever_opens_a_bundle_that_is_replaced_gets_a_whole_one(
    exchanging: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not exchanging:
        monkeypatch.setattr(replacing, "exchange", lambda first, second: False)
    target, errors, seen = tmp_path / "bundle", [], set()
    make(target, b"0")
    over = threading.Event()

    def read(look: Callable[[], bytes]) -> None:
        while not over.is_set():
            try:
                seen.add(look())
            except (AgeLensError, OSError) as error:
                errors.append(str(error))
                return

    looks = (lambda: open_bundle(target).network, lambda: find_bundles(target)[0].network)
    readers = [threading.Thread(target=read, args=(look,)) for look in looks]
    for reader in readers:
        reader.start()
    for number in range(1, 60):
        make(target, str(number).encode())
    over.set()
    for reader in readers:
        reader.join()
    assert errors == []
    assert len(seen) > 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bundle"]
    assert open_bundle(target).network == b"59"


def test_a_folder_that_stepped_aside_is_put_back_and_not_swept_up(tmp_path: Path) -> None:
    target = tmp_path / "run" / "charts"
    target.mkdir(parents=True)
    (target / "age.png").write_bytes(b"a chart")
    target.rename(aside(target))
    (tmp_path / "run" / ".partial.charts.0123abcd").mkdir()
    remove_partials(tmp_path / "run")
    assert (target / "age.png").read_bytes() == b"a chart"
    # With the new one in its place it is what a kill left of the old one.
    aside(target).mkdir()
    remove_partials(tmp_path / "run")
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["charts"]


def test_a_bundle_that_cannot_be_put_back_is_read_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path / "bundle", b"a network")
    (tmp_path / "bundle").rename(aside(tmp_path / "bundle"))

    def read_only(self: Path, target: Path) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "rename", read_only)
    assert open_bundle(tmp_path / "bundle").network == b"a network"
    assert find_bundles(tmp_path / "bundle")[0].network == b"a network"
    assert not (tmp_path / "bundle").exists()


def test_what_breaks_off_between_two_steps_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replacing, "exchange", lambda first, second: False)
    make(tmp_path / "bundle", b"old")
    rename, calls = Path.rename, []

    def fail(self: Path, target: Path) -> Path:
        calls.append(self.name)
        if len(calls) == 2:
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(OSError, match="Input/output error"):
        make(tmp_path / "bundle", b"new")
    monkeypatch.undo()
    assert open_bundle(tmp_path / "bundle").network == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bundle", "new.onnx"][:1]


def test_a_link_to_a_folder_stays(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "link").symlink_to("deep/real")
    for content in ("one", "two"):
        with replacing_folder(tmp_path / "link") as temporary:
            (temporary / "a").write_text(content)
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "deep" / "real" / "a").read_text() == content
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["real"]


def test_a_folder_that_is_not_there_cannot_be_exchanged(tmp_path: Path) -> None:
    (tmp_path / "first").mkdir()
    assert not replacing.exchange(tmp_path / "first", tmp_path / "none")
    assert (tmp_path / "first").is_dir()
