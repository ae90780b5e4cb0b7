"""Images of many clients, estimated together.

    bytes -> decoded in a few threads -> queue -> one worker, a batch at a time -> each image's own answer

The worker never waits for a batch to fill: it takes what is there, so that a lone image is not delayed and a crowd is
estimated in batches by itself. The network is called from one thread only.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

from agelens.errors import ImageError
from agelens.inference.preparing import DECODERS
from agelens.inference.results import ImagePrediction
from agelens.serving.limits import Limits
from agelens.utils.images import Photograph, decode_photo, weigh

_log = logging.getLogger("agelens.server")
Result = TypeVar("Result")


class SupportsPredict(Protocol):
    """What the server needs of an `agelens.Predictor`."""

    def predict(self, images: Sequence[Photograph], crops: bool = False, /) -> Sequence[ImagePrediction]:
        """One Photo for each decoded photograph, in order; each is one face for ``crops``."""
        ...


class PredictionFailedError(Exception):
    """The predictor failed on an image although it could be decoded."""


class StoppingError(Exception):
    """The server is being stopped and answers nothing more."""


@dataclass(frozen=True, eq=False)
class _Job:
    image: Photograph
    held: int
    crops: bool
    answer: "asyncio.Future[ImagePrediction]"


class Batcher:
    """Decodes and estimates images from many requests; use it as an asynchronous context.

    Args:
        predictor: called from one thread, never twice at a time.
        limits: of `pixels`, `held_pixels` and `batch`.
    """

    def __init__(self, predictor: SupportsPredict, limits: Limits) -> None:
        self._predictor = predictor
        self._limits = limits
        # Not bounded itself: what it may hold is bounded in pixels, before they are decoded.
        self._jobs: asyncio.Queue[_Job] = asyncio.Queue()
        self._open: set[asyncio.Future[ImagePrediction]] = set()
        self._held_pixels = 0
        self._capacity = asyncio.Event()
        self._order = asyncio.Lock()
        self._decoding = asyncio.Semaphore(DECODERS)
        self._decoders = ThreadPoolExecutor(DECODERS, "agelens-decode")
        self._predicting = ThreadPoolExecutor(1, "agelens-estimate")
        self._worker: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Batcher":
        self._worker = asyncio.create_task(self._work())
        return self

    async def __aexit__(self, *_: object) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.cancel()
            await asyncio.wait([worker])
        for answer in list(self._open):
            if not answer.done():
                answer.set_exception(StoppingError())
        self._decoders.shutdown(wait=False, cancel_futures=True)
        self._predicting.shutdown(wait=False, cancel_futures=True)

    @property
    def queued(self) -> int:
        """Images that are decoded and wait for the predictor."""
        return self._jobs.qsize()

    async def predict(self, data: bytes, crops: bool = False) -> ImagePrediction:
        """Decode a file's bytes and estimate them together with whatever else is there.

        Args:
            crops: the image is one face, cropped as in the training.

        May be cancelled at any time; what has not been estimated then is left out.

        Raises:
            ImageError: not an image, broken, or with too many pixels; the message is the reason without a name.
            PredictionFailedError: the predictor failed on this image.
            StoppingError: the server is being stopped.
        """
        job = await self._decode(data, crops)
        self._open.add(job.answer)
        try:
            return await job.answer
        finally:
            self._open.discard(job.answer)

    async def _decode(self, data: bytes, crops: bool) -> _Job:
        async with self._decoding:
            need = await self._call(weigh, data)
            # In order, or a large image would wait as long as small ones come.
            async with self._order:
                while self._held_pixels and self._held_pixels + need > self._limits.held_pixels:
                    self._capacity.clear()
                    await self._capacity.wait()
                self._held_pixels += need
            try:
                image = await self._call(decode_photo, data)
            except BaseException:
                self._give_back(need)
                raise
            held = image.pixels.shape[0] * image.pixels.shape[1]
            self._give_back(need - held)
            # From here on the worker gives the room back, whatever becomes of the request.
            job = _Job(image, held, crops, asyncio.get_running_loop().create_future())
            self._jobs.put_nowait(job)
            return job

    async def _call(self, function: Callable[..., Result], data: bytes) -> Result:
        """Call a function of images on bytes in a thread. Raises as `predict` does."""
        if self._worker is None:
            raise StoppingError
        call = self._decoders.submit(function, data, max_pixels=self._limits.pixels)
        error = await _finished(call)
        if isinstance(error, ImageError):
            raise error
        if error is not None:
            # Decoders are not written for every malice; what they trip over is the file's fault.
            _log.warning("A decoder failed in a way of its own.", exc_info=error)
            raise ImageError("cannot be decoded")
        return call.result()

    def _give_back(self, pixels: int) -> None:
        self._held_pixels -= pixels
        self._capacity.set()

    async def _work(self) -> None:
        while True:
            jobs = [await self._jobs.get()]
            while len(jobs) < self._limits.batch and not self._jobs.empty():
                jobs.append(self._jobs.get_nowait())
            # One call of the predictor is of one kind.
            for kind in (False, True):
                await self._answer([job for job in jobs if job.crops == kind])
            self._give_back(sum(job.held for job in jobs))

    async def _answer(self, jobs: list[_Job]) -> None:
        """Estimate a batch; where that fails each image is tried alone, so that one does not spoil the others'."""
        live = [job for job in jobs if not job.answer.done()]
        if not live:
            return
        call = self._predicting.submit(
            partial(self._predictor.predict, [job.image for job in live], live[0].crops)
        )
        error = await _finished(call)
        if error is None and len(call.result()) != len(live):
            error = RuntimeError(f"{len(call.result())} answers for {len(live)} images")
        if error is not None and len(live) > 1:
            for job in live:
                await self._answer([job])
            return
        if error is not None:
            _log.error("The predictor failed.", exc_info=error)
        for number, job in enumerate(live):
            if job.answer.done():
                continue
            if error is not None:
                job.answer.set_exception(PredictionFailedError())
            else:
                job.answer.set_result(call.result()[number])


async def _finished(call: "Future") -> BaseException | None:
    """Wait for a call in a thread and give the exception that ended it, of whatever kind."""
    waiting = asyncio.wrap_future(call)
    try:
        await asyncio.wait([waiting])
        return waiting.exception()
    finally:
        # Where nobody waits any longer, a call that has not begun is dropped.
        waiting.cancel()
