"""Running the server on an address of this machine until Ctrl-C. Needs `agelens[serve]`."""

import asyncio
import contextlib
import errno
import logging
import socket
import threading
import webbrowser
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from agelens.errors import AgeLensError
from agelens.inference.predictor import load
from agelens.serving.access import Access
from agelens.serving.app import create_app
from agelens.serving.limits import Limits
from agelens.serving.middleware import is_address_or_one_of, is_loopback
from agelens.utils.progress import waiting
from agelens.utils.signals import endings_as_interrupts

HOST, PORT = "127.0.0.1", 8000
# How long requests may go on after Ctrl-C.
GRACE_SECONDS = 5


def serve(
    bundle: Path | None = None,
    host: str = HOST,
    port: int = PORT,
    limits: Limits | None = None,
    names: Sequence[str] = (),
    open_browser: bool = False,
    precision: str = "auto",
    detector: Path | None = None,
    access: Access | None = None,
    device: str = "auto",
    threads: int | None = None,
    cache: bool = False,
    grace_seconds: int = GRACE_SECONDS,
) -> None:
    """Serve the page and the HTTP interface until Ctrl-C or SIGTERM; says on standard output where.

    Args:
        bundle: a bundle, or a run's folder; None is the one that comes with AgeLens.
        host: the address or name to listen on; others than the own machine's are open to the network.
        port: 0 takes any free one.
        limits: how much the server takes on; the defaults of `Limits` if not given.
        names: further names under which browsers may come, for example that of a proxy before it.
        open_browser: show the page in the person's browser.
        precision: of the networks: "bf16", "f32" or "auto".
        detector: an ONNX file of a detector; AgeLens's own if not given.
        access: who may use it; everybody who reaches it, and no other website, if not given.
        device, threads, cache: as in `agelens.load`.
        grace_seconds: how long requests may go on after Ctrl-C or SIGTERM.

    Raises:
        AgeLensError: the address cannot be used, or there is no bundle or detector.
    """
    limits = limits or Limits()
    # The address first: that it is in use should be told before networks are loaded.
    with _listen(host, port) as listening:
        local = is_loopback(listening.getsockname()[0])
        with waiting("loading the networks"):
            predictor = load(bundle, precision, detector, None, device, threads, cache)
            # What is missing is told now, and the first visitor does not wait for what is read at the first photograph.
            predictor.predict([np.zeros((64, 64, 3), np.uint8)])
        app = create_app(
            predictor,
            limits,
            is_loopback if local and not names else is_address_or_one_of(names),
            access,
        )
        # Forms that cannot be read are told to whoever sent them, not to the terminal.
        logging.getLogger("python_multipart").setLevel(logging.CRITICAL)
        # No log of requests either: nobody needs one on their own machine.
        config = uvicorn.Config(
            app, http=partial(_Protocol, head_seconds=limits.receive_seconds), ws="none", lifespan="on",  # type: ignore[arg-type]
            log_config=None, log_level="error", access_log=False, server_header=False, proxy_headers=False,
            timeout_graceful_shutdown=grace_seconds,
        )  # fmt: skip
        server = _Server(config, _address(listening, host), local, open_browser)
        # Uvicorn ends gracefully and then hands the signal on.
        with contextlib.suppress(KeyboardInterrupt), endings_as_interrupts():
            server.run(sockets=[listening])
        print("Stopped.")


class _Protocol(H11Protocol):
    """Closes connections on which no whole head of a request comes in time.

    Uvicorn has no setting for it: its `timeout_keep_alive` counts only after an answer, so it would wait forever.
    """

    def __init__(self, *values: Any, head_seconds: float, **named: Any) -> None:
        super().__init__(*values, **named)
        self._head_seconds = head_seconds
        self._clock: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def _watch(self) -> None:
        """The clock runs from the first moment that a head is awaited until it is there."""
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop()
        elif self._clock is None:
            self._clock = self.loop.call_later(self._head_seconds, self._close)

    def _stop(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _close(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()


class _Server(uvicorn.Server):
    """Says where it is once it can be reached."""

    def __init__(self, config: uvicorn.Config, address: str, local: bool, open_browser: bool) -> None:
        super().__init__(config)
        self._address = address
        self._local = local
        self._open_browser = open_browser

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start as Uvicorn does, then tell."""
        await super().startup(sockets)
        if self.should_exit:
            return
        reach = "" if self._local else " It is open to everybody who can reach this machine."
        print(f"AgeLens is at {self._address} (Ctrl-C ends it).{reach} Nothing is stored.", flush=True)
        if self._open_browser:
            # Some browsers hold the call until they are closed.
            threading.Thread(target=webbrowser.open, args=(self._address,), daemon=True).start()


def _listen(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises AgeLensError where it cannot."""
    if not 0 <= port <= 65535:
        raise AgeLensError(f"A port is a number from 0 to 65535, not {port}.")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    # A name that is no text for the network at all is a UnicodeError.
    except (socket.gaierror, UnicodeError):
        raise AgeLensError(f"{host} is not known as a host; give an address of this machine.") from None
    listening = socket.socket(family, kind, protocol)
    try:
        # On Windows this option would let a second server take the same port.
        if hasattr(socket, "AF_UNIX"):
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen()
    except OSError as error:
        listening.close()
        raise AgeLensError(_about_address(error, host, port)) from None
    return listening


def _about_address(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} of {host} is in use; give another with --port, or --port 0 for any free one."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is not an address of this machine; give one that is, or leave --host out."
    if error.errno == errno.EACCES:
        return f"Port {port} needs rights that this program does not have; give one from 1024 up with --port."
    return f"Nothing can listen at port {port} of {host}: {error.strerror}."


def _address(listening: socket.socket, host: str) -> str:
    """The address for a browser; one that means every interface is reached on the own machine as localhost."""
    where, port = listening.getsockname()[:2]
    if where in ("0.0.0.0", "::"):
        host = "localhost"
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
