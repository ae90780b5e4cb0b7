"""Receiving images from a form, in memory only and within limits."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

# Starlette finds out only at the first form that this is not installed.
import python_multipart  # noqa: F401
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from agelens.serving.limits import MEGABYTE, Admission, Limits, RefusedError

FIELD = "images"
_NAME_LENGTH = 200


@dataclass(frozen=True)
class Upload:
    """An uploaded file: its name as it was sent, or "image 2" where it has none, and its bytes."""

    name: str
    data: bytes


class _MemoryParser(MultiPartParser):
    """Starlette's parser, which would write files above a megabyte to the disk; this one keeps them in memory."""

    # For SpooledTemporaryFile 0 means that it never goes to the disk.
    spool_max_size = 0

    def __init__(self, headers: Headers, stream: AsyncGenerator[bytes, None], most_files: int) -> None:
        super().__init__(
            headers, self._to_its_end(stream), max_files=most_files, max_fields=1, max_part_size=1024
        )
        self._whole = False

    def on_end(self) -> None:
        self._whole = True

    async def _to_its_end(self, stream: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        async for chunk in stream:
            yield chunk
        # The parser takes a form that is cut off for a shorter one.
        if not self._whole:
            raise MultiPartException("it is cut off")


async def receive_images(request: Request, limits: Limits, admission: Admission) -> list[Upload]:
    """Receive the images of a multipart form.

    Returns:
        at least one upload, in the order of the form.

    Raises:
        RefusedError: 408 too slow, 413 too large, 415 not a form, 422 a form without images or with anything else,
            503 no room for its bytes.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
        raise RefusedError(415, f'Send the images as multipart/form-data, in the field "{FIELD}".')
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > limits.body_bytes:
        raise _too_large(limits)
    stream = _counted(request, limits, admission)
    parser = _MemoryParser(request.headers, stream, limits.images)
    try:
        async with asyncio.timeout(limits.receive_seconds):
            form = await parser.parse()
    except TimeoutError:
        raise RefusedError(
            408, f"The images did not come within {limits.receive_seconds:g} seconds."
        ) from None
    except MultiPartException as error:
        if error.message.startswith("Too many files"):
            raise RefusedError(
                422, f"A request takes at most {limits.images} images; send several."
            ) from None
        raise RefusedError(422, f"The form cannot be read: {error.message.rstrip('.')}.") from None
    except ClientDisconnect:
        raise RefusedError(400, "The connection ended before the images had come.") from None
    finally:
        await stream.aclose()
    try:
        return _uploads(form.multi_items())
    finally:
        await form.close()


async def _counted(request: Request, limits: Limits, admission: Admission) -> AsyncGenerator[bytes, None]:
    """The body as it comes, refused where it goes on beyond the limit, whatever its Content-Length says."""
    count = 0
    async for chunk in request.stream():
        count += len(chunk)
        if count > limits.body_bytes:
            raise _too_large(limits)
        admission.bring(len(chunk))
        yield chunk


def _uploads(items: list[tuple[str, UploadFile | str]]) -> list[Upload]:
    uploads = []
    for number, (field, value) in enumerate(items, 1):
        if field != FIELD:
            raise RefusedError(
                422, f'There is no field "{field[:40]}"; send the images in the field "{FIELD}".'
            )
        if isinstance(value, str):
            raise RefusedError(422, f'The field "{FIELD}" holds text; send files in it.')
        name = (value.filename or "").strip()[:_NAME_LENGTH] or f"image {number}"
        uploads.append(Upload(name, value.file.read()))
    if not uploads:
        raise RefusedError(422, f'There is no image; send at least one in the field "{FIELD}".')
    return uploads


def _too_large(limits: Limits) -> RefusedError:
    megabytes = limits.body_bytes / MEGABYTE
    return RefusedError(413, f"A request takes at most {megabytes:g} MB; send fewer or smaller images.")
