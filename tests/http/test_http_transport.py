"""What comes back over one connection, byte by byte; TLS; the way through a proxy."""

from __future__ import annotations

import gzip
import socket
import ssl
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx2
import pytest

from releaseguard.http import transport
from releaseguard.http.replies import Fault, Reply
from releaseguard.http.transport import Outgoing, Transport, fault_of
from tests.support.peers import CUT, OK, OPENED, Proxy, peer, write_certificate


@pytest.fixture
def client() -> Iterator[Transport]:
    made = Transport()
    yield made
    made.close()


def get(client: Transport, url: str, method: str = "GET", headers: dict[str, str] | None = None) -> Reply:
    return client.answer_to(Outgoing(method, httpx2.URL(url), headers or {}, timeout=5.0))


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
    assert (answer.status, answer.body) == (200, b"ok")
    assert "link" not in answer.headers


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([CUT], id="nothing"),
        pytest.param([b"HTTP/1.1 200 OK\r\ncontent-le", CUT], id="half a head"),
        pytest.param([b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok", CUT], id="half a body"),
        pytest.param([CHUNKED[:-5], CUT], id="chunks without an end"),
        pytest.param([b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\nok"], id="a length that is not a number"),
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
        assert get(client, url).body == b"ok"
        client.close()
    assert served.connections == connections


def test_the_answer_to_a_head_request_has_no_body(client: Transport) -> None:
    with peer([b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n"]) as served:
        answer = get(client, f"http://127.0.0.1:{served.port}/", "HEAD")
    assert (answer.status, answer.body) == (200, b"")


def test_a_header_cannot_begin_another_one(client: Transport) -> None:
    with peer() as served, pytest.raises(httpx2.LocalProtocolError) as caught:
        get(client, f"http://127.0.0.1:{served.port}/", headers={"x-token": "abc\r\nx-evil: 1"})
    assert "abc" not in str(caught.value)
    assert served.heads == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_certificate(tmp_path_factory.mktemp("tls"))


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
        assert [get(client, url).body for _ in range(3)] == [b"ok"] * 3
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


@pytest.mark.usefixtures("trusted")
def test_a_proxy_sees_the_target_and_its_own_credentials_and_nothing_else(server_tls: ssl.SSLContext) -> None:
    proxy = Proxy([[OPENED]])
    client = Transport(proxy=f"http://me:word@127.0.0.1:{proxy.port}")
    try:
        with peer(tls=server_tls) as served:
            url = f"https://localhost:{served.port}/"
            headers = {"authorization": "Bearer of the service"}
            assert [get(client, url, headers=headers).body for _ in range(2)] == [b"ok"] * 2
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
