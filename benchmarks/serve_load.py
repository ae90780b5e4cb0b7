"""How many photographs a second the server answers for many clients at once, and whether each gets its own answer.

    python benchmarks/serve_load.py

Starts the server with AgeLens's own network as a process on a free port of this machine. Each client sends one
photograph after the other: scikit-image's astronaut at another place and size each, so that it can check that the
answer belongs to its picture (name, size, where the face is). Clients and server share the processor; what the server
uses of it for a photograph is told too, since that stays the same where other programs run beside it.
"""

import argparse
import json
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from _server import Picture, photograph, served

from agelens.utils.environment import machine
from agelens.utils.files import write_json

SEED = 42
# Photographs of one client, sent in turns.
OWN = 12
WARM_SECONDS = 5.0


@dataclass
class Tally:
    """What all clients saw; a client adds under the lock."""

    times: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, seconds: float, error: str) -> None:
        with self._lock:
            self.times.append(seconds)
            if error:
                self.errors[error] += 1


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clients", type=int, default=16, help="clients at once (default 16)")
    parser.add_argument("--duration", type=float, default=60, help="how long (default 60)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every figure here")
    options = parser.parse_args()
    found = measure(options.clients, options.seconds)
    print(f"machine     {machine()}")
    print(f"clients     {options.clients} for {options.seconds:g} s, {found['answers']} answers")
    print(f"rate        {found['photographs_per_second']:.1f} photographs/s")
    print(f"processor   {found['processor_ms_a_photograph']:.0f} ms of the server for a photograph")
    print(f"time        median {found['median_ms']:.0f} ms, 99th percentile {found['p99_ms']:.0f} ms")
    print(f"problems    {json.dumps(found['problems'])} (mixed-up answers: {found['mixed_up']})")
    print("memory      " + ", ".join(f"{name} {value:.0f} MB" for name, value in found["memory_mb"].items()))
    if options.json is not None:
        write_json(options.json, found)


def measure(clients: int, seconds: float) -> dict[str, Any]:
    chances = np.random.default_rng(SEED).spawn(clients)
    pictures = [[photograph(chance) for _ in range(OWN)] for chance in chances]
    with served() as server:
        memory = {"start": server.memory()}
        _run(server.address, pictures, WARM_SECONDS)
        memory["warm"] = server.memory()
        began, used = time.perf_counter(), server.processor_seconds()
        tally = _run(server.address, pictures, seconds)
        took, used = time.perf_counter() - began, server.processor_seconds() - used
        memory["end"] = server.memory()
    times = np.array(tally.times)
    return {
        "answers": len(times),
        "photographs_per_second": len(times) / took,
        "processor_ms_a_photograph": 1000 * used / len(times),
        "median_ms": 1000 * float(np.median(times)),
        "p99_ms": 1000 * float(np.percentile(times, 99)),
        "problems": dict(tally.errors),
        "mixed_up": sum(count for name, count in tally.errors.items() if name.startswith("another")),
        "memory_mb": memory,
    }


def _run(address: str, pictures: list[list[Picture]], seconds: float) -> Tally:
    tally, deadline = Tally(), time.perf_counter() + seconds
    threads = [
        threading.Thread(target=_client, args=(address, number, own, deadline, tally))
        for number, own in enumerate(pictures)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return tally


def _client(address: str, number: int, own: list[Picture], deadline: float, tally: Tally) -> None:
    with httpx.Client(base_url=address, timeout=60, trust_env=False) as client:
        turn = 0
        while time.perf_counter() < deadline:
            picture, name = own[turn % len(own)], f"client {number} turn {turn}.jpg"
            began = time.perf_counter()
            try:
                answer = client.post("/api/predict", files={"images": (name, picture.data)})
                problem = _problem(answer, name, picture)
            except httpx.HTTPError as error:
                problem = type(error).__name__
            tally.add(time.perf_counter() - began, problem)
            turn += 1


def _problem(answer: httpx.Response, name: str, picture: Picture) -> str:
    """Why an answer is not this picture's; empty where it is."""
    if answer.status_code != 200:
        return f"status {answer.status_code}"
    (photo,) = answer.json()["photos"]
    if photo["file"] != name:
        return "another's name"
    if (photo["width"], photo["height"]) != (picture.width, picture.height):
        return "another's size"
    if not photo["faces"]:
        return "no face"
    left, top, right, bottom = photo["faces"][0]["box"]
    away = max(abs((left + right) / 2 - picture.x), abs((top + bottom) / 2 - picture.y))
    return "another's face" if away > picture.face / 2 else ""


if __name__ == "__main__":
    main()
