"""What runs and how well, for Prometheus, at /metrics; counts and seconds, and nothing of what was sent."""

import time
from collections.abc import Callable, Sequence

from fastapi import FastAPI, Response
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agelens.inference.results import ImagePrediction

PATH = "/metrics"
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
# Paths that are counted by name; whatever else is asked for is one more kind.
_COUNTED = ("/api/predict", "/api/health", "/api/card", PATH)


class Metrics:
    """The counters of one server."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "agelens_requests", "Requests that were answered.", ("path", "status"), registry=self._registry
        )
        self.seconds = Histogram(
            "agelens_request_seconds", "Seconds from a request to the end of its answer.", ("path",),
            buckets=_SECONDS, registry=self._registry,
        )  # fmt: skip
        self._images = Counter(
            "agelens_images", "Images by what was found: faces, none, or that they cannot be read.", ("result",),
            registry=self._registry,
        )  # fmt: skip
        self._faces = Counter("agelens_faces", "Faces that were estimated.", registry=self._registry)
        self.inside = Gauge("agelens_requests_inside", "Requests that are inside.", registry=self._registry)
        self.queued = Gauge(
            "agelens_images_queued", "Images that are decoded and wait.", registry=self._registry
        )
        for result in ("faces", "none", "error"):
            self._images.labels(result)

    def count(self, photos: Sequence[ImagePrediction]) -> None:
        """Count the images of a request."""
        for photo in photos:
            self._images.labels("error" if photo.error else "faces" if photo.faces else "none").inc()
            self._faces.inc(len(photo.faces))

    def text(self) -> bytes:
        """Return all of it as Prometheus reads it."""
        return generate_latest(self._registry)


def add_metrics(app: FastAPI, metrics: Metrics, busy: Callable[[], tuple[int, int]]) -> None:
    """Add the route that Prometheus reads.

    Args:
        busy: tells how many requests are inside, and how many decoded images wait.
    """

    @app.get(PATH, include_in_schema=False)
    async def show() -> Response:
        inside, queued = busy()
        metrics.inside.set(inside)
        metrics.queued.set(queued)
        return Response(metrics.text(), headers={"Content-Type": metrics.content_type})


class MetricsMiddleware:
    """ASGI middleware that counts the answers and times them."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and count how it was answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"] if scope["path"] in _COUNTED else "other"
        status, began = 500, time.perf_counter()

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            self._metrics.requests.labels(path, str(status)).inc()
            self._metrics.seconds.labels(path).observe(time.perf_counter() - began)
