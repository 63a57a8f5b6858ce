"""HTTP/1.1 on loopback: whole answers, half ones, silence, and connections that are reset."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from email.utils import format_datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

from releaseguard.model import utc_now
from releaseguard.sandbox.serving.exchange import Request, Response
from releaseguard.sandbox.serving.faults import FaultKind

Ending = tuple[Response | None, FaultKind]
"""What is answered, and whether it goes out whole, in half, or not at all."""


class _Handler(BaseHTTPRequestHandler):
    """One connection: reads requests and sends what the stand-in (or a fault) says."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: LoopbackServer

    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """The journal is the log."""

    def _serve(self) -> None:
        self._end(*self.server.answer(self._read()))

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _serve  # noqa: N815

    def _read(self) -> Request:
        parts = urlsplit(self.path)
        length = int(self.headers.get("content-length") or 0)
        return Request(
            method=self.command,
            path=parts.path,
            query=dict(parse_qsl(parts.query, keep_blank_values=True)),
            headers={key.lower(): value for key, value in self.headers.items()},
            body=self.rfile.read(length) if length else b"",
        )

    def _end(self, response: Response | None, end: FaultKind) -> None:
        if end is FaultKind.ANSWER and response is not None:
            self._write(response)
            return
        if end is FaultKind.HALF_ANSWER:
            self._write(response or Response(200, {}), cut=True)
        if end is FaultKind.RESET:
            self.server.reset(self.connection)
        self.close_connection = True

    def _write(self, response: Response, *, cut: bool = False) -> None:
        """One write for head and body: two would meet Nagle's algorithm and a delayed acknowledgement."""
        payload = response.payload()
        reason = HTTPStatus(response.status).phrase if response.status in set(HTTPStatus) else ""
        lines = [f"HTTP/1.1 {response.status} {reason}", f"date: {format_datetime(utc_now(), usegmt=True)}"]
        lines += [f"{key}: {value}" for key, value in response.headers.items()]
        if payload and "content-type" not in response.headers:
            lines.append("content-type: application/json; charset=utf-8")
        if response.status != HTTPStatus.NO_CONTENT:
            lines.append(f"content-length: {len(payload) + (64 if cut else 0)}")
        head = "\r\n".join(lines).encode() + b"\r\n\r\n"
        self.wfile.write(head + (payload[: len(payload) // 2] if cut else payload))


class LoopbackServer(ThreadingHTTPServer):
    """Serves what ``answer`` says; each connection in a thread of its own."""

    daemon_threads = False
    block_on_close = True
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], answer: Callable[[Request], Ending]) -> None:
        self.answer = answer
        self._open: set[socket.socket] = set()
        self._to_reset: set[socket.socket] = set()
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Bind without the look-up of our own name that ``http.server`` makes."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = cast("tuple[str, int]", self.socket.getsockname())
        self.server_name, self.server_port = self.server_address

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def reset(self, connection: socket.socket) -> None:
        """Have ``connection`` end with RST instead of FIN."""
        self._to_reset.add(connection)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        if request not in self._to_reset:
            super().shutdown_request(request)
            return
        self._to_reset.discard(request)
        request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_request(request)

    def handle_error(self, _request: Any, _client_address: Any) -> None:
        """Clients that are killed leave broken connections behind: nothing to report."""

    def close_connections(self) -> None:
        for connection in tuple(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
