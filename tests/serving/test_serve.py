"""Running the server as a person does, and stopping it with requests inside."""

import asyncio
import re
import signal
import socket
import subprocess
import sys
import threading

import httpx
import pytest

from agelens.errors import AgeLensError
from agelens.serving.batching import Batcher, StoppingError
from agelens.serving.limits import Limits
from agelens.serving.middleware import is_address_or_one_of, is_loopback
from agelens.serving.server import serve
from tests.serving.serving import ColourPredictor, picture, wait_for

COMMAND = (
    "from agelens.serving.limits import Limits; from agelens.serving.server import serve; "
    "serve(port=0, limits=Limits(receive_seconds=1))"
)


def test_the_server_says_where_it_is_and_ends_quietly_with_ctrl_c() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        address = re.search(r"http://127\.0\.0\.1:\d+/", line)
        assert address, line + process.communicate()[1]
        health = httpx.get(f"{address[0]}api/health", trust_env=False)
        assert health.json()["networks"][0]["task"] == "both"
        for head in (b"", b"GET /api/health HTTP/1.1\r\nHost: loc"):
            check_that_it_is_closed(httpx.URL(address[0]), head)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    finally:
        process.kill()
    assert (process.returncode, out, err) == (0, "Stopped.\n", "")


def check_that_it_is_closed(address: httpx.URL, head: bytes) -> None:
    """A connection on which no whole head comes."""
    with socket.create_connection((address.host, address.port), 10) as connection:
        connection.sendall(head)
        assert connection.recv(100) == b""


def test_a_port_in_use_is_told_in_a_sentence() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        pytest.raises(AgeLensError, match=r"in use; give another with --port"),
    ):
        serve(port=other.getsockname()[1])


@pytest.mark.parametrize(
    ("host", "port", "words"),
    [
        ("no.such.host.invalid", 0, "not known as a host"),
        ("a" * 70, 0, "not known as a host"),
        ("192.0.2.1", 0, "not an address of this machine"),
        ("127.0.0.1", 70000, "0 to 65535"),
    ],
)
def test_an_address_that_cannot_be_is_told_in_a_sentence(host: str, port: int, words: str) -> None:
    with pytest.raises(AgeLensError, match=words):
        serve(host=host, port=port)


def test_whoever_waits_when_the_server_stops_is_told(caplog: pytest.LogCaptureFixture) -> None:
    predictor = ColourPredictor()
    predictor.open.clear()

    async def stop() -> list[BaseException]:
        async with Batcher(predictor, Limits()) as batcher:
            waiting = [asyncio.create_task(batcher.predict(picture((1, 2, 3)))) for _ in range(3)]
            while not predictor.batches:
                await asyncio.sleep(0.01)
        with pytest.raises(StoppingError):
            await batcher.predict(picture((1, 2, 3)))
        return await asyncio.gather(*waiting, return_exceptions=True)

    assert [type(one) for one in asyncio.run(stop())] == [StoppingError] * 3
    # The call that was running ends after the loop that waited for it.
    predictor.open.set()
    wait_for(lambda: not any(one.name.startswith("agelens-estimate") for one in threading.enumerate()))
    assert caplog.records == []


def test_names_of_the_own_machine() -> None:
    assert all(is_loopback(name) for name in ("localhost", "127.0.0.1", "127.9.9.9", "::1"))
    assert not any(is_loopback(name) for name in ("", "0.0.0.0", "192.168.0.2", "localhost.evil.example"))


def test_in_a_network_addresses_and_known_names_are_let_in_but_no_others() -> None:
    knows = is_address_or_one_of(["Faces.Example"])
    assert all(
        knows(name)
        for name in ("192.168.0.2", "::1", "localhost", "faces.example", socket.gethostname().lower())
    )
    assert not any(knows(name) for name in ("", "evil.example", "192.168.0.2.evil.example"))
