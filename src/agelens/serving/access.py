"""Who may use the server: an API key, and websites whose pages may ask it."""

import os
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from agelens.errors import AgeLensError

VARIABLE = "AGELENS_API_KEY"
_ORIGIN = re.compile(r"https?://[^/\s*]+")
# Those who watch a server have no key, and the page's own files are no secret.
_OPEN = ("/api/health",)


@dataclass(frozen=True)
class Access:
    """Who may use the server.

    Attributes:
        api_key: what a request for the interface must bring; empty lets everybody in. Never shown.
        origins: websites whose pages may ask, such as ``https://example.org``.
    """

    api_key: str = field(default="", repr=False)
    origins: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for origin in self.origins:
            if not _ORIGIN.fullmatch(origin):
                raise AgeLensError(
                    f"An origin is a scheme and a host, such as https://example.org, not {origin}."
                )

    @classmethod
    def from_environment(cls, origins: Sequence[str] = ()) -> "Access":
        """Return the access that $AGELENS_API_KEY and the origins tell. Raises AgeLensError where an origin is odd."""
        return cls(os.environ.get(VARIABLE, ""), tuple(origin.rstrip("/").lower() for origin in origins))


class ApiKeyMiddleware:
    """ASGI middleware that refuses (401) requests for the interface without the key.

    Args:
        app: what comes behind. key: that a request brings as ``Authorization: Bearer KEY`` or as ``X-API-Key: KEY``.
    """

    def __init__(self, app: ASGIApp, key: str) -> None:
        self._app, self._key = app, key.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http" or not self._is_guarded(scope["path"]) or self._brings_key(scope):
            await self._app(scope, receive, send)
            return
        sentence = "This server wants a key: send it as 'Authorization: Bearer KEY' or as 'X-API-Key: KEY'."
        await JSONResponse({"detail": sentence}, 401, {"WWW-Authenticate": "Bearer"})(scope, receive, send)

    def _is_guarded(self, path: str) -> bool:
        return path not in _OPEN and (path.startswith("/api/") or path == "/metrics")

    def _brings_key(self, scope: Scope) -> bool:
        headers = dict(scope["headers"])
        kind, _, token = headers.get(b"authorization", b"").partition(b" ")
        given = token.strip() if kind.lower() == b"bearer" else headers.get(b"x-api-key", b"")
        # In a time that does not tell how much of it is right.
        return secrets.compare_digest(given, self._key)
