"""The download is tested up to the wire: kagglehub talks to a server of this test instead of Kaggle's."""

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import requests
from kagglesdk import kaggle_env

from agelens.data.sources.kaggle import PAGE, fetch_utkface
from agelens.errors import AgeLensError

NAMES = [
    "UTKFace/1_0_0_1.jpg.chip.jpg",
    "crop_part1/1_0_0_1.jpg.chip.jpg",
    "utkface_aligned_cropped/UTKFace/1_0_0_1.jpg.chip.jpg",
]


def archive(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as content:
        for name in names:
            content.writestr(name, name)
    return file.getvalue()


class Kaggle(BaseHTTPRequestHandler):
    """As much of Kaggle's server as a dataset download needs."""

    status = 200
    body = b""
    calls: list[str]
    endpoint: str

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.calls.append(self.path)
        if self.status != 200:
            self.answer(json.dumps({"code": self.status, "message": "Not for you"}).encode(), self.status)
        elif self.path == "/v1/datasets.DatasetApiService/GetDataset":
            self.answer(json.dumps({"currentVersionNumber": 3}).encode())
        elif self.path == "/v1/datasets.DatasetApiService/DownloadDataset":
            self.send_response(302)
            self.send_header("Location", "/archive.zip")
            self.send_header("Content-Length", "0")
            self.end_headers()

    def do_GET(self) -> None:
        self.calls.append(self.path)
        self.answer(self.body, kind="application/zip")

    def answer(self, body: bytes, status: int = 200, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(autouse=True)
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No account, no cache and no proxy of the person who runs the tests."""
    for name in (
        "KAGGLE_API_TOKEN",
        "KAGGLE_USERNAME",
        "KAGGLE_KEY",
        "KAGGLE_KERNEL_RUN_TYPE",
        "TBE_RUNTIME_ADDR",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def kaggle(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Kaggle]]:
    handler = type("Handler", (Kaggle,), {"calls": [], "body": archive(*NAMES)})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        handler.endpoint = point_to(monkeypatch, server.server_address[1])
        yield handler
        server.shutdown()
        thread.join()


def point_to(monkeypatch: pytest.MonkeyPatch, port: int) -> str:
    endpoint = f"http://127.0.0.1:{port}"
    monkeypatch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.PROD, endpoint)
    return endpoint


def test_the_faces_come_down_once(kaggle: type[Kaggle], tmp_path: Path) -> None:
    folder = fetch_utkface()
    assert folder.name == "UTKFace"
    assert [path.name for path in folder.iterdir()] == ["1_0_0_1.jpg.chip.jpg"]
    # The shallow copy, not the one inside utkface_aligned_cropped.
    assert (folder / "1_0_0_1.jpg.chip.jpg").read_text() == NAMES[0]
    assert folder.is_relative_to(tmp_path / "cache")
    assert fetch_utkface() == folder
    assert kaggle.calls.count("/archive.zip") == 1


@pytest.mark.parametrize(
    ("prepare", "error"),
    [
        (lambda kaggle: setattr(kaggle, "status", 403), "Kaggle refuses UTKFace: 403 Client Error"),
        (lambda kaggle: setattr(kaggle, "status", 404), "Kaggle refuses UTKFace: 404 Client Error"),
        (lambda kaggle: setattr(kaggle, "status", 500), "Kaggle refuses UTKFace: Not for you"),
        (lambda kaggle: setattr(kaggle, "body", b"<html>"), "failed: Unsupported archive type"),
        (lambda kaggle: setattr(kaggle, "body", archive("a")[:-30]), "failed: Unsupported archive type"),
        (lambda kaggle: setattr(kaggle, "body", archive("a/b")), "has no folder UTKFace"),
    ],
    ids=["forbidden", "moved away", "broken server", "a web page", "half an archive", "something else"],
)
def test_what_goes_wrong_names_the_way_by_hand(
    kaggle: type[Kaggle], prepare: Callable[[type[Kaggle]], None], error: str
) -> None:
    prepare(kaggle)
    with pytest.raises(AgeLensError, match=error) as caught:
        fetch_utkface()
    assert str(caught.value).endswith(
        f". Download the archive by hand from {PAGE}, unpack it, and give its folder UTKFace to "
        "'agelens run FOLDER'."
    )
    assert "\n" not in str(caught.value)


def test_a_login_page_of_a_hotel_is_no_answer(kaggle: type[Kaggle], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kaggle, "do_POST", lambda self: self.answer(b"<html>", kind="text/html"))
    with pytest.raises(AgeLensError, match=r"The download of UTKFace failed: .*by hand from"):
        fetch_utkface()


def test_without_a_network_the_way_by_hand_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Kaggle) as server:
        port = server.server_address[1]
    point_to(monkeypatch, port)
    with pytest.raises(AgeLensError, match=r"^Kaggle cannot be reached\. Download the archive by hand"):
        fetch_utkface()


def test_a_network_that_hangs_is_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(*args: object, **kwargs: object) -> None:
        raise requests.ReadTimeout("read timed out")

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", hang)
    with pytest.raises(AgeLensError, match="Kaggle cannot be reached"):
        fetch_utkface()


def test_without_kagglehub_the_install_line_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kagglehub", None)
    with pytest.raises(AgeLensError, match=r"pip install 'agelens\[study\]'"):
        fetch_utkface()


def test_nothing_is_said_on_standard_output(kaggle: type[Kaggle], tmp_path: Path) -> None:
    code = (
        "from kagglesdk import kaggle_env; from agelens.data.sources.kaggle import fetch_utkface; "
        f"kaggle_env._env_to_endpoint.update({{kaggle_env.KaggleEnv.PROD: {kaggle.endpoint!r}}}); "
        "fetch_utkface()"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == ""
    assert "Downloading" in done.stderr


def test_importing_the_module_does_not_import_kagglehub() -> None:
    code = "import sys, agelens.data.sources.kaggle; sys.exit('kagglehub' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
