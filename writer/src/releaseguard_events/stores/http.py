"""One request at a time over HTTP/1.1 with verified TLS, using the standard library only, and with a time limit on
every request.

``http.client`` limits each silence but not the whole request, and puts TLS over sockets only. Here every read and write
has what is left of the request's own time, and TLS goes over anything, including a proxy's TLS. A proxy is used where
the configuration names one; the environment's are ignored.
"""

from __future__ import annotations

import base64
import http.client
import io
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar
from urllib.parse import unquote

from releaseguard_events.errors import Unreachable
from releaseguard_events.places import urls
from releaseguard_events.places.encryption import system_certificates
from releaseguard_events.places.forms import readable
from releaseguard_events.places.hosts import Place

CHUNK: Final = 65536
LARGEST: Final = 2**20
"""The most bytes of an answer that are read, enough for an error's message."""
KEPT: Final = 5.0
"""Seconds for which an idle connection is kept; servers close older ones."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. ``headers`` has lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class _Stream(Protocol):
    def sendall(self, data: bytes) -> None: ...

    def receive(self, size: int) -> bytes: ...

    def close(self) -> None: ...


class _Tcp:
    """A connection of which every operation ends at ``deadline``."""

    def __init__(self, host: str, port: int, deadline: float) -> None:
        self.deadline = deadline
        self._socket = self._connected(host, port)

    def _connected(self, host: str, port: int) -> socket.socket:
        """A connection to the first address that accepts one, with one limit for all addresses; the standard library
        gives each the whole limit."""
        failure: OSError = OSError("the host has no address")
        for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            tried = socket.socket(family, kind, protocol)
            try:
                tried.settimeout(self._left())
                tried.connect(address)
                tried.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError as error:
                tried.close()
                failure = error
            else:
                return tried
        raise failure

    def _left(self) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("no time is left")
        return left

    def sendall(self, data: bytes) -> None:
        self._socket.settimeout(self._left())
        self._socket.sendall(data)

    def receive(self, size: int) -> bytes:
        self._socket.settimeout(self._left())
        return self._socket.recv(size)

    def close(self) -> None:
        self._socket.close()


class _Tls:
    """TLS over another stream, which may be TLS itself."""

    def __init__(self, below: _Stream, host: str) -> None:
        self._below = below
        self._came, self._goes = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = _verifying().wrap_bio(self._came, self._goes, server_hostname=host)
        self._through(self._tls.do_handshake)

    def sendall(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            left = left[self._through(lambda: self._tls.write(left)) :]  # noqa: B023 - called at once

    def receive(self, size: int) -> bytes:
        try:
            return self._through(lambda: self._tls.read(size))
        except ssl.SSLZeroReturnError:
            return b""

    def close(self) -> None:
        self._below.close()

    def _through(self, act: Callable[[], T]) -> T:
        while True:
            try:
                done = act()
            except ssl.SSLWantReadError:
                self._send_what_goes()
                if came := self._below.receive(CHUNK):
                    self._came.write(came)
                else:
                    self._came.write_eof()
            else:
                self._send_what_goes()
                return done

    def _send_what_goes(self) -> None:
        if goes := self._goes.read():
            self._below.sendall(goes)


class _Raw(io.RawIOBase):
    """A stream as ``http.client`` reads it."""

    def __init__(self, stream: _Stream) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        came = self._stream.receive(len(buffer))
        buffer[: len(came)] = came
        return len(came)


class _Connection(http.client.HTTPConnection):
    """A connection over one of our streams."""

    def __init__(self, place: Place, tcp: _Tcp, stream: _Stream) -> None:
        super().__init__(place.host, place.port)
        self.tcp = tcp
        self.used = time.monotonic()
        self._stream = stream
        self.auto_open = 0
        self.sock = self  # what http.client asks of a socket: sendall, makefile, close

    def sendall(self, data: bytes) -> None:
        """Send all of the data."""
        self._stream.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        """The incoming data, for reading."""
        return io.BufferedReader(_Raw(self._stream))

    def close(self) -> None:
        """Does nothing: http.client closes the socket before it has read an answer after which the server closes the
        connection."""

    def hang_up(self) -> None:
        """Close the connection."""
        self._stream.close()


class HttpLink:
    """Requests to one address, over one connection that is kept for the next. For one thread at a time.

    ``timeout`` is in seconds, for a request as a whole. Raises ``SafeModeRefusal`` for an address that is ambiguous or
    not a web address, or ``http://`` beyond this machine.
    """

    def __init__(self, base_url: str, *, timeout: float, proxy: str | None = None) -> None:
        self.place = readable(base_url, "[events] url")
        self._path = urls.split(base_url).path.rstrip("/")
        self._timeout = timeout
        self._proxy = None if proxy is None or self.place.is_loopback else proxy
        self._connection: _Connection | None = None

    def post(self, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """The answer to one request, which may be sent twice. Raises ``Unreachable`` where no answer comes in time."""
        return self._asked("POST", path, headers, body)

    def get(self, path: str, headers: Mapping[str, str]) -> Answer:
        """The answer to one request. Raises ``Unreachable`` where no answer comes in time."""
        return self._asked("GET", path, headers, None)

    def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.hang_up()

    def _asked(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        deadline = time.monotonic() + self._timeout
        try:
            if (kept := self._kept(deadline)) is not None:
                with suppress(ConnectionError, http.client.HTTPException, ssl.SSLError):  # hung up meanwhile
                    return self._exchanged(kept, method, path, headers, body)
            return self._exchanged(self._connected(deadline), method, path, headers, body)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            what = f"{method} {path.partition('?')[0]}: {_words(error)}"
            raise Unreachable(what, where=self.place.host, next_step="See whether it can be reached.") from None

    def _kept(self, deadline: float) -> _Connection | None:
        kept = self._connection
        if kept is None or time.monotonic() - kept.used > KEPT:
            self.close()
            return None
        kept.tcp.deadline = deadline
        return kept

    def _exchanged(
        self, connection: _Connection, method: str, path: str, headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        self._connection = connection
        try:
            connection.request(method, self._path + path, body, dict(headers))
            reply = connection.getresponse()
            answer = Answer(
                reply.status, {name.lower(): text for name, text in reply.getheaders()}, reply.read(LARGEST)
            )
        except BaseException:
            self.close()
            raise
        connection.used = time.monotonic()
        if reply.will_close or not reply.isclosed():
            self.close()
        return answer

    def _connected(self, deadline: float) -> _Connection:
        place = self.place
        via = None if self._proxy is None else readable_proxy(self._proxy)
        first = via or place
        tcp = _Tcp(first.host, first.port, deadline)
        try:
            stream: _Stream = tcp
            if via is not None and self._proxy is not None:
                stream = _Tls(tcp, via.host) if via.scheme == "https" else tcp
                _tunnel(stream, place, self._proxy)
            if place.scheme == "https":
                stream = _Tls(stream, place.host)
            return _Connection(place, tcp, stream)
        except BaseException:
            tcp.close()
            raise


def readable_proxy(proxy: str) -> Place:
    """The address of a proxy; ``http://`` is allowed, since what goes through it has TLS of its own."""
    parts = urls.split(proxy)
    return Place(parts.scheme, parts.host, parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0))


