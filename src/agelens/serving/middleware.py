"""What stands before every route of the server: foreign websites stay out, and browsers are told to be careful.

A server on one's own machine can be reached by any page that is open in the browser there. So a request is refused
if it was sent by a page of another origin, or if the browser came under a name that is not this server's: that is how
a page gets past the first check, by pointing a name of its own at 127.0.0.1 (DNS rebinding).

Starlette's TrustedHostMiddleware compares a list of names only: it could not let in every IP address, by which a server
in a network or a container is reached, and it refuses in plain text (400) without the way out.
"""

import ipaddress
import socket
from collections.abc import Callable, Collection
from urllib.parse import urlsplit

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

KnowsHost = Callable[[str], bool]

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
}


def is_loopback(host: str) -> bool:
    """Whether a name from a Host header can only mean the own machine: localhost, 127.x.x.x or ::1."""
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def is_address_or_one_of(names: Collection[str]) -> KnowsHost:
    """A check that lets in IP addresses, which cannot be rebound, this machine's name, and the names given."""
    own = {socket.gethostname().lower(), socket.getfqdn().lower(), "localhost"}
    known = own | {f"{name}.local" for name in own} | {name.lower() for name in names}
    return lambda host: host in known or _address(host) is not None


class SecurityMiddleware:
    """ASGI middleware: refuses foreign requests (403) and adds headers to every answer.

    Args:
        app: what comes behind.
        knows_host: whether a lower-case name from a Host header, without its port, is this server's.
        origins: other websites whose pages may ask.
    """

    def __init__(self, app: ASGIApp, knows_host: KnowsHost, origins: Collection[str]) -> None:
        self._app = app
        self._origins = origins
        self._knows_host = knows_host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        added = {**SECURITY_HEADERS, "Cache-Control": "no-store" if _is_private(scope) else "no-cache"}
        pairs = [(name.lower().encode(), value.encode()) for name, value in added.items()]

        async def send_more(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *pairs]}
            await send(message)

        sentence = self._refused(scope, headers)
        app = JSONResponse({"detail": sentence}, 403) if sentence else self._app
        await app(scope, receive, send_more)

    def _refused(self, scope: Scope, headers: dict[str, str]) -> str:
        host = headers.get("host", "")
        if not self._knows_host(_name(host)):
            return (
                f'This server does not go by the name "{host[:60]}"; start it with --allow-host to let it in.'
            )
        origin = headers.get("origin")
        if origin is not None and origin.lower() in self._origins:
            return ""
        foreign = origin is not None and origin.partition("://")[2].lower() != host.lower()
        # Links from elsewhere to the page are harmless; scripts, forms and images from elsewhere are not wanted.
        visits = headers.get("sec-fetch-mode") == "navigate" and scope["method"] == "GET"
        if headers.get("sec-fetch-site") in ("cross-site", "same-site"):
            foreign |= not visits or _is_private(scope)
        return "Requests from other websites are refused." if foreign else ""


def _is_private(scope: Scope) -> bool:
    return str(scope["path"]).startswith("/api/")


def _name(host: str) -> str:
    """The name in a Host header, lower case, without its port; empty where there is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
