"""A page on loopback for this machine's browser: read-only, without a token, and only for its own ``Host``.

Without the check of ``Host``, another page in the same browser could read it under a name that resolves to loopback
(DNS rebinding).
"""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

from releaseguard.errors import ReleaseguardError, UsageError

ADDRESS = "127.0.0.1"
PATIENCE = 5.0
"""Seconds within which a client must send its request."""
HEADERS = {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}
Page = Callable[[str | None], str]
"""Makes the page; the argument is the query's ``before``, which selects a page of the list."""


class LivePage(socketserver.ThreadingTCPServer):
    """Serves ``page`` on a loopback port; port 0 takes a free one. Raises ``UsageError`` where the port is taken. A
    context manager."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, page: Page, port: int) -> None:
        self._page, self._one_at_a_time = page, threading.Lock()
        try:
            super().__init__((ADDRESS, port), _PageHandler)
        except (OSError, OverflowError) as error:
            raise UsageError(
                f"port {port} cannot be had ({getattr(error, 'strerror', None) or error})",
                where=ADDRESS,
                next_step="Choose another, or let one be chosen: --port 0.",
            ) from None

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        return f"http://{ADDRESS}:{self.port}/"

    def is_own(self, host: str | None) -> bool:
        """Whether a request's ``Host`` is this server's."""
        return host in (f"{ADDRESS}:{self.port}", f"localhost:{self.port}")

    def made(self, before: str | None) -> str:
        """The page as it is now; looks at the log exclude each other."""
        with self._one_at_a_time:
            return self._page(before)


class _PageHandler(BaseHTTPRequestHandler):
    server: LivePage
    timeout = PATIENCE
    server_version, sys_version = "releaseguard", ""

    def do_GET(self) -> None:
        self._answer(*self._looked_at())

    def do_HEAD(self) -> None:
        self.do_GET()

    def _looked_at(self) -> tuple[HTTPStatus, str]:
        asked = urlsplit(self.path)
        if not self.server.is_own(self.headers.get("host")):
            return HTTPStatus.MISDIRECTED_REQUEST, "This page answers to 127.0.0.1 and localhost alone."
        if asked.path != "/":
            return HTTPStatus.NOT_FOUND, "The page is at /."
        before = parse_qs(asked.query).get("before", [None])[-1]
        try:
            return HTTPStatus.OK, self.server.made(before)
        except UsageError as error:
            return HTTPStatus.BAD_REQUEST, error.what
        except ReleaseguardError as error:
            return HTTPStatus.SERVICE_UNAVAILABLE, f"{error.what}. {error.next_step or ''}"

    def _answer(self, status: HTTPStatus, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        kind = {} if status is HTTPStatus.OK else {"content-type": "text/plain; charset=utf-8"}
        for name, value in ({**HEADERS, **kind, "content-length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Log nothing: a browser's requests do not belong on the terminal."""
