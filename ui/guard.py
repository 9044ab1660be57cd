"""Stands before the page and its endpoints: who may call, from where, how much at once.

A server on loopback is within reach of every web page that is open in a browser of the same machine: it may send
requests to it (cross-site), or let a name of its own point to 127.0.0.1 (DNS rebinding). So a request is served only
if it calls the server by an address or a name known to be its own, and if a page that sends it is the server's own.
"""

import base64
import binascii
import ipaddress
import logging
import posixpath
import secrets
from collections.abc import Iterable
from contextlib import suppress
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.monitor import Monitor

MAX_BODY = 32_000_000
"""Bytes of one request: briefs are sent 20 MB in one go at most, a third larger as base64."""
MAX_OPEN = 500
"""Requests at once; an open page holds one or two."""
MAX_BUFFERED = 256_000_000
"""Bytes of requests that are being received or worked on, together."""
_PUBLIC = frozenset({
    "/", "/login", "/logout", "/config", "/theme.css", "/favicon.ico", "/robots.txt", "/manifest.json", "/healthz",
    "/gradio_api/startup-events", "/gradio_api/user", "/gradio_api/token", "/gradio_api/app_id",
    "/gradio_api/login_check", "/gradio_api/theme.css",
})  # fmt: skip
"""What one who has not signed in may fetch: the page for signing in; gradio refuses /config by itself."""
_PUBLIC_FOLDERS = ("/assets/", "/static/", "/svelte/")
_SERVED = frozenset({
    "/metrics", "/gradio_api/info", "/gradio_api/openapi.json", "/gradio_api/queue/join", "/gradio_api/queue/data",
    "/gradio_api/queue/status", "/gradio_api/cancel", "/gradio_api/reset", "/gradio_api/upload", "/gradio_api/mcp",
})  # fmt: skip
"""What else there is. gradio has more, none of which this page uses: files and addresses elsewhere that it would hand
out (`file=`, `proxy=`), recordings, editors of code. An upload is refused by gradio, with 413."""
_SERVED_FOLDERS = (
    "/gradio_api/call/", "/gradio_api/run/", "/gradio_api/api/", "/gradio_api/heartbeat/", "/gradio_api/mcp/",
)  # fmt: skip
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "same-origin",
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
        "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
    ),
}
"""Whatever ran in the page could still send nothing elsewhere; no other site may frame the page to steal clicks."""


_UNFIT = "the request does not fit this address; the page’s API view tells what is taken"
_BROKEN = "the server met an error; its log tells more"
_TAKES_ANYTHING = ("/gradio_api/call/", "/gradio_api/upload")
"""Where gradio fails at bodies that it cannot take apart; what it runs for them comes later, in its queue."""
_log = logging.getLogger("briefqa.serve")


