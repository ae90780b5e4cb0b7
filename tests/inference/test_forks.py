"""Predictors in other processes: forked from the one that loaded them, or sent there.

Each program is a process of its own, with an end to its patience: what goes wrong here waits for ever.
"""

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from agelens.detection.detector import find_detector
from agelens.errors import AgeLensError
from agelens.inference.predictor import load
from tests.bundles.amending import amend_card

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="fork is the way of Linux")

_START = """
import multiprocessing, os, sys, threading
import numpy as np
import agelens

crops = list(np.random.default_rng(0).integers(0, 256, (5, 40, 40, 3), np.uint8))

def ages(images=crops):
    return [face.age_years for face in predictor.predict(images, crops=True).faces]

def found(_=None):
    return len(predictor.predict(np.zeros((64, 64, 3), np.uint8))), ages()

if __name__ == "__main__":
    method, folder = sys.argv[1:]
    predictor = agelens.load(folder, "f32")
"""


def run(study, tmp_path: Path, program: str, method: str = "fork") -> str:
    file = tmp_path / "program.py"
    file.write_text(_START + program)
    answer = subprocess.run(
        [sys.executable, "-W", "ignore", file, method, study.folder],
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def test_a_pool_that_is_forked_after_loading_estimates(study, tmp_path: Path) -> None:
    program = """
    with multiprocessing.get_context(method).Pool(2) as pool:
        found = pool.map(found, range(4))
    assert all(one == (1, ages()) for one in found), found
    print("done")
"""
    assert run(study, tmp_path, program) == "done\n"


def test_a_fork_after_the_first_estimate_and_its_parent_both_go_on(study, tmp_path: Path) -> None:
    program = """
    before = found()
    for _ in range(2):
        child = os.fork()
        if not child:
            os._exit(0 if found() == before else 3)
        assert os.waitpid(child, 0)[1] == 0
        assert found() == before
    print("done")
"""
    assert run(study, tmp_path, program) == "done\n"


def test_a_fork_of_a_fork_goes_on(study, tmp_path: Path) -> None:
    program = """
    before = ages()
    child = os.fork()
    if not child:
        assert ages() == before
        grandchild = os.fork()
        if not grandchild:
            os._exit(0 if ages() == before else 3)
        os._exit(os.waitpid(grandchild, 0)[1] >> 8)
    assert os.waitpid(child, 0)[1] == 0
    print("done")
"""
    assert run(study, tmp_path, program) == "done\n"


def test_a_fork_while_networks_are_at_work_says_what_to_do(study, tmp_path: Path) -> None:
    program = """
    busy, end = threading.Event(), threading.Event()
    def hold():
        network = predictor._networks[0].compiled
        busy.set()
        end.wait()
    thread = threading.Thread(target=hold)
    thread.start()
    busy.wait()
    child = os.fork()
    if not child:
        try:
            ages()
        except agelens.errors.AgeLensError as error:
            print(error, flush=True)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    end.set()
    thread.join()
    assert len(ages()) == 5
"""
    said = run(study, tmp_path, "    import agelens.errors\n" + program)
    assert "forked while networks of AgeLens were at work in another thread" in said
    assert "multiprocessing.get_context('spawn')" in said


def test_a_stream_goes_on_beside_a_fork(study, tmp_path: Path) -> None:
    program = """
    stream = predictor.stream(iter(crops), crops=True)
    first = next(stream)
    child = os.fork()
    if not child:
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert [first.faces[0].age_years, *(photo.faces[0].age_years for photo in stream)] == ages()
    print("done")
"""
    assert run(study, tmp_path, program) == "done\n"


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_an_predictor_is_sent_to_a_pool(study, tmp_path: Path, method: str) -> None:
    program = """
    with multiprocessing.get_context(method).Pool(1) as pool:
        (faces,) = pool.starmap(agelens.Predictor.predict, [(predictor, crops, True)])
    assert [face.age_years for face in faces.faces] == ages()
    print("done")
"""
    assert run(study, tmp_path, program, method) == "done\n"


def test_a_pickled_predictor_is_the_same_one(study, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    crops = np.random.default_rng(0).integers(0, 256, (5, 40, 40, 3), np.uint8)
    # By a path that does not depend on the folder in which it is unpickled.
    monkeypatch.chdir(study.folder.parent)
    predictor = load(study.folder.name, "f32", max_pixels=123)
    data = pickle.dumps(predictor)
    assert len(data) < 2000
    monkeypatch.chdir(tmp_path)
    again = pickle.loads(data)  # noqa: S301
    assert again.predict(crops, crops=True).to_json() == predictor.predict(crops, crops=True).to_json()
    photo = again.predict(study.source.resolve() / "none.jpg")[0]
    assert photo.error == "cannot be read: No such file or directory"
    assert again._max_pixels == 123


def test_a_detector_is_pickled_by_its_file() -> None:
    detector = find_detector()
    again = pickle.loads(pickle.dumps(detector))  # noqa: S301
    image = np.zeros((64, 64, 3), np.uint8)
    assert type(again) is type(detector)
    assert len(again.detect(image).scores) == len(detector.detect(image).scores) == 0


def test_a_bundle_that_was_replaced_since_is_told(study, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(study.folder / "age", tmp_path / "age")
    data = pickle.dumps(load(tmp_path / "age"))
    amend_card(tmp_path / "age", {"licence": "another"})
    # Another card around the same network is no other network.
    assert pickle.loads(data) is not None  # noqa: S301
    shutil.rmtree(tmp_path / "age")
    shutil.copytree(study.folder / "gender", tmp_path / "age")
    with pytest.raises(AgeLensError, match="has changed since this predictor was pickled; load it again"):
        pickle.loads(data)  # noqa: S301
