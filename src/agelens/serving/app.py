"""The local server: a page for people and an HTTP interface for programs. Needs `agelens[serve]`.

    POST /api/predict     images in, faces out         GET /               the page
    GET  /api/health      that it runs, its limits     GET /docs           the interface in words
    GET  /metrics         counters for Prometheus
    GET  /api/card        the cards of its networks    GET /openapi.json   the same for machines

Nothing is written to the disk, nothing leaves the machine, and no file's name is logged.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol, TypeVar

from fastapi import FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware

from agelens._version import __version__
from agelens.bundles.bundle import Bundle
from agelens.errors import ImageError
from agelens.inference.results import ImagePrediction
from agelens.serving.access import Access, ApiKeyMiddleware
from agelens.serving.batching import Batcher, PredictionFailedError, StoppingError, SupportsPredict
from agelens.serving.limits import AdmissionControl, Limits, RefusedError
from agelens.serving.metrics import Metrics, MetricsMiddleware, add_metrics
from agelens.serving.middleware import SECURITY_HEADERS, KnowsHost, SecurityMiddleware, is_loopback
from agelens.serving.schemas import (
    CardsResponse,
    ErrorResponse,
    HealthResponse,
    LimitsResponse,
    NetworkResponse,
    PredictResponse,
    QueueResponse,
)
from agelens.serving.uploads import Upload, form_description, receive_images, refuse_parameters

PAGE = Path(__file__).parent / "static"
_MEDIA_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_ADDRESSES = {"index.html": "/", "docs.html": "/docs"}
Result = TypeVar("Result")
CROPS = Query(False, description="Each image is one face, cropped as in the training; no face is searched.")

_ABOUT = """Estimates age and gender of the faces in photographs, on this machine alone: nothing is stored and nothing
leaves it. An estimate is not a measurement and must not decide about a person; gender is the binary label of the
dataset that the network was trained on."""

_REFUSALS = {
    400: "The connection ended too early.",
    403: "Sent by another website, or to a name that is not this server's.",
    408: "The body did not come in time.",
    413: "The body has too many bytes.",
    415: "The body is not a multipart form.",
    401: "The server has a key, and the request does not bring it.",
    422: "The form cannot be read, or none of its images can.",
    500: "The predictor failed.",
    503: "As much is waiting as the server takes; `Retry-After` says when to try again.",
}


class ServablePredictor(SupportsPredict, Protocol):
    """What the server needs of an `agelens.Predictor`."""

    @property
    def bundles(self) -> tuple[Bundle, ...]:
        """What it was made from; their cards are shown."""
        ...


def create_app(
    predictor: ServablePredictor,
    limits: Limits | None = None,
    knows_host: KnowsHost = is_loopback,
    access: Access | None = None,
) -> FastAPI:
    """The application, to be run by any ASGI server with one worker process.

    Args:
        predictor: `agelens.load()`; called from one thread only.
        limits: how much it takes on; the defaults of `Limits` if not given.
        knows_host: which names in a Host header are this server's; those of the own machine if not given.
        access: who may use it; everybody, and no other website, if not given.

    Returns:
        an application whose every answer that is not 200 is ``{"detail": "one sentence"}``.
    """
    limits, access, metrics = limits or Limits(), access or Access(), Metrics()
    batcher, admissions = Batcher(predictor, limits), AdmissionControl(limits)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with batcher:
            yield

    # FastAPI's own pages of documentation load their scripts from elsewhere; /docs is one that does not.
    app = FastAPI(
        title="AgeLens",
        version=__version__,
        description=_ABOUT,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    _add_middleware(app, knows_host, access, metrics)
    app.add_exception_handler(RefusedError, _refuse)
    app.add_exception_handler(HTTPException, _tell_status)
    app.add_exception_handler(RequestValidationError, _tell_value)
    app.add_exception_handler(Exception, _tell_failure)
    _add_prediction(app, batcher, admissions, limits, metrics)
    add_metrics(app, metrics, lambda: (admissions.requests, batcher.queued))
    _add_facts(app, predictor, batcher, admissions, limits)
    _add_page(app)
    return app


def _add_middleware(app: FastAPI, knows_host: KnowsHost, access: Access, metrics: Metrics) -> None:
    """From the innermost to the outermost, which sees a request first."""
    if access.api_key:
        app.add_middleware(ApiKeyMiddleware, key=access.api_key)
    app.add_middleware(SecurityMiddleware, knows_host=knows_host, origins=access.origins)
    if access.origins:
        app.add_middleware(
            CORSMiddleware, allow_origins=access.origins, allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "X-API-Key"],
        )  # fmt: skip
    app.add_middleware(MetricsMiddleware, metrics=metrics)


def _add_prediction(
    app: FastAPI, batcher: Batcher, admissions: AdmissionControl, limits: Limits, metrics: Metrics
) -> None:
    @app.post(
        "/api/predict",
        response_model=PredictResponse,
        responses=_error_responses(*_REFUSALS),
        openapi_extra={"requestBody": form_description(limits)},
        summary="Find the faces in photographs and estimate each",
    )
    async def predict(request: Request, crops: bool = CROPS) -> Response:
        """Images of any common format in, one answer for each in the same order.

        An image that cannot be read has an `error` in place of faces; if none can, the request is refused.
        """
        refuse_parameters(request, ("crops",))
        with admissions.enter() as admission:
            uploads = await receive_images(request, limits, admission)
            photos = await _before(request, limits.answer_seconds, _predict_all(batcher, uploads, crops))
            metrics.count(photos)
            return JSONResponse({"photos": [photo.to_dict() for photo in photos]})


def _add_facts(
    app: FastAPI, predictor: ServablePredictor, batcher: Batcher, admissions: AdmissionControl, limits: Limits
) -> None:
    networks = tuple(
        NetworkResponse(str(bundle.card["task"]), str(bundle.card.get("identity", "")))
        for bundle in predictor.bundles
    )

    @app.get("/api/health", responses=_error_responses(403), summary="That it runs, and with what")
    async def health() -> HealthResponse:
        """Also says what a request may hold and how busy the server is."""
        return HealthResponse(
            "ok",
            __version__,
            networks,
            QueueResponse(admissions.requests, limits.waiting, batcher.queued),
            LimitsResponse(limits.body_bytes, limits.pixels, limits.images),
        )

    @app.get("/api/card", responses=_error_responses(403), summary="What the networks can and cannot do")
    async def card() -> CardsResponse:
        """The `card.json` of each bundle: data, training, figures by group, limitations, licence."""
        return CardsResponse(tuple(bundle.card for bundle in predictor.bundles))


def _add_page(app: FastAPI) -> None:
    """The files of the page, read once; FastAPI's static files would guess their types from the system."""
    for path in sorted(PAGE.iterdir()):
        if path.suffix in _MEDIA_TYPES:
            address = _ADDRESSES.get(path.name, f"/page/{path.name}")
            route = _always(path.read_bytes(), _MEDIA_TYPES[path.suffix])
            app.add_api_route(address, route, include_in_schema=False)


