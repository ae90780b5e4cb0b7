"""What tests of the server share: a predictor that reads its answers from the colours, and a running server."""

import contextlib
import io
import re
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np
import uvicorn
from PIL import Image

from agelens.bundles.bundle import Bundle
from agelens.inference.results import Face, ImagePrediction, Predictions
from agelens.serving.access import Access
from agelens.serving.app import create_app
from agelens.serving.limits import Limits
from agelens.utils.images import Photograph

CARD = {"task": "both", "identity": "abc", "limitations": ["old people"]}
AGES = tuple(np.full(117, 1 / 117).tolist())
# Colours by which a test asks the predictor for a failure or for no face.
POISON, EMPTY = (255, 0, 0), (0, 0, 0)


@dataclass
class ColourPredictor:
    """Finds one face an image, at x = red and y = green, of blue years.

    Attributes:
        open: while it is cleared the predictor hangs. batches: how many images each call had.
    """

    bundles: tuple[Bundle, ...] = (Bundle(Path("somewhere"), CARD, b"", {}),)
    open: threading.Event = field(default_factory=threading.Event)
    batches: list[int] = field(default_factory=list)
    seen: list[tuple[int, int, int]] = field(default_factory=list)
    kinds: list[bool] = field(default_factory=list)
    _busy: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.open.set()

    def predict(self, images: Sequence[Photograph], crops: bool = False) -> Predictions:
        assert self._busy.acquire(blocking=False), "the predictor is called twice at a time"
        try:
            self.batches.append(len(images))
            self.kinds.append(crops)
            assert self.open.wait(20)
            return Predictions(self._photo(image) for image in images)
        finally:
            self._busy.release()

    def _photo(self, image: Photograph) -> ImagePrediction:
        red, green, blue = (int(value) for value in image.to_rgb()[0, 0])
        self.seen.append((red, green, blue))
        if (red, green, blue) == POISON:
            raise ZeroDivisionError("poison")
        faces = () if (red, green, blue) == EMPTY else (face(red, green, blue),)
        return ImagePrediction("", image.width, image.height, faces)


def face(red: int, green: int, blue: int) -> Face:
    landmarks = ((red, green),) * 5
    return Face(
        float(blue), 0.9, AGES, blue - 5.0, blue + 5.0, (red, green, red + 9, green + 9), landmarks, 0.8
    )


def picture(colour: tuple[int, int, int], size: tuple[int, int] = (20, 10), form: str = "PNG") -> bytes:
    """An image file of one colour; ``size`` is width and height."""
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, form)
    return file.getvalue()


def upload(*images: tuple[str, bytes]) -> list[tuple[str, tuple[str, bytes]]]:
    """What httpx takes as ``files``."""
    return [("images", image) for image in images]


def predict(client: httpx.Client, *images: tuple[str, bytes]) -> httpx.Response:
    return client.post("/api/predict", files=upload(*images))


def detail(answer: httpx.Response) -> str:
    """The one sentence of a refusal."""
    values = answer.json()
    assert list(values) == ["detail"]
    assert isinstance(values["detail"], str)
    assert re.fullmatch(r".+\.", values["detail"], re.DOTALL)
    return str(values["detail"])


@contextlib.contextmanager
def running(
    predictor: object, limits: Limits | None = None, access: Access | None = None
) -> Iterator[httpx.Client]:
    """A server in a thread on a free port, and a client of it."""
    listening = socket.create_server(("127.0.0.1", 0))
    app = create_app(predictor, limits, access=access)  # type: ignore[arg-type]
    config = uvicorn.Config(
        app, http="h11", ws="none", lifespan="on", log_config=None, access_log=False, timeout_graceful_shutdown=2
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        wait_for(lambda: server.started)
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with httpx.Client(base_url=address, timeout=20, trust_env=False) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive(), "the server does not end"


def wait_for(condition: object, seconds: float = 10) -> None:
    """Wait until a condition holds; fails where it never does."""
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


def raw(client: httpx.Client, request: bytes, seconds: float = 10) -> bytes:
    """Send bytes as they are and give what comes back until the server has nothing more to say."""
    with socket.create_connection((client.base_url.host, client.base_url.port), seconds) as connection:
        connection.sendall(request)
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while chunk := connection.recv(65536):
                answer += chunk
                if b"}" in chunk:
                    break
        return answer
