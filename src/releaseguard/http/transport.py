"""The network under :mod:`releaseguard.http`: verified TLS, no environment, and an end to every request.

httpcore, which is httpx without its models, bounds each silence but not the whole: a peer that sends one byte a
second is never late. Here every operation on the socket gets what is left of the request's own time
(:func:`ends_within`).
"""

from __future__ import annotations

import functools
import socket
import ssl
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import certifi
import httpcore
import httpx

from releaseguard.http.replies import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence


KEPT: Final = 5.0
"""Seconds that an idle connection is kept."""

FAILURES: Final = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
    httpx.DecodingError,
)
"""A request without a whole answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer, unpacked. ``headers`` has lower-case names; values given twice are joined by a comma."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class _ThisThread(threading.local):
    deadline: float | None = None


_this_thread = _ThisThread()


@contextmanager
def ends_within(seconds: float) -> Iterator[None]:
    """Bounds all network operations of this thread inside the block by ``seconds`` altogether."""
    _this_thread.deadline = time.monotonic() + seconds
    try:
        yield
    finally:
        _this_thread.deadline = None


def _left(timeout: float | None) -> float | None:
    deadline = _this_thread.deadline
    if deadline is None:
        return timeout
    left = deadline - time.monotonic()
    return max(0.001, left if timeout is None else min(left, timeout))  # 0 would mean "do not block"


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, _left(timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Backend(httpcore.SyncBackend):
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """One address after the other inside one limit; the standard library gives the whole limit to each."""
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in _addresses(host, port):
            try:
                stream = super().connect_tcp(address, port, _left(timeout), local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as exc:
                failure = exc
            else:
                return _Stream(stream)
        raise failure


def _addresses(host: str, port: int) -> Iterator[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as exc:
        raise httpcore.ConnectError(str(exc)) from exc
    for *_, address in found:
        yield socket.getnameinfo(address, socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)[0]  # with IPv6 scope


class _Line:
    """One connection to one host, opened anew where it has ended, whose sockets end with the request."""

    def __init__(self, origin: httpcore.Origin, proxy: str | None) -> None:
        self._origin = origin
        self._options: dict[str, Any] = {
            "ssl_context": verified_tls(),
            "keepalive_expiry": KEPT,
            "network_backend": _Backend(),
        }
        self._way: httpcore.HTTPConnection | httpcore.HTTPProxy | None = None
        if proxy is not None:
            told = httpx.Proxy(proxy)
            self._way = httpcore.HTTPProxy(
                str(told.url), proxy_auth=told.raw_auth, max_connections=1, max_keepalive_connections=1, **self._options
            )

    def handle_request(self, request: httpcore.Request) -> httpcore.Response:
        return self._usable().handle_request(request)

    def close(self) -> None:
        if self._way is not None:
            self._way.close()

    def _usable(self) -> httpcore.HTTPConnection | httpcore.HTTPProxy:
        way = self._way
        if isinstance(way, httpcore.HTTPProxy):
            return way  # a pool, which looks after its connection itself
        if way is not None and way.is_available() and not way.has_expired():
            return way
        if way is not None:
            way.close()
        self._way = httpcore.HTTPConnection(self._origin, **self._options)
        return self._way


class Transport:
    """As many connections to one host as requests are under way, kept for the next ones.

    httpcore's own pool looks at every connection for every request, all threads waiting: with fifty connections
    that takes longer than many an answer. Here a request takes a free connection and gives it back. What
    ``httpx.Client`` adds to that (redirects, cookies, credentials, models of everything) is not wanted, and costs
    more than the rest of a request.
    """

    def __init__(self, base_url: str, *, proxy: str | None = None) -> None:
        self._base = httpx.URL(base_url)
        self._origin = self._url("/").origin
        self._host = (b"host", self._base.netloc)
        self._proxy = proxy
        self._free: list[_Line] = []
        self._all: list[_Line] = []
        self._lock = threading.Lock()

    def exchange(
        self, method: str, target: str, headers: Sequence[tuple[bytes, bytes]], content: bytes | None, timeout: float
    ) -> Answer:
        """The whole answer to one request. ``target`` is path and query, quoted; to ``headers`` only the host is added.

        Raises one of :data:`FAILURES`.
        """
        request = httpcore.Request(
            method,
            self._url(target),
            headers=[self._host, *headers],
            content=content,
            extensions={"timeout": dict.fromkeys(("connect", "read", "write", "pool"), timeout)},
        )
        line = self._taken()
        try:
            with ends_within(timeout):
                return _answer(line.handle_request(request))
        finally:
            self._free.append(line)

    def close(self) -> None:
        """Closes every connection. A later request opens new ones."""
        with self._lock:
            lines, self._all, self._free = self._all, [], []
        for line in lines:
            line.close()

    def _url(self, target: str) -> httpcore.URL:
        base = self._base
        return httpcore.URL(scheme=base.raw_scheme, host=base.raw_host, port=base.port, target=target.encode("ascii"))

    def _taken(self) -> _Line:
        with self._lock:
            if self._free:
                return self._free.pop()  # the last one used: the others may run out
            self._all.append(_Line(self._origin, self._proxy))
            return self._all[-1]


def _answer(response: httpcore.Response) -> Answer:
    try:
        body = response.read()
    finally:
        response.close()
    headers: dict[str, str] = {}
    for raw_name, raw_value in response.headers:
        name, value = raw_name.decode("ascii").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    if "content-encoding" in headers:
        body = httpx.Response(response.status, headers=response.headers, content=body).content
    return Answer(response.status, headers, body)


@functools.cache
def verified_tls() -> ssl.SSLContext:
    """The system's certificates and certifi's. Unlike ``ssl.create_default_context`` it leaves the environment's
    ``SSLKEYLOGFILE`` alone, which would write the keys to everything sent into a file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_default_certs()
    context.load_verify_locations(certifi.where())
    return context


def fault_of(exc: Exception) -> Fault:
    """Which of our few kinds one of :data:`FAILURES` is."""
    if isinstance(exc, httpcore.ConnectTimeout):
        return Fault.CONNECT_SILENT
    if isinstance(exc, httpcore.ConnectError):
        behind: BaseException | None = exc
        while behind is not None:
            if isinstance(behind, ssl.SSLCertVerificationError):
                return Fault.BAD_CERTIFICATE
            behind = behind.__cause__ or behind.__context__
    if isinstance(exc, httpcore.ConnectError | httpcore.PoolTimeout | httpcore.ProxyError):
        return Fault.NOT_CONNECTED
    return Fault.SILENT if isinstance(exc, httpcore.TimeoutException) else Fault.BROKEN_OFF
