"""The network under :mod:`releaseguard.http`: verified TLS, no environment, and an end to every request.

httpx2 bounds each silence but not the whole: a peer that sends one byte a second is never late. Here every
operation on the socket gets what is left of the request's own time (:func:`ends_within`).
"""

from __future__ import annotations

import base64
import functools
import os
import socket
import ssl
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import certifi
import httpcore2
import httptools
import httpx2

from releaseguard.http.replies import Fault, Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

CHUNK: Final = 65536
"""Bytes read at a time, at most."""
KEPT: Final = 5.0
"""Seconds for which an idle connection is kept; servers hang up on older ones."""
_PORTS: Final = {"http": 80, "https": 443}
_WITH_A_BODY: Final = {"POST", "PUT", "PATCH"}
_LENGTHS: Final = {b"content-length", b"transfer-encoding"}
_EMPTY: Final = {204, 304}
"""Answers without a body, whatever their head says (RFC 9112, section 6.3)."""


class _ThisThread(threading.local):
    deadline: float | None = None
    guard: Callable[[], None] | None = None


_this_thread = _ThisThread()
_sending = threading.RLock()
"""Held from asking the guard to handing a request to the system: a process that is stopped there and wakes up after
its lease has at most this one under way, however many threads it has. A guard may itself send (a renewal)."""


def _send_anew() -> None:
    """In a forked child: the parent's thread that was sending did not come along to let go of the lock."""
    global _sending  # noqa: PLW0603 - a lock cannot be let go of by another
    _sending = threading.RLock()


os.register_at_fork(after_in_child=_send_anew)


@contextmanager
def ends_within(seconds: float, guard: Callable[[], None] | None = None) -> Iterator[None]:
    """Bounds all network operations of this thread inside the block by ``seconds`` altogether.

    ``guard`` is asked right before the request is sent, and stops it by raising.
    """
    outer = _this_thread.deadline, _this_thread.guard  # of the request whose guard sends this one
    _this_thread.deadline, _this_thread.guard = time.monotonic() + seconds, guard
    try:
        yield
    finally:
        _this_thread.deadline, _this_thread.guard = outer


def _left(timeout: float | None) -> float | None:
    deadline = _this_thread.deadline
    if deadline is None:
        return timeout
    left = deadline - time.monotonic()
    return max(0.001, left if timeout is None else min(left, timeout))  # 0 would mean "do not block"


