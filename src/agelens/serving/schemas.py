"""What the server answers beside the faces, which `agelens.inference.results` describes."""

from dataclasses import dataclass
from typing import Any

from agelens.inference.results import Described, ImagePrediction


@dataclass(frozen=True)
class PredictResponse(Described):
    """The images of one request, in its order. What is not known of a face is left out."""

    photos: tuple[ImagePrediction, ...]


@dataclass(frozen=True)
class NetworkResponse(Described):
    """A network that is loaded."""

    task: str
    """What it predicts: age, gender or both."""
    identity: str
    """Digest of what made it; equal networks have equal ones."""


@dataclass(frozen=True)
class QueueResponse(Described):
    """How busy the server is."""

    requests: int
    """Requests that are being received, wait, or are being answered."""
    most_requests: int
    """From this many requests on, further ones are refused (503)."""
    images: int
    """Images that are decoded and wait for the predictor."""


@dataclass(frozen=True)
class LimitsResponse(Described):
    """What a request may hold."""

    body_bytes: int
    """Bytes of a request's body."""
    pixels: int
    """Width times height of an image."""
    images: int
    """Images in a request."""


@dataclass(frozen=True)
class HealthResponse(Described):
    """That the server runs, and what it runs with."""

    status: str
    """Always "ok"."""
    version: str
    """Version of AgeLens."""
    networks: tuple[NetworkResponse, ...]
    queue: QueueResponse
    limits: LimitsResponse


@dataclass(frozen=True)
class CardsResponse(Described):
    """The cards of the networks that are loaded: what they were trained on, how they scored, their limits."""

    cards: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class ErrorResponse(Described):
    """Every answer that is not 200."""

    detail: str
    """One sentence: what is wrong, and where possible the way out."""