def _tunnel(stream: _Stream, place: Place, proxy: str) -> None:
    """Ask the proxy to connect to ``place`` (https://www.rfc-editor.org/rfc/rfc9110#section-9.3.6)."""
    host = f"[{place.host}]" if ":" in place.host else place.host
    lines = [f"CONNECT {host}:{place.port} HTTP/1.1", f"Host: {host}:{place.port}"]
    parts = urls.split(proxy)
    if parts.has_credentials:
        told = f"{unquote(parts.user)}:{unquote(parts.password)}".encode()
        lines.append(f"Proxy-Authorization: Basic {base64.b64encode(told).decode()}")
    stream.sendall("\r\n".join([*lines, "", ""]).encode("ascii"))
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        came = stream.receive(1)  # what follows the head is the tunnel's
        if not came or len(head) > CHUNK:
            raise http.client.BadStatusLine("the proxy's answer is none")
        head += came
    status = head.split(None, 2)[1:2]
    if not status or not status[0].startswith(b"2"):
        raise OSError("the proxy does not connect")


def _verifying() -> ssl.SSLContext:
    """A context with the system's certificates. Unlike ``ssl.create_default_context`` it ignores ``SSLKEYLOGFILE`` in
    the environment, which would write the keys to everything sent into a file."""
    import os

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_default_certs()
    if not context.cert_store_stats()["x509_ca"]:
        context.load_verify_locations(system_certificates(os.environ))
    return context


def _words(error: Exception) -> str:
    """The error in our own words, since the standard library's exceptions may quote a header."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return "the service shows a certificate that this system does not trust"
    if isinstance(error, TimeoutError):
        return "the service did not answer in time"
    if isinstance(error, socket.gaierror):
        return "the host has no address"
    if isinstance(error, ConnectionRefusedError):
        return "the service could not be connected to"
    return f"the connection broke off ({type(error).__name__})"
