"""What the server takes on, and how it says no."""

from dataclasses import dataclass, fields

from agelens.errors import AgeLensError
from agelens.utils.images import MAX_PIXELS

MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Limits:
    """How much the server takes on; whatever is beyond is refused with a sentence.

    Attributes:
        body_bytes: bytes of a request's body (413).
        pixels: width times height of an image, read from its header before it is decoded (422). Large JPEGs are
            decoded at a reduced size.
        images: images in a request (422).
        waiting: requests that are received, decoded, queued or estimated at one time (503).
        held_bytes: bytes of the bodies of all of them together (503).
        held_pixels: pixels that are being decoded or wait for the predictor; further images are decoded when there is
            room, so that memory stays flat however many wait. An image that alone has more waits until it is alone.
        batch: images that the predictor gets at once.
        receive_seconds: time in which a body must have come (408).
        answer_seconds: time in which a request, once received, is answered or given up (503).
    """

    body_bytes: int = 64 * MEGABYTE
    pixels: int = MAX_PIXELS
    images: int = 16
    waiting: int = 64
    held_bytes: int = 256 * MEGABYTE
    held_pixels: int = 64_000_000
    batch: int = 16
    receive_seconds: float = 30.0
    answer_seconds: float = 120.0

    def __post_init__(self) -> None:
        for field in fields(self):
            if not getattr(self, field.name) > 0:
                raise AgeLensError(
                    f"The limit {field.name} is a number above 0, not {getattr(self, field.name)}."
                )
        if self.held_bytes < self.body_bytes:
            raise AgeLensError(
                f"The limit held_bytes, {self.held_bytes:,}, has no room for one body of {self.body_bytes:,} bytes."
            )


class RefusedError(Exception):
    """A request that is not answered: an HTTP status and one sentence for whoever sent it.

    Attributes:
        status: the HTTP status. sentence: what is wrong, and where possible the way out.
        retry_seconds: after how long the same request may succeed; 0 where it never will.
    """

    def __init__(self, status: int, sentence: str, retry_seconds: int = 0) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.retry_seconds = retry_seconds


class AdmissionControl:
    """Counts the requests inside and the bytes that they brought; refuses those that do not fit.

    All methods are called from the event loop's thread.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.requests = 0
        self._bytes = 0

    def enter(self) -> "Admission":
        """Let a request in; leave the result as a context. Raises RefusedError (503) where too many are inside."""
        if self.requests >= self._limits.waiting:
            raise busy()
        return Admission(self)

    def _hold(self, count: int) -> None:
        if self._bytes + count > self._limits.held_bytes:
            raise busy()
        self._bytes += count


class Admission:
    """One request inside, from its first byte to its answer."""

    def __init__(self, admissions: AdmissionControl) -> None:
        self._admissions = admissions
        self._held = 0
        admissions.requests += 1

    def __enter__(self) -> "Admission":
        return self

    def __exit__(self, *_: object) -> None:
        self._admissions.requests -= 1
        self._admissions._bytes -= self._held

    def bring(self, count: int) -> None:
        """Count bytes that have come. Raises RefusedError (503) where all requests together hold too many."""
        self._admissions._hold(count)
        self._held += count


def busy() -> RefusedError:
    """What is told to whom there is no room for."""
    return RefusedError(
        503, "The server has as much waiting as it takes; try again in a second.", retry_seconds=1
    )
