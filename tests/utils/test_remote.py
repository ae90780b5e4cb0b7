"""Files behind addresses: fsspec's memory and local file systems, and a server on this machine."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import fsspec
import pytest

from agelens.errors import AgeLensError, ImageError
from agelens.utils import remote
from agelens.utils.remote import fetch, list_files

JPEG = frozenset({".jpg"})


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "a.jpg").write_bytes(b"content")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=tmp_path)) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


@pytest.fixture
def bucket() -> Iterator[str]:
    system = fsspec.filesystem("memory")
    for name in ("a.jpg", "deep/b.JPG", "deep/notes.txt"):
        system.pipe(f"/bucket/{name}", name.encode())
    yield "memory://bucket"
    system.rm("/bucket", recursive=True)


def test_a_file_on_a_server_is_fetched(server: str) -> None:
    assert fetch(f"{server}/a.jpg") == b"content"
    assert list_files(f"{server}/a.jpg", JPEG) == [f"{server}/a.jpg"]
    with pytest.raises(ImageError, match="does not exist"):
        fetch(f"{server}/b.jpg")


def test_a_server_that_is_not_there_is_told(server: str) -> None:
    with pytest.raises(ImageError, match=r"cannot be fetched: .*[Cc]onnect"):
        fetch("http://127.0.0.1:9/a.jpg")


def test_folders_and_patterns_in_a_bucket_are_looked_at(bucket: str) -> None:
    assert fetch(f"{bucket}/deep/b.JPG") == b"deep/b.JPG"
    assert list_files(bucket, JPEG) == ["memory:///bucket/a.jpg", "memory:///bucket/deep/b.JPG"]
    assert list_files(f"{bucket}/*/*", JPEG) == [
        "memory:///bucket/deep/b.JPG", "memory:///bucket/deep/notes.txt"
    ]  # fmt: skip
    assert list_files(f"{bucket}/gone.jpg", JPEG) == [f"{bucket}/gone.jpg"]


def test_local_files_have_addresses_too(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"content")
    (found,) = list_files(f"file://{tmp_path}", JPEG)
    assert fetch(found) == b"content"


def test_a_missing_package_is_told_with_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote.importlib.util, "find_spec", lambda name: None if name == "s3fs" else name)
    with pytest.raises(AgeLensError, match=r"Addresses of s3:// need s3fs: pip install s3fs"):
        list_files("s3://bucket/photos", JPEG)
    with pytest.raises(ImageError, match=r"cannot be fetched: .*pip install s3fs"):
        fetch("s3://bucket/a.jpg")
    monkeypatch.setattr(remote.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(AgeLensError, match=r"Addresses need fsspec.* pip install 'agelens\[remote\]'"):
        list_files("https://example.org/a.jpg", JPEG)