class _Backend(httpcore2.SyncBackend):
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        """One address after the other inside one limit; the standard library gives the whole limit to each."""
        failure: Exception = httpcore2.ConnectError(f"{host} has no address")
        for address in _addresses(host, port):
            try:
                return super().connect_tcp(address, port, _left(timeout), local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as exc:
                failure = exc
        raise failure


def _addresses(host: str, port: int) -> Iterator[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as exc:
        raise httpcore2.ConnectError(str(exc)) from exc
    for *_, address in found:
        yield socket.getnameinfo(address, socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)[0]  # with IPv6 scope


@dataclass(frozen=True, slots=True)
class _Route:
    """Where the requests to one origin go: straight there, or through ``proxy``."""

    scheme: str
    host: str
    port: int
    proxy: httpx2.Proxy | None = None

    def connected(self, timeout: float | None) -> httpcore2.NetworkStream:
        first = self if self.proxy is None else _Route.to(self.proxy.url)
        stream = _Backend().connect_tcp(first.host, first.port, timeout)
        try:
            stream = first._secured(stream, timeout)
            if self.proxy is not None:
                self._open_tunnel(stream, self.proxy, timeout)
                stream = self._secured(stream, timeout)
        except BaseException:
            stream.close()
            raise
        return stream

    @classmethod
    def to(cls, url: httpx2.URL, proxy: httpx2.Proxy | None = None) -> _Route:
        return cls(url.scheme, url.host, url.port or _PORTS[url.scheme], proxy)

    def _open_tunnel(self, stream: httpcore2.NetworkStream, proxy: httpx2.Proxy, timeout: float | None) -> None:
        """Has the proxy at the other end connect to the origin (RFC 9110, section 9.3.6)."""
        target = f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"
        head = [f"CONNECT {target} HTTP/1.1".encode(), f"Host: {target}".encode()]
        if proxy.raw_auth is not None:
            head.append(b"Proxy-Authorization: Basic " + base64.b64encode(b":".join(proxy.raw_auth)))
        stream.write(_joined(head), _left(timeout))
        answer = _Incoming()
        while not answer.has_head:
            answer.feed(stream.read(CHUNK, _left(timeout)))
        if not 200 <= answer.status < 300:
            raise httpcore2.ProxyError(f"the proxy answered {answer.status}")

    def _secured(self, stream: httpcore2.NetworkStream, timeout: float | None) -> httpcore2.NetworkStream:
        return stream.start_tls(verified_tls(), self.host, _left(timeout)) if self.scheme == "https" else stream


class _Incoming:
    """One response as llhttp reads it (``httptools`` calls the ``on_`` methods)."""

    def __init__(self, *, bodiless: bool = False) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._bodiless = bodiless
        """To HEAD: the length that it states is another answer's."""
        self._body: list[bytes] = []
        self._keeps = False
        self._says_its_length = False
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.has_head = False
        self.is_whole = False
        self.has_more = False
        """Whether something came after it, which nobody has asked for."""

    def feed(self, data: bytes) -> None:
        """``data`` as it came in; nothing means that the other end has hung up.

        Raises ``httpcore2.RemoteProtocolError`` for what is no HTTP, and for an answer that ends too early.
        """
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as exc:
            if not self.is_whole:
                raise httpcore2.RemoteProtocolError(str(exc)) from None
            self.has_more = True
        if not data:
            if not self.has_head or self._says_its_length:
                raise httpcore2.RemoteProtocolError("the connection ended before the answer")
            self.is_whole = True

    @property
    def body(self) -> bytes:
        return b"".join(self._body)

    @property
    def leaves_open(self) -> bool:
        """Whether the connection may carry another request."""
        stays = self._keeps and self._says_its_length and not self._bodiless
        return self.is_whole and stays and not self.has_more

    def on_message_begin(self) -> None:
        self.has_more = self.is_whole

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.is_whole:
            self.headers.append((name, value))
            self._says_its_length |= name.lower() in _LENGTHS

    def on_headers_complete(self) -> None:
        if not self.is_whole:
            self.status = self._parser.get_status_code()
            self.has_head = self.status >= 200
            self._says_its_length |= self.status in _EMPTY
            self.is_whole = self.has_head and self._bodiless
            self._keeps = self._parser.should_keep_alive()

    def on_body(self, data: bytes) -> None:
        if not self.is_whole:
            self._body.append(data)

    def on_message_complete(self) -> None:
        if self.has_head:
            self.is_whole = True
        else:  # an interim answer (1xx): the answer itself follows
            self.headers.clear()
            self._says_its_length = False


class _Line:
    """One connection, and when it was last used."""

    def __init__(self, route: _Route, timeout: float | None) -> None:
        self.route = route
        self._stream = route.connected(timeout)
        self._used = time.monotonic()

    @property
    def is_good(self) -> bool:
        """Whether one more request may use it: not kept for too long, and silent. A readable idle connection was hung
        up at the other end, or holds what nobody asked for."""
        return time.monotonic() - self._used < KEPT and not self._stream.get_extra_info("is_readable")

    def exchange(self, request: bytes, answer: _Incoming, timeout: float | None) -> None:
        """Sends ``request`` and reads into ``answer`` until that is whole."""
        with suppress(httpcore2.WriteError):  # a server may have answered before it took everything
            self._send(request, timeout)
        while not answer.is_whole:
            answer.feed(self._stream.read(CHUNK, _left(timeout)))
        self._used = time.monotonic()

    def _send(self, request: bytes, timeout: float | None) -> None:
        guard = _this_thread.guard
        if guard is None:
            self._stream.write(request, _left(timeout))
            return
        with _sending:
            guard()
            self._stream.write(request, _left(timeout))

    def close(self) -> None:
        self._stream.close()


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One request as it is sent."""

    method: str
    url: httpx2.URL
    headers: Mapping[str, str] = field(repr=False)
    """Without the host and the length, which follow from the rest."""
    content: bytes | None = field(default=None, repr=False)
    timeout: float | None = None
    """Seconds for connecting, and for each silence."""
    where: str = ""
    """Host and path, for messages."""


class Transport:
    """HTTP/1.1 over as many connections as requests are under way, kept for the next ones.

    httpx2's own transport takes longer over a request than many a service, and looks at every connection for each,
    all threads waiting. Here a request takes an idle connection, reads its whole answer and gives it back; head and
    body are sent at once. httpx2's own requests and answers are not made either: of fifty that are under way at once
    they take a fifth of the processor's time. Lists and sets need no lock for one change at a time. ``proxy`` is the
    address of one that tunnels.
    """

    def __init__(self, *, proxy: str | None = None) -> None:
        self._proxy = httpx2.Proxy(proxy) if proxy is not None else None
        self._idle: list[_Line] = []
        self._all: set[_Line] = set()

    def answer_to(self, request: Outgoing) -> Reply:
        """The whole answer. Raises ``httpx2.HTTPError`` and what the guard raises."""
        answer = _Incoming(bodiless=request.method == "HEAD")
        with _httpx2_errors():
            self._exchange(_Route.to(request.url, self._proxy), _written(request), answer, request.timeout)
        return reply_of(answer.status, answer.headers, answer.body, request.where)

    def close(self) -> None:
        """Hangs up."""
        for line in list(self._all):
            self._drop(line)

    def _exchange(self, route: _Route, request: bytes, answer: _Incoming, timeout: float | None) -> None:
        line = self._taken(route, timeout)
        try:
            line.exchange(request, answer, timeout)
        finally:
            if answer.leaves_open:
                self._idle.append(line)
            else:
                self._drop(line)

    def _taken(self, route: _Route, timeout: float | None) -> _Line:
        with suppress(IndexError):
            while True:
                line = self._idle.pop()  # the last one used: the others may run out
                if line.route == route and line.is_good:
                    return line
                self._drop(line)
        line = _Line(route, timeout)
        self._all.add(line)
        return line

    def _drop(self, line: _Line) -> None:
        self._all.discard(line)
        line.close()


def _written(request: Outgoing) -> bytes:
    """Head and body (RFC 9112, section 3)."""
    lines = [b"%b %b HTTP/1.1" % (request.method.encode("ascii"), request.url.raw_path), b"Host: " + request.url.netloc]
    lines += [f"{name}: {value}".encode("ascii") for name, value in request.headers.items()]
    body = request.content or b""
    if body or request.method in _WITH_A_BODY:
        lines.append(b"content-length: %d" % len(body))
    return _joined(lines) + body


def reply_of(status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes, where: str) -> Reply:
    """An answer as it came in, its body unpacked. Raises ``httpx2.DecodingError``."""
    said: dict[str, str] = {}
    for name, value in headers:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        said[key] = f"{said[key]}, {text}" if key in said else text
    if "content-encoding" in said:
        body = httpx2.Response(status, headers=headers, stream=httpx2.ByteStream(body)).read()
    return Reply(status, said, body, where)


def _joined(lines: Sequence[bytes]) -> bytes:
    head = b"\r\n".join(lines)
    if any(head.count(end) != len(lines) - 1 for end in (b"\r", b"\n")) or b"\0" in head:
        raise httpx2.LocalProtocolError("a header holds a line break")
    return head + b"\r\n\r\n"


@contextmanager
def _httpx2_errors() -> Iterator[None]:
    """httpcore2's exceptions as httpx2's, which have the same names."""
    try:
        yield
    except (httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.ProxyError) as exc:
        raise getattr(httpx2, type(exc).__name__)(str(exc)) from exc


@functools.lru_cache(maxsize=1024)
def address(url: str) -> httpx2.URL:
    """``url``, read: a run asks for the same ones again, and reading one is a seventh of a request's work."""
    return httpx2.URL(url)


@functools.cache
def verified_tls() -> ssl.SSLContext:
    """The system's certificates and certifi's. Unlike ``ssl.create_default_context`` it leaves the environment's
    ``SSLKEYLOGFILE`` alone, which would write the keys to everything sent into a file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_default_certs()
    context.load_verify_locations(certifi.where())
    return context


def fault_of(exc: httpx2.HTTPError) -> Fault:
    """Which of our few kinds an exception of httpx2 is."""
    if isinstance(exc, httpx2.ConnectTimeout):
        return Fault.CONNECT_SILENT
    if isinstance(exc, httpx2.ConnectError):
        behind: BaseException | None = exc
        while behind is not None:
            if isinstance(behind, ssl.SSLCertVerificationError):
                return Fault.BAD_CERTIFICATE
            behind = behind.__cause__ or behind.__context__
    if isinstance(exc, httpx2.ConnectError | httpx2.PoolTimeout | httpx2.ProxyError):
        return Fault.NOT_CONNECTED
    return Fault.SILENT if isinstance(exc, httpx2.TimeoutException) else Fault.BROKEN_OFF