def _always(content: bytes, media_type: str) -> Callable[[], Coroutine[Any, Any, Response]]:
    async def answer() -> Response:
        return Response(content, media_type=media_type)

    return answer


async def _predict_all(batcher: Batcher, uploads: list[Upload], crops: bool) -> list[ImagePrediction]:
    """An ImagePrediction for each upload, with the reason where one cannot be read.

    Raises:
        RefusedError: 422, with all the reasons, where none can be read; 500 and 503 for ours.
    """
    # Exceptions are gathered rather than raised, so that every bad image is named and none is left running.
    found = await asyncio.gather(
        *(batcher.predict(one.data, crops) for one in uploads), return_exceptions=True
    )
    photos: list[ImagePrediction] = []
    for upload, answer in zip(uploads, found, strict=True):
        if isinstance(answer, ImageError):
            photos.append(ImagePrediction(upload.name, 0, 0, error=str(answer)))
        elif isinstance(answer, PredictionFailedError):
            raise RefusedError(500, f"The predictor failed on {upload.name}; the server's terminal says why.")
        elif isinstance(answer, StoppingError):
            raise RefusedError(503, "The server is being stopped.", retry_seconds=10)
        elif isinstance(answer, BaseException):
            raise answer
        else:
            photos.append(replace(answer, file=upload.name))
    if all(photo.error for photo in photos):
        raise RefusedError(422, "; ".join(f"{photo.file} {photo.error}" for photo in photos) + ".")
    return photos


async def _before(request: Request, seconds: float, work: Coroutine[Any, Any, Result]) -> Result:
    """The result of the work, given up when the time is over or the client has gone. Raises RefusedError (503) then."""
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait({task, gone}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise RefusedError(
            503, f"There was no answer within {seconds:g} seconds; try again later.", retry_seconds=5
        )
    finally:
        task.cancel()
        gone.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _refuse(_: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError)
    headers = {"Retry-After": str(error.retry_seconds)} if error.retry_seconds else None
    return JSONResponse({"detail": error.sentence}, error.status, headers)


async def _tell_value(request: Request, error: Exception) -> Response:
    """422 for a parameter that cannot be understood, as a sentence."""
    assert isinstance(error, RequestValidationError)
    name = " ".join(str(part) for part in error.errors()[0]["loc"][1:])[:200]
    return JSONResponse({"detail": f"The parameter {name} is not understood; /docs says what it takes."}, 422)


async def _tell_status(request: Request, error: Exception) -> Response:
    """404 and 405 as sentences."""
    assert isinstance(error, HTTPException)
    sentences = {
        404: f"There is nothing at {request.url.path[:200]}; /docs says what there is.",
        405: f"{request.method[:20]} is not for {request.url.path[:200]}; /docs says what is.",
    }
    sentence = sentences.get(error.status_code, str(error.detail))
    return JSONResponse({"detail": sentence}, error.status_code, error.headers)


async def _tell_failure(*_: object) -> Response:
    """What no one foresaw; the traceback is in the terminal. This answer is made outside the guard."""
    sentence = "The server failed; its terminal says why."
    return JSONResponse({"detail": sentence}, 500, {**SECURITY_HEADERS, "Cache-Control": "no-store"})


def _error_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {
        status: {"model": ErrorResponse, "description": _REFUSALS.get(status, HTTPStatus(status).phrase)}
        for status in statuses
    }
