"""Peers on loopback that answer byte by byte: servers, with TLS or without, and proxies that tunnel."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from releaseguard.model import utc_now

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
CUT = b""
"""In a list of pieces: the connection ends here."""
OPENED = b"HTTP/1.1 200 Connection established\r\n\r\n"


class Peer:
    """Plays ``answers``, one for each request that comes in, whatever it says; each is sent piece by piece."""

    def __init__(self, answers: Sequence[Sequence[bytes]], tls: ssl.SSLContext | None = None) -> None:
        self.heads: list[bytes] = []
        self.connections = 0
        self._answers = list(answers)
        self._tls = tls
        self._line: socket.socket | None = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            line.settimeout(10)
            self._line = line
            try:
                self.speak(line)
            except OSError:
                pass
            finally:
                line.close()

    def speak(self, line: socket.socket) -> None:
        if self._tls:
            line = self._line = self._tls.wrap_socket(line, server_side=True)
        with line:
            while self.answer(line):
                """As long as requests come in."""

    def answer(self, line: socket.socket) -> bool:
        """Whether another request may follow."""
        head = read_head(line)
        if not head:
            return False
        self.heads.append(head)
        for piece in self._answers.pop(0) if self._answers else [OK]:
            if piece == CUT:
                return False
            line.sendall(piece)
        return True

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        if self._line is not None:
            with suppress(OSError):  # the other end has hung up
                self._line.shutdown(socket.SHUT_RDWR)
        self._thread.join()


def read_head(line: socket.socket) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        more = line.recv(1)
        if not more:
            return b""
        head += more
    return head


@contextmanager
def peer(*answers: Sequence[bytes], tls: ssl.SSLContext | None = None) -> Iterator[Peer]:
    served = Peer(answers, tls)
    try:
        yield served
    finally:
        served.close()


class Proxy(Peer):
    """Answers CONNECT as told, which is that it has, and joins the two ends."""

    leads_to: str | None = None
    """Where every target is, whatever its name."""

    def speak(self, line: socket.socket) -> None:
        if self._tls:
            line = self._tls.wrap_socket(line, server_side=True)
        with line:
            self.answer(line)
            target = self.heads[-1].split()[1].decode()
            host, _, port = target.rpartition(":")
            with socket.create_connection((self.leads_to or host, int(port)), timeout=10) as far:
                back = threading.Thread(target=pump, args=(far, line))
                back.start()
                pump(line, far)
                back.join()


def pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        """One of the two has hung up."""


def write_certificate(folder: Path, name: str = "localhost") -> Path:
    """A key and the certificate that it gave itself for ``name``, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(utc_now() - timedelta(days=1))
        .not_valid_after(utc_now() + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / f"{name}.pem"
    path.write_bytes(private + made.public_bytes(pem))
    return path
