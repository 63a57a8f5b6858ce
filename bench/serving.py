"""The stand-ins behind a server that costs next to nothing, for measuring what talks to them.

The sandbox's own server gives every connection a thread, hooks and planned faults. Fifty such threads share one
processor's time, and a client would be charged for their queue: a remote service has none.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from email.utils import format_datetime
from functools import partial
from http import HTTPStatus
from urllib.parse import parse_qsl, urlsplit

from releaseguard.model import utc_now
from releaseguard.sandbox.serving.exchange import Request, Response
from releaseguard.sandbox.serving.stand_in import StandIn


@contextmanager
def serving(stand_ins: Iterable[StandIn], latency: float) -> Iterator[None]:
    """Serve the running ``stand_ins`` from one event loop, at their ports; every answer takes ``latency`` seconds."""
    loop = asyncio.new_event_loop()
    for stand_in in stand_ins:
        port = urlsplit(stand_in.url).port
        stand_in.stop()
        made = partial(_Connection, stand_in, latency)
        loop.run_until_complete(loop.create_server(made, "127.0.0.1", port, backlog=256))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


class _Connection(asyncio.Protocol):
    """One client's requests, one after the other.

    An answer leaves ``latency`` after its request came in. The work on it is done in between, and after whatever else
    has come in was stamped: a request is not charged for those before it.
    """

    def __init__(self, stand_in: StandIn, latency: float) -> None:
        self._stand_in = stand_in
        self._latency = latency
        self._received = b""
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        self._loop.call_soon(self._work, self._loop.time() + self._latency)

    def _work(self, due: float) -> None:
        request = self._whole()
        if request:
            self._loop.call_at(due, self._transport.write, _written(self._stand_in.dispatch(request)))

    def _whole(self) -> Request | None:
        """What has been received, where that is a request with all of its body."""
        head, end, rest = self._received.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", 0))
        if not end or len(rest) < length:
            return None
        self._received = rest[length:]
        method, target, _ = first.split(" ")
        address = urlsplit(target)
        query = dict(parse_qsl(address.query, keep_blank_values=True))
        return Request(method, address.path, query, headers, rest[:length])


def _written(response: Response) -> bytes:
    payload = response.payload()
    lines = [f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in response.headers.items()]
    lines.append(f"date: {format_datetime(utc_now(), usegmt=True)}")
    if payload:
        lines.append("content-type: application/json; charset=utf-8")
    if response.status != HTTPStatus.NO_CONTENT:
        lines.append(f"content-length: {len(payload)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + payload
