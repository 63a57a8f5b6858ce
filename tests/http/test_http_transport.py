"""What comes back over one connection, byte by byte; TLS; the way through a proxy."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from releaseguard.http import transport
from releaseguard.http.replies import Fault
from releaseguard.http.transport import Transport, exchanged, fault_of
from releaseguard.model import utc_now

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
CUT = b""
"""In a list of pieces: the connection ends here."""


class Peer:
    """Plays ``answers``, one for each request that comes in, whatever it says; each is sent piece by piece."""

    def __init__(self, answers: Sequence[Sequence[bytes]], tls: ssl.SSLContext | None = None) -> None:
        self.heads: list[bytes] = []
        self.connections = 0
        self._answers = list(answers)
        self._tls = tls
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
            try:
                self.speak(line)
            except OSError:
                pass
            finally:
                line.close()

    def speak(self, line: socket.socket) -> None:
        if self._tls:
            line = self._tls.wrap_socket(line, server_side=True)
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


@pytest.fixture
def client() -> Iterator[Transport]:
    made = Transport()
    yield made
    made.close()


def get(client: Transport, url: str, method: str = "GET", headers: dict[str, str] | None = None) -> httpx2.Response:
    timeout = {"timeout": dict.fromkeys(("connect", "read", "write", "pool"), 5.0)}
    return exchanged(client, httpx2.Request(method, url, headers=headers, extensions=timeout))


CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
ZIPPED = gzip.compress(b"ok")


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([OK], id="at once"),
        pytest.param([bytes([one]) for one in OK], id="a byte at a time"),
        pytest.param([bytes([one]) for one in CHUNKED], id="in chunks"),
        pytest.param([b"HTTP/1.1 200 OK\r\n\r\no", b"k", CUT], id="of a length that only its end tells"),
        pytest.param([b"HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n", OK], id="after an interim answer"),
        pytest.param([b"HTTP/1.1 100 Continue\r\n\r\n" + OK], id="together with an interim answer"),
        pytest.param(
            [b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(ZIPPED), ZIPPED],
            id="compressed",
        ),
    ],
)
def test_an_answer_is_whole_however_it_comes(client: Transport, pieces: Sequence[bytes]) -> None:
    with peer(pieces) as served:
        answer = get(client, f"http://127.0.0.1:{served.port}/")
    assert (answer.status_code, answer.content) == (200, b"ok")
    assert "link" not in answer.headers


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([CUT], id="nothing"),
        pytest.param([b"HTTP/1.1 200 OK\r\ncontent-le", CUT], id="half a head"),
        pytest.param([b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok", CUT], id="half a body"),
        pytest.param([CHUNKED[:-5], CUT], id="chunks without an end"),
        pytest.param([b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\nok"], id="a length that is no number"),
        pytest.param([b"HTTP/1.1 103 Early Hints\r\n\r\n", CUT], id="an interim answer alone"),
        pytest.param([b"SSH-2.0-OpenSSH_9.6\r\n"], id="another protocol"),
        pytest.param(
            [b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n"],
            id="a change of protocol",
        ),
        pytest.param([b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\nok"], id="no gzip"),
    ],
)
def test_what_is_no_whole_answer_is_a_connection_broken_off(client: Transport, pieces: Sequence[bytes]) -> None:
    with peer(pieces) as served, pytest.raises(httpx2.HTTPError) as caught:
        get(client, f"http://127.0.0.1:{served.port}/")
    assert fault_of(caught.value) is Fault.BROKEN_OFF


@pytest.mark.parametrize(
    ("pieces", "connections"),
    [
        pytest.param([OK], 1, id="of a stated length"),
        pytest.param([CHUNKED], 1, id="in chunks"),
        pytest.param([b"HTTP/1.1 204 No Content\r\n\r\n"], 1, id="without a body"),
        pytest.param([OK.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")], 2, id="said to be the last"),
        pytest.param([OK.replace(b"1.1", b"1.0")], 2, id="of HTTP/1.0"),
        pytest.param([OK + OK.replace(b"ok", b"NO")], 2, id="with another nobody asked for"),
        pytest.param([OK + b"rubbish"], 2, id="with rubbish behind it"),
    ],
)
def test_a_connection_is_used_again_only_where_the_next_answer_is_the_next_requests(
    client: Transport, pieces: Sequence[bytes], connections: int
) -> None:
    with peer(pieces) as served:
        url = f"http://127.0.0.1:{served.port}/"
        get(client, url)
        assert get(client, url).content == b"ok"
        client.close()
    assert served.connections == connections


def test_the_answer_to_a_head_request_has_no_body(client: Transport) -> None:
    with peer([b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n"]) as served:
        answer = get(client, f"http://127.0.0.1:{served.port}/", "HEAD")
    assert (answer.status_code, answer.content) == (200, b"")


def test_a_header_cannot_begin_another_one(client: Transport) -> None:
    with peer() as served, pytest.raises(httpx2.LocalProtocolError) as caught:
        get(client, f"http://127.0.0.1:{served.port}/", headers={"x-token": "abc\r\nx-evil: 1"})
    assert "abc" not in str(caught.value)
    assert served.heads == []


# --- TLS ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and the certificate that it gave itself for ``localhost``."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(utc_now() - timedelta(days=1))
        .not_valid_after(utc_now() + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    path.write_bytes(private + made.public_bytes(pem))
    return path


@pytest.fixture
def server_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl.create_default_context(cafile=str(certificate))
    monkeypatch.setattr(transport, "verified_tls", lambda: context)


@pytest.mark.usefixtures("trusted")
def test_requests_over_tls_share_a_connection_too(client: Transport, server_tls: ssl.SSLContext) -> None:
    with peer(tls=server_tls) as served:
        url = f"https://localhost:{served.port}/"
        assert [get(client, url).content for _ in range(3)] == [b"ok"] * 3
        client.close()
    assert served.connections == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_certificate_of_nobody_or_of_another_name_is_refused_before_anything_is_sent(
    client: Transport, server_tls: ssl.SSLContext, host: str, request: pytest.FixtureRequest
) -> None:
    if host == "127.0.0.1":
        request.getfixturevalue("trusted")  # and made out to localhost
    with peer(tls=server_tls) as served, pytest.raises(httpx2.ConnectError) as caught:
        get(client, f"https://{host}:{served.port}/")
    assert fault_of(caught.value) is Fault.BAD_CERTIFICATE
    assert served.heads == []


# --- The way through a proxy ---------------------------------------------------------------------------


OPENED = b"HTTP/1.1 200 Connection established\r\n\r\n"


class Proxy(Peer):
    """Answers CONNECT as told, which is that it has, and joins the two ends."""

    def speak(self, line: socket.socket) -> None:
        self.answer(line)
        target = self.heads[-1].split()[1].decode()
        host, _, port = target.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=10) as far:
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


@pytest.mark.usefixtures("trusted")
def test_a_proxy_sees_the_target_and_its_own_credentials_and_nothing_else(server_tls: ssl.SSLContext) -> None:
    proxy = Proxy([[OPENED]])
    client = Transport(proxy=f"http://me:word@127.0.0.1:{proxy.port}")
    try:
        with peer(tls=server_tls) as served:
            url = f"https://localhost:{served.port}/"
            headers = {"authorization": "Bearer of the service"}
            assert [get(client, url, headers=headers).content for _ in range(2)] == [b"ok"] * 2
            client.close()
    finally:
        proxy.close()
    assert proxy.heads == [
        f"CONNECT localhost:{served.port} HTTP/1.1\r\nHost: localhost:{served.port}\r\n"
        "Proxy-Authorization: Basic bWU6d29yZA==\r\n\r\n".encode()
    ]
    assert all(b"Proxy-Authorization" not in head and b"word" not in head for head in served.heads)


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        ([b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n"], Fault.NOT_CONNECTED),
        ([CUT], Fault.BROKEN_OFF),
    ],
)
def test_a_proxy_that_does_not_connect_is_sent_nothing_more(answer: Sequence[bytes], fault: Fault) -> None:
    with peer(answer) as proxy:
        client = Transport(proxy=f"http://127.0.0.1:{proxy.port}")
        with pytest.raises(httpx2.HTTPError) as caught:
            get(client, "https://api.github.com/", headers={"authorization": "Bearer of the service"})
        client.close()
    assert fault_of(caught.value) is fault
    assert len(proxy.heads) == 1
    assert b"Bearer" not in proxy.heads[0]


def test_a_peer_that_takes_the_connection_and_says_nothing_is_silent(client: Transport) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        pytest.raises(httpx2.TimeoutException) as caught,
        transport.ends_within(0.05),
    ):
        get(client, f"http://127.0.0.1:{listener.getsockname()[1]}/")
    assert fault_of(caught.value) is Fault.SILENT
