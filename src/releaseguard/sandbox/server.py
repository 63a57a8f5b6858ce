"""What every stand-in has in common: real HTTP on loopback, a routing table, a journal, and faults on demand.

A stand-in is one class with its state in memory. Its handlers are methods marked with :func:`route`; they
take a :class:`Request` and return a :class:`Response`, one at a time under :attr:`StandIn.lock`, so that a
handler may read and write the state as if it were alone.
"""

from __future__ import annotations

import json
import re
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Self, TypeVar, cast
from urllib.parse import parse_qsl, unquote, urlsplit

from releaseguard.model import utc_now
from releaseguard.sandbox.faults import Fault, FaultKind

Clock = Callable[[], datetime]
JOURNAL_LENGTH = 50_000


@dataclass(frozen=True, slots=True)
class Request:
    """One request as a handler sees it: header names in lower case, path parts decoded."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    params: Mapping[str, str] = field(default_factory=dict)

    def json(self) -> Any:
        """The body as JSON. Raises ``ValueError`` where it is none."""
        return json.loads(self.body)

    @property
    def bearer(self) -> str | None:
        """The credential of the ``Authorization`` header, whichever scheme carries it."""
        scheme, _, credential = self.headers.get("authorization", "").partition(" ")
        return credential.strip() if scheme.lower() in {"bearer", "token"} and credential else None


@dataclass(slots=True)
class Response:
    """One answer. A ``None`` body is no body at all; bytes go out as they are, anything else as JSON."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)

    def payload(self) -> bytes:
        if self.body is None:
            return b""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


class Reject(Exception):
    """Raised by handlers to answer at once."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


class Drop(Exception):
    """Raised by a hook: close the connection without an answer (before the effect, or after it)."""


@dataclass(slots=True, eq=False)
class Recorded:
    """One line of the journal."""

    number: int
    service: str
    method: str
    path: str
    query: Mapping[str, str]
    at: float
    """``time.monotonic()`` when the request had been read."""
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    status: int | None = None
    """What was answered; ``None`` where nothing was."""
    answer: Response | None = field(default=None, repr=False)
    ended: float | None = None
    too_early: bool = False
    """Sent although a ``retry-after`` of this stand-in was still running."""

    @property
    def writes(self) -> bool:
        return self.method != "GET"


Hook = Callable[[Recorded], None]
Handler = Callable[[Any, Request], Response]
_H = TypeVar("_H", bound=Callable[..., Response])


def route(method: str, path: str) -> Callable[[_H], _H]:
    """Marks a method as the handler of ``path``, in which ``{name}`` stands for one part (decoded)."""

    def mark(handler: _H) -> _H:
        marks: list[tuple[str, str]] = getattr(handler, "routes", [])
        handler.routes = [*marks, (method, path)]  # type: ignore[attr-defined]
        return handler

    return mark


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(path)) + r"/?")


@dataclass(slots=True)
class _Planned:
    """A fault that waits for its requests."""

    method: str
    path: re.Pattern[str]
    fault: Fault
    times: int

    def takes(self, request: Request) -> bool:
        return self.times > 0 and self.method in {"*", request.method} and bool(self.path.search(request.path))


class StandIn:
    """A service on loopback. Start it with :meth:`start` or as a context manager; ``url`` is its address."""

    name: ClassVar[str] = "stand-in"
    _routes: ClassVar[list[tuple[str, re.Pattern[str], Handler]]] = []

    def __init__(self, clock: Clock = utc_now) -> None:
        self.clock = clock
        self.lock = threading.RLock()
        self.requests: deque[Recorded] = deque(maxlen=JOURNAL_LENGTH)
        self.before: list[Hook] = []
        """Called with each request before it takes effect."""
        self.after: list[Hook] = []
        """Called after it took effect and before the answer leaves."""
        self.crashes: list[BaseException] = []
        """Mistakes of the stand-in itself; tests assert that there are none."""
        self.latency = 0.0
        """Seconds that every request takes at least."""
        self.most_at_once = 0
        self._at_once = 0
        self._planned: list[_Planned] = []
        self._blocked_until = 0.0
        self._released = threading.Event()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        self._port = 0

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls._routes = [
            (method, _pattern(path), member)
            for base in reversed(cls.__mro__)
            for member in vars(base).values()
            for method, path in getattr(member, "routes", ())
        ]

    # --- life ---------------------------------------------------------------------------------------------

    def start(self, port: int = 0) -> Self:
        """Serve in a thread of its own, on ``port`` or a free one (the same again after :meth:`stop`).

        Calling it while it runs changes nothing.
        """
        if self._server is not None:
            return self
        self._released.clear()
        self._server = _Server(("127.0.0.1", port or self._port), self)
        self._port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name=f"{self.name} stand-in")
        self._thread.start()
        return self

    def stop(self) -> None:
        """Close the port and every connection. Calling it twice is harmless."""
        if self._server is None or self._thread is None:
            return
        self._released.set()
        self._server.shutdown()
        self._thread.join()
        self._server.close_connections()
        self._server.server_close()
        self._server = self._thread = None

    @property
    def url(self) -> str:
        """The base address, without a slash at the end."""
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    # --- faults -------------------------------------------------------------------------------------------

    def fail_next(self, method: str, path_regex: str, fault: Fault, times: int = 1) -> None:
        """Let the next ``times`` requests with this method (``*`` is any) and path end with ``fault``."""
        with self.lock:
            self._planned.append(_Planned(method.upper(), re.compile(path_regex), fault, times))

    def heal(self) -> None:
        """Forget all planned faults and end every silence."""
        with self.lock:
            self._planned.clear()
        self.release()

    def release(self) -> None:
        """End every silence that is being kept: those connections close without an answer."""
        self._released.set()
        self._released = threading.Event()

    @property
    def violations(self) -> list[Recorded]:
        """Requests that came while a ``retry-after`` was running."""
        return [record for record in self.requests if record.too_early]

    # --- answering ----------------------------------------------------------------------------------------

    def authorize(self, request: Request) -> None:
        """Raise :class:`Reject` where the credential does not do. Overridden by the services."""

    def not_found(self, request: Request) -> Response:
        """The service's answer for a path that it does not have."""
        return Response(404, {"message": f"no route {request.method} {request.path}"})

    def unreadable(self, _request: Request) -> Response:
        """The service's answer for a body that is not the JSON it wants."""
        return Response(400, {"message": "the body is not what this call takes"})

    def headers(self, _request: Request) -> dict[str, str]:
        """Headers that go out with every answer."""
        return {}

    def limit(self, _request: Request) -> Response | None:
        """The refusal where the service's limit is used up. Overridden by the services."""
        return None

    def dispatch(self, request: Request) -> Response:
        """Find and run the handler; :class:`Reject` and unreadable bodies become answers."""
        with self.lock:
            try:
                response = self.limit(request) or self._handle(request)
            except Reject as rejection:
                response = rejection.response
            except (ValueError, KeyError):
                response = self.unreadable(request)
            response.headers = {**self.headers(request), **response.headers}
            return response

    def _handle(self, request: Request) -> Response:
        for method, pattern, handler in self._routes:
            found = pattern.fullmatch(request.path)
            if found and method == request.method:
                decoded = {key: unquote(value) for key, value in found.groupdict().items()}
                prepared = Request(request.method, request.path, request.query, request.headers, request.body, decoded)
                self.authorize(prepared)
                return handler(self, prepared)
        return self.not_found(request)

    def record(self, request: Request) -> Recorded:
        with self.lock:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            now = time.monotonic()
            record = Recorded(
                number=len(self.requests) + 1,
                service=self.name,
                method=request.method,
                path=request.path,
                query=request.query,
                at=now,
                headers=request.headers,
                body=request.body,
                too_early=now < self._blocked_until,
            )
            self.requests.append(record)
            return record

    def answered(self, record: Recorded, response: Response | None) -> None:
        """Write down how a request ended, before the client can see it: what it does next is another request."""
        with self.lock:
            self._at_once -= 1
            record.ended = time.monotonic()
            if response is None:
                return
            record.status, record.answer = response.status, response
            wait = response.headers.get("retry-after", "")
            if response.status in {403, 429} and wait.isdigit():
                self._blocked_until = record.ended + int(wait)

    def planned_fault(self, request: Request) -> Fault | None:
        with self.lock:
            for planned in self._planned:
                if planned.takes(request):
                    planned.times -= 1
                    return planned.fault
            return None

    def wait(self, seconds: float | None) -> None:
        """Sleep that :meth:`release` and :meth:`stop` end; ``None`` is until then."""
        self._released.wait(seconds)


