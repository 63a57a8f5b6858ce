"""What every stand-in has in common: real HTTP on loopback, a routing table, a journal, and faults on demand.

A stand-in is one class with its state in memory. Its handlers are methods marked with :func:`route`; they
take a :class:`Request` and return a :class:`Response`, one at a time under :attr:`StandIn.lock`, so that a
handler may read and write the state as if it were alone.
"""

from __future__ import annotations

import re
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Self, TypeVar
from urllib.parse import unquote

from releaseguard.model import utc_now
from releaseguard.sandbox.serving.exchange import Clock, Drop, Recorded, Reject, Request, Response
from releaseguard.sandbox.serving.faults import FaultKind, InjectedFault
from releaseguard.sandbox.serving.server import Ending, LoopbackServer

JOURNAL_LENGTH = 50_000


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
    fault: InjectedFault
    times: int

    def takes(self, request: Request) -> bool:
        return self.times > 0 and self.method in {"*", request.method} and bool(self.path.search(request.path))


class StandIn:
    """A service on loopback. Start it with :meth:`start` or as a context manager; ``url`` is its address."""

    name: ClassVar[str] = "stand-in"
    _routes: ClassVar[list[tuple[str, re.Pattern[str], Handler]]] = []

    def __init__(self, clock: Clock = utc_now) -> None:
        self.clock = clock
        self.elapsed: Callable[[], float] = time.monotonic
        """What an order to wait is measured by, in seconds; whoever waits by another clock sets that here."""
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
        self._server: LoopbackServer | None = None
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

    def start(self, port: int = 0) -> Self:
        """Serve in a thread of its own, on ``port`` or a free one (the same again after :meth:`stop`).

        Calling it while it runs changes nothing.
        """
        if self._server is not None:
            return self
        self._released.clear()
        self._server = LoopbackServer(("127.0.0.1", port or self._port), self.answer)
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

    def fail_next(self, method: str, path_regex: str, fault: InjectedFault, times: int = 1) -> None:
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

    def answer(self, request: Request) -> Ending:
        """Carry a request out, planned faults included, and write it into the journal."""
        record = self.record(request)
        try:
            response, end = self._answer(request, record)
        except Drop:
            response, end = None, FaultKind.SILENCE
        except Exception as mistake:  # noqa: BLE001 - a mistake of the stand-in is kept for the test that caused it
            self.crashes.append(mistake)
            response, end = Response(500, {"message": f"the stand-in made a mistake: {mistake!r}"}), FaultKind.ANSWER
        self.answered(record, response if end is FaultKind.ANSWER else None)
        return response, end

    def _answer(self, request: Request, record: Recorded) -> Ending:
        """The answer, and whether it goes out whole, in half, or not at all."""
        for hook in tuple(self.before):
            hook(record)
        fault = self.planned_fault(request)
        if self.latency:
            self.wait(self.latency)
        response: Response | None = None
        if fault is None or fault.takes_effect:
            response = self.dispatch(request)
            for hook in tuple(self.after):
                hook(record)
        return self._failing(fault, response) if fault else (response, FaultKind.ANSWER)

    def _failing(self, fault: InjectedFault, response: Response | None) -> Ending:
        if fault.kind is FaultKind.ANSWER:
            return Response(fault.status, fault.body, dict(fault.headers)), FaultKind.ANSWER
        if fault.kind is FaultKind.SILENCE:
            self.wait(None)
        if fault.kind is FaultKind.DELAY:
            self.wait(fault.seconds)
            return response, FaultKind.ANSWER
        return response, fault.kind

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
        """Count a request as under way, and note when it came."""
        with self.lock:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            now = self.elapsed()
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
            record.ended = self.elapsed()
            if response is None:
                return
            record.status, record.answer = response.status, response
            wait = response.headers.get("retry-after", "")
            if response.status in {403, 429} and wait.isdigit():
                self._blocked_until = record.ended + int(wait)

    def planned_fault(self, request: Request) -> InjectedFault | None:
        with self.lock:
            for planned in self._planned:
                if planned.takes(request):
                    planned.times -= 1
                    return planned.fault
            return None

    def wait(self, seconds: float | None) -> None:
        """Sleep that :meth:`release` and :meth:`stop` end; ``None`` is until then."""
        self._released.wait(seconds)
