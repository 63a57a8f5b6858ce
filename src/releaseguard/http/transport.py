"""The network under :mod:`releaseguard.http`: verified TLS, no environment, and an end to every request.

httpx bounds each silence but not the whole: a peer that sends one byte a second is never late. Here every
operation on the socket gets what is left of the request's own time (:func:`ends_within`).
"""

from __future__ import annotations

import functools
import socket
import ssl
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import certifi
import httpcore
import httpx

from releaseguard.http.replies import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


class _ThisThread(threading.local):
    deadline: float | None = None
    guard: Callable[[], None] | None = None


_this_thread = _ThisThread()
_sending = threading.RLock()
"""Held from asking the guard to handing a request to the system: a process that is stopped there and wakes up after
its lease has at most this one under way, however many threads it has. A guard may itself send (a renewal)."""


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


class _Stream(httpcore.NetworkStream):
    """Sends a whole request, head and body, at once: when its answer is asked for."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream
        self._unsent = bytearray()

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._unsent:
            with suppress(httpcore.WriteError):  # a server may have answered before it took everything
                self._send(timeout)
        return self._stream.read(max_bytes, _left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        del timeout  # nothing is sent yet: the read that follows has the same limit
        self._unsent += buffer

    def _send(self, timeout: float | None) -> None:
        whole, self._unsent = bytes(self._unsent), bytearray()
        guard = _this_thread.guard
        if guard is None:
            self._stream.write(whole, _left(timeout))
            return
        with _sending:
            guard()
            self._stream.write(whole, _left(timeout))

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


class _Lines(httpcore.ConnectionPool):
    """As many connections as requests are under way, kept for the next ones.

    httpcore's own pool looks at every connection for every request, all threads waiting: with fifty connections
    that takes longer than many an answer. Here a request takes an idle connection, reads its whole answer and gives
    it back. Lists and sets need no lock for one change at a time.
    """

    def __init__(self, proxy: str | None) -> None:
        told = httpx.Proxy(proxy) if proxy is not None else None
        super().__init__(
            ssl_context=verified_tls(),
            proxy=httpcore.Proxy(str(told.url), told.raw_auth) if told is not None else None,
            keepalive_expiry=5.0,
            network_backend=_Backend(),
        )
        self._idle: list[httpcore.ConnectionInterface] = []
        self._all: set[httpcore.ConnectionInterface] = set()

    def handle_request(self, request: httpcore.Request) -> httpcore.Response:
        connection = self._taken(request.url.origin)
        try:
            response = connection.handle_request(request)
            body = response.read()
            response.close()
        finally:
            self._idle.append(connection)
        response.stream = [body]
        return response

    def close(self) -> None:
        for connection in list(self._all):
            self._drop(connection)

    def _taken(self, origin: httpcore.Origin) -> httpcore.ConnectionInterface:
        with suppress(IndexError):
            while True:
                connection = self._idle.pop()  # the last one used: the others may run out
                if _is_good(connection, origin):
                    return connection
                self._drop(connection)
        connection = self.create_connection(origin)
        self._all.add(connection)
        return connection

    def _drop(self, connection: httpcore.ConnectionInterface) -> None:
        self._all.discard(connection)
        connection.close()


def _is_good(connection: httpcore.ConnectionInterface, origin: httpcore.Origin) -> bool:
    """Whether one more request may use it: not closed, not kept for too long, not hung up at the other end."""
    return connection.can_handle_request(origin) and connection.is_available() and not connection.has_expired()


class Transport(httpx.HTTPTransport):
    """httpx's own transport over connections that end with the request (:class:`_Lines`)."""

    def __init__(self, *, proxy: str | None = None) -> None:
        super().__init__(verify=verified_tls(), trust_env=False)
        self._pool = _Lines(proxy)


def exchanged(transport: httpx.BaseTransport, request: httpx.Request) -> httpx.Response:
    """The whole answer to one request, without what ``httpx.Client`` adds: redirects, cookies, credentials."""
    response = transport.handle_request(request)
    try:
        response.read()
    finally:
        response.close()
    return response


@functools.lru_cache(maxsize=1024)
def address(url: str) -> httpx.URL:
    """``url``, read: a run asks for the same ones again, and reading one is a seventh of a request's work."""
    return httpx.URL(url)


@functools.cache
def verified_tls() -> ssl.SSLContext:
    """The system's certificates and certifi's. Unlike ``ssl.create_default_context`` it leaves the environment's
    ``SSLKEYLOGFILE`` alone, which would write the keys to everything sent into a file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_default_certs()
    context.load_verify_locations(certifi.where())
    return context


def fault_of(exc: httpx.HTTPError) -> Fault:
    """Which of our few kinds an exception of httpx is."""
    if isinstance(exc, httpx.ConnectTimeout):
        return Fault.CONNECT_SILENT
    if isinstance(exc, httpx.ConnectError):
        behind: BaseException | None = exc
        while behind is not None:
            if isinstance(behind, ssl.SSLCertVerificationError):
                return Fault.BAD_CERTIFICATE
            behind = behind.__cause__ or behind.__context__
    if isinstance(exc, httpx.ConnectError | httpx.PoolTimeout | httpx.ProxyError):
        return Fault.NOT_CONNECTED
    return Fault.SILENT if isinstance(exc, httpx.TimeoutException) else Fault.BROKEN_OFF
