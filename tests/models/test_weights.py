"""Downloads up to the wire: a server of our own stands for Keras's."""

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from agelens.errors import AgeLensError
from agelens.models.weights import WeightsFile, fetch_weights

# The downloading library leaves closing its connections to the garbage collector.
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)

CONTENT = b"weights" * 1000


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    site = tmp_path / "site"
    site.mkdir()
    (site / "good.h5").write_bytes(CONTENT)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site))) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()


def test_a_file_is_fetched_once_and_verified(server: str, tmp_path: Path) -> None:
    weights = WeightsFile(f"{server}/good.h5", f"sha256:{hashlib.sha256(CONTENT).hexdigest()}")
    path = fetch_weights(weights, tmp_path / "kept")
    assert path == tmp_path / "kept" / "good.h5"
    assert path.read_bytes() == CONTENT
    (tmp_path / "site" / "good.h5").unlink()
    assert fetch_weights(weights, tmp_path / "kept").read_bytes() == CONTENT


def test_a_file_that_is_not_the_expected_one_is_refused(server: str, tmp_path: Path) -> None:
    weights = WeightsFile(f"{server}/good.h5", f"md5:{'0' * 32}")
    with pytest.raises(AgeLensError, match="did not give the expected file"):
        fetch_weights(weights, tmp_path / "kept")
    assert not (tmp_path / "kept" / "good.h5").exists()


@pytest.mark.parametrize("place", ["missing.h5", None])
def test_without_a_download_the_message_says_what_to_do(
    server: str, tmp_path: Path, place: str | None
) -> None:
    # Port 9 (discard) has no listener here: as on a machine without a network.
    url = f"{server}/{place}" if place else "http://127.0.0.1:9/absent.h5"
    with pytest.raises(AgeLensError, match="could not be downloaded") as raised:
        fetch_weights(WeightsFile(url, f"md5:{'0' * 32}"), tmp_path / "kept")
    for word in (url, url.rsplit("/", 1)[1], "with --weights", "--weights random", str(tmp_path / "kept")):
        assert word in str(raised.value)


def test_keras_own_folder_is_used(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    weights = WeightsFile(f"{server}/good.h5", f"md5:{hashlib.md5(CONTENT).hexdigest()}")
    assert fetch_weights(weights) == tmp_path / "keras" / "models" / "good.h5"