class Guard:
    """The middleware; see the module."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        hosts: Iterable[str] = (),
        auth: tuple[str, str] | None = None,
        monitor: Monitor | None = None,
    ) -> None:
        """Guards `app`.

        Args:
            app: What is guarded.
            hosts: Names it is called by, besides addresses and localhost.
            auth: User and password that everything but the page for signing in asks for.
            monitor: Tells when the server is stopping.
        """
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts) | {"localhost"}
        self._auth = auth
        self._monitor = monitor
        self._open = 0
        self._buffered = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves a request, or refuses it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # neither the page nor an endpoint uses another
            await send({"type": "websocket.close", "code": 1008})
            return
        if refusal := self._refusal(scope):
            await refusal(scope, receive, send)
            return
        self._open += 1
        try:
            await self._limited(scope, receive, send)
        finally:
            self._open -= 1

    def _refusal(self, scope: Scope) -> JSONResponse | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._is_ours(host):
            return _refused(421, f"this server is not called {host!r}; serve it with --allow-host NAME if it is to be")
        if not self._is_own_page(headers, host):
            return _refused(403, "another site's page may not call this server")
        path = posixpath.normpath(scope["path"])
        public = path in _PUBLIC or path.startswith(_PUBLIC_FOLDERS)
        if not public and path not in _SERVED and not path.startswith(_SERVED_FOLDERS):
            return _refused(404, "there is nothing here")
        if self._auth and not public and not is_signed_in(scope, self._auth):
            return _refused(401, "Not authenticated")
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > MAX_BODY:
            return _refused(413, f"at most {MAX_BODY:,} bytes are taken in one request")
        if self._open >= MAX_OPEN or self._buffered + int(length) > MAX_BUFFERED:
            return _refused(503, "too many requests at once; try again in a moment")
        if self._monitor and self._monitor.stopping.is_set() and scope["method"] == "POST":
            return _refused(503, "the server is stopping; try again when it is back")
        return None

    def _is_ours(self, host: str) -> bool:
        """Whether the server is called by an address, which no foreign name can pass for, or by a name of its own."""
        name = _host_name(host)
        if name is None:
            return False
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name in self._hosts
        return True

    def _is_own_page(self, headers: Headers, host: str) -> bool:
        origin = headers.get("origin")
        if origin is None:  # not sent by a page, or a page only looked at, whose answer another site cannot read
            return headers.get("sec-fetch-site") != "cross-site" or headers.get("sec-fetch-mode") == "navigate"
        parts = urlsplit(origin)
        named = _host_name(parts.netloc)
        # Behind a proxy, the host that is called need not be the one in the address bar; then that is an allowed one.
        return parts.netloc.lower() == host.lower() or (named in self._hosts and named != "localhost")

    async def _limited(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves the request, with our headers; ends it with 413 when more comes than it may hold."""
        received = 0
        begun = too_large = told = False

        async def counted() -> Message:
            nonlocal received, too_large
            message = await receive()
            size = len(message.get("body", b""))
            received += size
            self._buffered += size
            if received > MAX_BODY:
                too_large = True
                raise _TooLarge
            return message

        async def with_headers(message: Message) -> None:
            nonlocal begun, told
            if too_large and not begun:  # what the application makes of it is another sentence
                return
            if message["type"] == "http.response.start":
                begun = True
                sent = MutableHeaders(scope=message)
                told = sent.get("content-type", "").startswith("text/event-stream")
                for name, value in _HEADERS.items():
                    sent.setdefault(name, value)
            await send(message)

        try:
            with suppress(_TooLarge):
                await self._app(scope, counted, with_headers)
            if too_large and not begun:
                await _refused(413, f"at most {MAX_BODY:,} bytes are taken in one request")(scope, receive, send)
        except Exception as error:  # gradio’s, for which its server would close the line, with a traceback in the log
            unfit = scope["path"].startswith(_TAKES_ANYTHING)
            _log.log(
                logging.WARNING if unfit else logging.ERROR, "unfit" if unfit else "broken",
                exc_info=None if unfit else error,
                extra={"fields": {"path": scope["path"], "reason": type(error).__name__}},
            )  # fmt: skip
            if not begun:
                await (_refused(400, _UNFIT) if unfit else _refused(500, _BROKEN))(scope, receive, send)
            elif told:  # that there is no such event; it only does not end
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            else:
                raise
        finally:
            self._buffered -= received


class _TooLarge(Exception):
    pass


def is_signed_in(scope: Scope, auth: tuple[str, str]) -> bool:
    """By the cookie that gradio gave, or by the password itself, for programs (Prometheus, agents)."""
    headers = Headers(scope=scope)
    kind, _, sent = headers.get("authorization", "").partition(" ")
    if kind.lower() == "basic":
        try:
            given = base64.b64decode(sent, validate=True)
        except (binascii.Error, ValueError):
            return False
        return secrets.compare_digest(given, ":".join(auth).encode())
    app = scope["app"]
    cookies = cookie_parser(headers.get("cookie", ""))
    names = (f"access-token-{app.cookie_id}", f"access-token-unsecure-{app.cookie_id}")
    return any(cookies.get(name) in app.tokens for name in names)


def _refused(status: int, sentence: str) -> JSONResponse:
    return JSONResponse({"detail": sentence, "error": sentence}, status, _HEADERS)


def _host_name(host: str) -> str | None:
    """The name or address in `host`, without its port; none if it is no host."""
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None
