"""All that is missing is told at once, before anything is computed; a server of our own stands for Keras's."""

import dataclasses
import hashlib
import re
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import keras
import pytest

from agelens.errors import AgeLensError
from agelens.models import registry as specs
from agelens.models import weights as weights_module
from agelens.models.weights import WeightsFile, fetch_weights, look_for_weights
from agelens.training.needs import Need, look_for_all

CONTENT = b"weights" * 1000
DIGEST = f"md5:{hashlib.md5(CONTENT).hexdigest()}"
# Port 9 (discard) has no listener here: as on a machine without a network.
NOWHERE = "http://127.0.0.1:9"
NAMES = ("VGG16", "ResNet50V2", "MobileNetV3Small")


class Answers(BaseHTTPRequestHandler):
    """Says of a file by its name whether it is there, and counts what it is asked."""

    asked: list[str] = []  # noqa: RUF012

    def do_HEAD(self) -> None:
        type(self).asked.append(self.path)
        kind = re.split(r"[-.]", self.path.rsplit("/", 1)[-1])[0]
        if kind == "slow":
            time.sleep(2)
        self.send_response({"good": 200, "slow": 200, "gone": 404, "ill": 503, "mute": 405}[kind])
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    Answers.asked = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keras's own folder, empty."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    (tmp_path / "keras" / "models").mkdir(parents=True)
    return tmp_path / "keras" / "models"


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lets the weights of backbones be at other addresses."""

    def move(**places: str) -> None:
        for name, url in places.items():
            moved = dataclasses.replace(specs.REGISTRY[name], imagenet=WeightsFile(url, DIGEST))
            monkeypatch.setitem(specs.REGISTRY, name, moved)

    return move


def test_files_are_asked_for_and_not_fetched(server: str, kept: Path) -> None:
    files = [WeightsFile(f"{server}/{name}.h5", DIGEST) for name in ("good-1", "good-2", "mute-3")]
    assert look_for_weights(files) == []
    assert sorted(Answers.asked) == ["/good-1.h5", "/good-2.h5", "/mute-3.h5"]
    assert not list(kept.iterdir())
    for one in files:
        (kept / one.name).write_bytes(CONTENT)
    assert look_for_weights([*files, files[0]]) == []
    assert len(Answers.asked) == 3


def test_all_that_is_missing_is_named_at_once(server: str, kept: Path) -> None:
    urls = [f"{server}/good.h5", f"{server}/gone.h5", f"{server}/ill.h5", f"{NOWHERE}/off.h5"]
    (told,) = look_for_weights([WeightsFile(url, DIGEST) for url in urls])
    assert told.startswith("3 files of weights could not be downloaded: ")
    for word in (
        *urls[1:],
        "the server answers 404",
        "the server answers 503",
        "(ConnectionError)",
        str(kept),
    ):
        assert word in told
    assert urls[0] not in told
    assert "--weights random" in told


def test_a_server_that_does_not_answer_is_not_waited_for_long(
    server: str, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights_module, "_PATIENCE_SECONDS", 0.3)
    began = time.monotonic()
    (told,) = look_for_weights([WeightsFile(f"{server}/slow-{n}.h5", DIGEST) for n in range(5)])
    assert time.monotonic() - began < 1.9
    assert told.count("ReadTimeout") == 5


def test_what_somebody_put_into_a_folder_is_not_replaced(server: str, tmp_path: Path) -> None:
    one, other = (WeightsFile(f"{server}/good-{name}.h5", DIGEST) for name in "ab")
    (tmp_path / one.name).write_bytes(b"half of it")
    (told,) = look_for_weights([one, other], tmp_path)
    assert told.startswith(f"{tmp_path / one.name} is damaged or not the file that {one.url} gives")
    with pytest.raises(AgeLensError, match=r"good-a\.h5 is damaged or not the file"):
        fetch_weights(one, tmp_path)
    assert (tmp_path / one.name).read_bytes() == b"half of it"


def test_whatever_a_study_needs_is_told_together(
    server: str, kept: Path, elsewhere: Callable[..., None], tmp_path: Path
) -> None:
    elsewhere(VGG16=f"{server}/good.h5", ResNet50V2=f"{server}/gone.h5", MobileNetV3Small=f"{NOWHERE}/off.h5")
    broken = tmp_path / "broken.keras"
    broken.write_bytes(b"no network")
    texts = (*NAMES, "VGG99", f"{tmp_path}/mine.onnx@32:tf", f"{broken}@32:tf", "SmallConv", "agelens")
    needs = [*(Need(text) for text in texts), Need("face.onnx", face_network=True)]
    with pytest.raises(AgeLensError) as raised:
        look_for_all(needs)
    told = str(raised.value)
    for words in (
        "2 files of weights could not be downloaded", "gone.h5 from", "off.h5 from", "no backbone 'VGG99'",
        "mine.onnx does not exist", "broken.keras cannot be loaded", "SmallConv has no ImageNet weights",
        "The network face.onnx does not exist",
    ):  # fmt: skip
        assert told.count(words) == 1, words
    assert "good.h5" not in told
    look_for_all([Need("VGG16"), Need("SmallConv", "random"), Need("VGG99".replace("99", "16"), "random")])


def test_a_folder_may_hold_some_of_the_files(
    server: str, elsewhere: Callable[..., None], tmp_path: Path
) -> None:
    elsewhere(VGG16=f"{NOWHERE}/vgg.h5", ResNet50V2=f"{server}/gone.h5", MobileNetV3Small=f"{server}/good.h5")
    (tmp_path / "vgg.h5").write_bytes(CONTENT)
    with pytest.raises(AgeLensError, match=r"Weights could not be downloaded: gone\.h5") as raised:
        look_for_all([Need(name, str(tmp_path)) for name in NAMES])
    assert str(tmp_path) in str(raised.value)
    assert "vgg.h5" not in str(raised.value)


def test_one_file_is_for_one_backbone_and_must_fit(tmp_path: Path) -> None:
    builder = specs.REGISTRY["MobileNetV3Small"].builder
    assert builder is not None
    keras.utils.set_random_seed(0)
    file = tmp_path / "mine.weights.h5"
    builder(input_shape=(32, 32, 3), include_top=False, weights=None).save_weights(file)
    look_for_all([Need("MobileNetV3Small", str(file)), Need("mobilenetv3small", str(file))])
    with pytest.raises(AgeLensError, match="one file of weights, and VGG16, MobileNetV3Small need one each"):
        look_for_all([Need("VGG16", str(file)), Need("MobileNetV3Small", str(file))])
    with pytest.raises(AgeLensError, match="does not hold weights of VGG16"):
        look_for_all([Need("VGG16", str(file))])
    with pytest.raises(AgeLensError, match=r"absent\.h5 does not exist"):
        look_for_all([Need("VGG16", str(tmp_path / "absent.h5"))])
