"""A service on loopback that misbehaves on order, and a clock that only moves when somebody waits."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from releaseguard.clocks import Clocks
from releaseguard.http import Authorization, ServiceClient

START = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)


class FakeClock:
    """Monotonic clock, wall clock and sleep in one: time passes by sleeping only."""

    def __init__(self) -> None:
        self.now = 0.0
        self._lock = threading.Lock()

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.now += seconds

    def wall(self) -> datetime:
        return START + timedelta(seconds=self.now)


@dataclass(frozen=True)
class Answer:
    """A whole answer."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b'{"ok": true}'


RESET, HALF, SILENCE, DRIP, HANG_UP = "reset", "half", "silence", "drip", "hang_up"
"""Methods of the handler."""


@dataclass
class Arrived:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float


class Service:
    """Follows its script, one step a request, then answers 200."""

    def __init__(self, clock: FakeClock) -> None:
        self.script: list[Answer | str] = []
        self.arrived: list[Arrived] = []
        self.over = threading.Event()
        self.clock = clock
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (_Handler,), {"service": self}))
        self._server.daemon_threads = False
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self.over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    """One connection's requests, each answered by the next step of the script."""

    service: Service
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes: the second would wait for an acknowledgement
    timeout = 10

    def log_message(self, *args: object) -> None:
        """Quiet."""

    def serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.service.arrived.append(Arrived(self.command, self.path, headers, body, self.service.clock()))
        step = self.service.script.pop(0) if self.service.script else Answer()
        with suppress(OSError):
            if isinstance(step, Answer):
                self.answer(step)
            else:
                self.close_connection = True
                steps = {
                    RESET: self.reset,
                    HALF: self.half,
                    SILENCE: self.silence,
                    DRIP: self.drip,
                    HANG_UP: self.hang_up,
                }
                steps[step]()

    do_GET = do_HEAD = do_PUT = do_DELETE = do_POST = do_PATCH = serve  # noqa: N815

    def answer(self, step: Answer) -> None:
        self.send_response(step.status)
        for name, value in {"content-length": str(len(step.body)), **step.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(step.body)

    def reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def half(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{")

    def hang_up(self) -> None:
        """A whole answer that does not say that it is the last one on this connection."""
        self.answer(Answer())

    def silence(self) -> None:
        self.service.over.wait(10)

    def drip(self) -> None:
        """A header that never ends, a byte at a time: no silence is ever long."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\nx-slow: ")
        while not self.service.over.wait(0.02):
            self.wfile.write(b"x")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def service(clock: FakeClock) -> Iterator[Service]:
    served = Service(clock)
    yield served
    served.close()


@pytest.fixture
def connect(service: Service, clock: FakeClock) -> Iterator[Callable[..., ServiceClient]]:
    """Makes clients of the service on the fake clock."""
    made: list[ServiceClient] = []

    def make(**options: Any) -> ServiceClient:
        chosen: dict[str, Any] = {
            "service": "github",
            "authorization": Authorization(help="RELEASEGUARD_GITHUB_TOKEN"),
            "base_url": service.url,
            "clocks": Clocks(clock, clock.sleep, clock.wall),
            **options,
        }
        made.append(ServiceClient(**chosen))
        return made[-1]

    yield make
    for client in made:
        client.close()
