"""Receiving images from a form, in memory only and within limits."""

import asyncio
import math
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File, FormParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from agelens.serving.limits import MEGABYTE, Admission, Limits, RefusedError

KIND = "multipart/form-data"
# Nothing is written to the disk, whatever its size; how much memory a request takes is limited before.
CONFIG = {"MAX_MEMORY_FILE_SIZE": math.inf}
FIELD = "images"
_NAME_LENGTH = 200


@dataclass(frozen=True)
class Upload:
    """An uploaded file: its name as it was sent, or "image 2" where it has none, and its bytes."""

    name: str
    data: bytes


class _Form:
    """The images of a form that comes in pieces, kept in memory."""

    def __init__(self, content_type: str, most_images: int) -> None:
        _, options = parse_options_header(content_type)
        self._parser = FormParser(
            KIND, self._refuse_text, self._take, self._end, options.get(b"boundary"), config=CONFIG
        )
        self._most_images = most_images
        self._uploads: list[Upload] = []
        self._whole = False

    def write(self, data: bytes) -> None:
        """Take the next piece. Raises FormParserError where it is odd, and RefusedError where it is not wanted."""
        self._parser.write(data)

    def finish(self) -> list[Upload]:
        """Return what has come; at least one image. Raises as `write` does."""
        # The parser takes a form that is cut off for a shorter one.
        if not self._whole:
            raise FormParserError("it is cut off")
        if not self._uploads:
            raise RefusedError(422, f'There is no image; send at least one in the field "{FIELD}".')
        return self._uploads

    def _take(self, file: File) -> None:
        _refuse_field(file.field_name)
        if len(self._uploads) == self._most_images:
            raise RefusedError(422, f"A request takes at most {self._most_images} images; send several.")
        name = _text(file.file_name).strip()[:_NAME_LENGTH] or f"image {len(self._uploads) + 1}"
        file.file_object.seek(0)
        self._uploads.append(Upload(name, file.file_object.read()))
        file.close()

    def _refuse_text(self, field: Field) -> None:
        _refuse_field(field.field_name)
        raise RefusedError(422, f'The field "{FIELD}" holds text; send files in it.')

    def _end(self) -> None:
        self._whole = True


async def receive_images(request: Request, limits: Limits, admission: Admission) -> list[Upload]:
    """Receive the images of a multipart form.

    Returns:
        at least one upload, in the order of the form.

    Raises:
        RefusedError: 408 too slow, 413 too large, 415 not a form, 422 a form without images or with anything else,
            503 no room for its bytes.
    """
    content_type = request.headers.get("content-type", "")
    if content_type.partition(";")[0].strip().lower() != KIND:
        raise RefusedError(415, f'Send the images as {KIND}, in the field "{FIELD}".')
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > limits.body_bytes:
        raise _too_large(limits)
    stream = _counted(request, limits, admission)
    try:
        form = _Form(content_type, limits.images)
        async with asyncio.timeout(limits.receive_seconds):
            async for chunk in stream:
                form.write(chunk)
        return form.finish()
    except TimeoutError:
        raise RefusedError(
            408, f"The images did not come within {limits.receive_seconds:g} seconds."
        ) from None
    except FormParserError as error:
        raise RefusedError(422, f"The form cannot be read: {str(error).rstrip('.')}.") from None
    except ClientDisconnect:
        raise RefusedError(400, "The connection ended before the images had come.") from None
    finally:
        await stream.aclose()


async def _counted(request: Request, limits: Limits, admission: Admission) -> AsyncGenerator[bytes, None]:
    """The body as it comes, refused where it goes on beyond the limit, whatever its Content-Length says."""
    count = 0
    async for chunk in request.stream():
        count += len(chunk)
        if count > limits.body_bytes:
            raise _too_large(limits)
        admission.bring(len(chunk))
        yield chunk


def refuse_parameters(request: Request, known: tuple[str, ...]) -> None:
    """Refuse (RefusedError, 422) parameters of the address that would be ignored, as unknown fields of the form are."""
    if unknown := [name for name in request.query_params if name not in known]:
        name = ascii(unknown[0][:40])[1:-1]
        raise RefusedError(422, f'There is no parameter "{name}"; there is "{", ".join(known)}".')


def _refuse_field(name: bytes | None) -> None:
    if name != FIELD.encode():
        raise RefusedError(
            422, f'There is no field "{_text(name)[:40]}"; send the images in the field "{FIELD}".'
        )


def _text(name: bytes | None) -> str:
    return (name or b"").decode("utf-8", errors="replace")


def _too_large(limits: Limits) -> RefusedError:
    megabytes = limits.body_bytes / MEGABYTE
    return RefusedError(413, f"A request takes at most {megabytes:g} MB; send fewer or smaller images.")


def form_description(limits: Limits) -> dict[str, Any]:
    """The body of a request as OpenAPI describes it."""
    images = {
        "type": "array",
        "minItems": 1,
        "maxItems": limits.images,
        "items": {"type": "string", "format": "binary", "contentMediaType": "image/*"},
        "description": "Image files: JPEG, PNG, WebP, AVIF, TIFF, BMP, GIF, or HEIC where its extra is installed, of "
        f"at most {limits.pixels:,} pixels each and {limits.body_bytes:,} bytes together. The first frame of an "
        "animation counts.",
    }
    schema = {
        "type": "object",
        "properties": {FIELD: images},
        "required": [FIELD],
        "additionalProperties": False,
    }
    return {"required": True, "content": {"multipart/form-data": {"schema": schema}}}