class _Handler(BaseHTTPRequestHandler):
    """One connection: reads requests and sends what the stand-in (or a fault) says."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """The journal is the log."""

    def _serve(self) -> None:
        stand_in = self.server.stand_in
        request = self._read()
        record = stand_in.record(request)
        try:
            response, end = self._answer(stand_in, request, record)
        except Drop:
            response, end = None, FaultKind.SILENCE
        except Exception as mistake:  # noqa: BLE001 - a mistake of the stand-in is kept for the test that caused it
            stand_in.crashes.append(mistake)
            response, end = Response(500, {"message": f"the stand-in made a mistake: {mistake!r}"}), FaultKind.ANSWER
        stand_in.answered(record, response if end is FaultKind.ANSWER else None)
        self._end(response, end)

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

    def _answer(self, stand_in: StandIn, request: Request, record: Recorded) -> tuple[Response | None, FaultKind]:
        """The answer, and whether it goes out whole, in half, or not at all."""
        for hook in tuple(stand_in.before):
            hook(record)
        fault = stand_in.planned_fault(request)
        if stand_in.latency:
            stand_in.wait(stand_in.latency)
        response: Response | None = None
        if fault is None or fault.takes_effect:
            response = stand_in.dispatch(request)
            for hook in tuple(stand_in.after):
                hook(record)
        return self._failing(stand_in, fault, response) if fault else (response, FaultKind.ANSWER)

    def _failing(self, stand_in: StandIn, fault: Fault, response: Response | None) -> tuple[Response | None, FaultKind]:
        if fault.kind is FaultKind.ANSWER:
            return Response(fault.status, fault.body, dict(fault.headers)), FaultKind.ANSWER
        if fault.kind is FaultKind.SILENCE:
            stand_in.wait(None)
        if fault.kind is FaultKind.DELAY:
            stand_in.wait(fault.seconds)
            return response, FaultKind.ANSWER
        return response, fault.kind

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


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], stand_in: StandIn) -> None:
        self.stand_in = stand_in
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


def milliseconds(moment: datetime) -> int:
    """A time as Vercel writes it."""
    return int(moment.timestamp() * 1000)


def to_seconds(moment: datetime) -> str:
    """A time as GitHub writes it: whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def to_milliseconds(moment: datetime) -> str:
    """A time as Infisical writes it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
