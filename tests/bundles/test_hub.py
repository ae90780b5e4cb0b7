"""Bundles of the Hugging Face hub, up to the wire: a server on this machine answers as the hub does."""

import hashlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from agelens.bundles.hub import HubBundle, read_hub_address
from agelens.errors import AgeLensError

COMMIT = "0123456789abcdef0123456789abcdef01234567"
DIGEST = "a" * 64


class Hub(BaseHTTPRequestHandler):
    """Answers as the hub does for one model; ``asked`` are the paths, ``files`` its files."""

    asked: list[str]
    files: dict[str, bytes]

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, body: bool) -> None:
        self.asked.append(self.path)
        path = self.path.partition("?")[0]
        if path.startswith(f"/api/models/owner/name/revision/{COMMIT}"):
            siblings = [{"rfilename": name} for name in self.files]
            content = json.dumps({"id": "owner/name", "sha": COMMIT, "siblings": siblings}).encode()
        elif path.startswith(f"/api/models/owner/name/tree/{COMMIT}"):
            listed = [
                {"type": "file", "path": name, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}
                for name, data in self.files.items()
            ]
            content = json.dumps(listed).encode()
        elif path.startswith(f"/owner/name/resolve/{COMMIT}/") and path.rpartition("/")[2] in self.files:
            content = self.files[path.rpartition("/")[2]]
        else:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Type", "application/json")
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()[:40]}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def hub(study) -> Iterator[ThreadingHTTPServer]:
    folder = study.folder / "age"
    Hub.asked = []
    Hub.files = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    Hub.files["run.py"] = b"print('never')"
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


PROGRAM = """
import sys
import agelens
from agelens.errors import AgeLensError
try:
    print(agelens.load(sys.argv[1]).bundles[0].task)
except AgeLensError as error:
    print(error)
"""


def load(hub: ThreadingHTTPServer, address: str, cache: Path) -> str:
    """What a new process says of an address, for the hub's place is read when its client is imported."""
    places = {"HF_ENDPOINT": f"http://127.0.0.1:{hub.server_port}", "HF_HOME": str(cache)}
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, address], capture_output=True, text=True, check=True,
        env={**{"PATH": "", "PYTHONPATH": ":".join(sys.path)}, **places},
    )  # fmt: skip
    return ran.stdout.strip()


def test_a_bundle_of_one_commit_is_fetched_once(hub: ThreadingHTTPServer, tmp_path: Path) -> None:
    digest = hashlib.sha256(Hub.files["SHA256SUMS"]).hexdigest()
    address = f"hf://owner/name@{COMMIT}#{digest}"
    assert load(hub, address, tmp_path) == "age"
    asked = list(Hub.asked)
    assert not any("run.py" in path and "resolve" in path for path in asked)
    assert all(COMMIT in path for path in asked)
    assert load(hub, address, tmp_path) == "age"
    assert not any("resolve" in path for path in Hub.asked[len(asked) :])
    assert "is another one than was asked for" in load(hub, f"hf://owner/name@{COMMIT}#{DIGEST}", tmp_path)


def test_what_is_not_there_is_told(hub: ThreadingHTTPServer, tmp_path: Path) -> None:
    said = load(hub, f"hf://owner/other@{COMMIT}", tmp_path)
    assert said.startswith(f"The bundle owner/other cannot be fetched at {COMMIT}: ")


def test_addresses_name_a_commit() -> None:
    assert read_hub_address(f"hf://owner/name@{COMMIT}") == HubBundle("owner/name", COMMIT)
    assert read_hub_address(f"hf:/owner/name@{COMMIT}#{DIGEST}") == HubBundle("owner/name", COMMIT, DIGEST)
    assert read_hub_address("my-run") is None
    for address in ("hf://owner/name", "hf://owner/name@main", f"hf://name@{COMMIT}"):
        with pytest.raises(
            AgeLensError, match="names no commit: the address of a bundle is hf://OWNER/NAME@COMMIT"
        ):
            read_hub_address(address)
