"""What the server answers to thousands of hostile requests: no 5xx, no hang, and memory that stays flat.

    python benchmarks/serve_fuzz.py

Starts the server with AgeLens's own network as a process on a free port of this machine and sends, in random turns:
whole photographs of several formats, cut and altered ones, random bytes, decompression bombs, wrong and broken forms,
huge headers, Content-Length that lies in both directions, and broken HTTP.
"""

import argparse
import contextlib
import io
import json
import re
import socket
import struct
import threading
import zlib
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from _server import photograph, served
from PIL import Image

from agelens.utils.environment import machine
from agelens.utils.files import write_json

SEED = 42
CLIENTS = 8
# Longer than any limit of the server below.
HANG_SECONDS = 20
SETTINGS = "limits=Limits(receive_seconds=1, body_bytes=4 << 20)"
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
Chance = np.random.Generator


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=5000, help="how many (default 5,000)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every figure here")
    options = parser.parse_args()
    found = measure(options.requests)
    print(f"machine     {machine()}")
    for kind, counts in found["answers"].items():
        print(f"{kind:22} {json.dumps(counts)}")
    print(f"all         {json.dumps(found['all'])}")
    print(f"5xx {found['server_errors']}, hangs {found['hangs']}")
    print("memory      " + ", ".join(f"{name} {value:.0f} MB" for name, value in found["memory_mb"].items()))
    if options.json is not None:
        write_json(options.json, found)


def measure(requests: int) -> dict[str, Any]:
    whole = _photographs()
    answers: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
    lock = threading.Lock()
    with served(SETTINGS) as server:
        address = urlsplit(server.address)
        place = (str(address.hostname), int(address.port or 80))

        def send(chance: Chance) -> None:
            kind = list(KINDS)[chance.integers(len(KINDS))]
            status = _exchange(place, KINDS[kind](chance, whole))
            with lock:
                answers[kind][status] += 1

        memory = {"start": server.memory()}
        chances = np.random.default_rng(SEED).spawn(requests)
        with ThreadPoolExecutor(CLIENTS) as pool:
            for part in range(10):
                list(pool.map(send, chances[part * requests // 10 : (part + 1) * requests // 10]))
                memory[f"{(part + 1) * requests // 10:,}"] = server.memory()
    total: Counter[str] = sum(answers.values(), Counter())
    return {
        "answers": {kind: dict(sorted(counts.items())) for kind, counts in answers.items()},
        "all": dict(sorted(total.items())),
        "server_errors": sum(count for status, count in total.items() if status.startswith("5")),
        "hangs": total["hang"],
        "memory_mb": memory,
    }


def _exchange(place: tuple[str, int], request: bytes) -> str:
    """Send bytes, and give the status of the answer, "closed" where there is none, or "hang"."""
    answer = b""
    try:
        with socket.create_connection(place, HANG_SECONDS) as connection:
            # The server may answer and close before it has everything.
            with contextlib.suppress(ConnectionError):
                connection.sendall(request)
            with contextlib.suppress(ConnectionError):
                while b"\r\n\r\n" not in answer and (chunk := connection.recv(65536)):
                    answer += chunk
    except TimeoutError:
        return "hang"
    found = re.match(rb"HTTP/1\.1 (\d{3})", answer)
    return found[1].decode() if found else "closed"


def _request(
    body: bytes, kind: str = "multipart/form-data; boundary=edge", length: int | None = None
) -> bytes:
    head = f"POST /api/predict HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: {kind}\r\n"
    return f"{head}Content-Length: {len(body) if length is None else length}\r\n\r\n".encode() + body


def _form(*files: bytes, field: str = "images") -> bytes:
    head = f'--edge\r\nContent-Disposition: form-data; name="{field}"; filename="a.jpg"\r\n\r\n'.encode()
    return b"".join(head + file + b"\r\n" for file in files) + b"--edge--\r\n"


def _photographs() -> list[bytes]:
    chance = np.random.default_rng(SEED)
    made = []
    for form in FORMATS * 4:
        file = io.BytesIO()
        with Image.open(io.BytesIO(photograph(chance).data)) as picture:
            picture.thumbnail((320, 320))
            picture.save(file, form)
        made.append(file.getvalue())
    return made


def _pick(chance: Chance, whole: list[bytes]) -> bytes:
    return whole[chance.integers(len(whole))]


def _cut(chance: Chance, whole: list[bytes]) -> bytes:
    data = _pick(chance, whole)
    return data[: chance.integers(len(data))]


def _altered(chance: Chance, whole: list[bytes]) -> bytes:
    """Some bytes changed, half of the time in the header, where it hurts."""
    data = bytearray(_pick(chance, whole))
    end = min(len(data), 200) if chance.random() < 0.5 else len(data)
    for place in chance.integers(0, end, chance.integers(1, 20)):
        data[place] = chance.integers(256)
    return bytes(data)


def _bomb(chance: Chance, _: list[bytes]) -> bytes:
    """A PNG of a few kilobytes that would be gigabytes when decoded."""
    width, height = (int(value) for value in chance.integers(20_000, 65_000, 2))

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1 << 20))) + chunk(b"IEND", b"")


def _broken_http(chance: Chance, whole: list[bytes]) -> bytes:
    starts = [b"\0" * 50, b"GET /" + b"a" * 100_000, b"POST /api/predict HTTP/9.9\r\n\r\n", b"\r\n" * 100]
    chunked = (
        b"POST /api/predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
        b"Content-Type: multipart/form-data; boundary=edge\r\n\r\nzz\r\n"
    )
    request = bytearray([*starts, chunked, _request(_form(_pick(chance, whole)))][chance.integers(6)])
    for place in chance.integers(0, min(len(request), 300), 5):
        request[place] = chance.integers(256)
    return bytes(request)


KINDS: dict[str, Callable[[Chance, list[bytes]], bytes]] = {
    "whole": lambda chance, whole: _request(_form(_pick(chance, whole))),
    "whole, several": lambda chance, whole: _request(_form(*(_pick(chance, whole) for _ in range(3)))),
    "cut": lambda chance, whole: _request(_form(_cut(chance, whole))),
    "altered": lambda chance, whole: _request(_form(_altered(chance, whole))),
    "random bytes": lambda chance, whole: _request(_form(chance.bytes(chance.integers(5000)))),
    "bomb": lambda chance, whole: _request(_form(_bomb(chance, whole))),
    "wrong field": lambda chance, whole: _request(_form(_pick(chance, whole), field=f"f{chance.integers(99)}")),
    "too many": lambda chance, whole: _request(_form(*[b"x"] * 17)),
    "cut form": lambda chance, whole: _request(_form(_pick(chance, whole))[: -chance.integers(1, 300)]),
    "no form": lambda chance, whole: _request(chance.bytes(1000), "image/jpeg"),
    "random form": lambda chance, whole: _request(chance.bytes(chance.integers(3000))),
    "too large": lambda chance, whole: _request(_form(chance.bytes(1 << 20) * 5)),
    "length too long": lambda chance, whole: _request(_form(_pick(chance, whole)), length=3_000_000),
    "length too short": lambda chance, whole: _request(_form(_pick(chance, whole)), length=50),
    "huge length": lambda chance, whole: _request(b"", length=10**18),
    "huge headers": lambda chance, whole: _request(_form(_pick(chance, whole)), "a" * int(chance.integers(9e4, 9e5))),
    "broken HTTP": _broken_http,
}  # fmt: skip


if __name__ == "__main__":
    main()
