"""The writer's requests: TLS, the way through a proxy, an end to each, and what a connection is kept for."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest

from releaseguard_events.errors import SafeModeRefusal, Unreachable
from releaseguard_events.stores import http
from releaseguard_events.stores.http import HttpLink
from tests.support.peers import CUT, OK, OPENED, Proxy, peer, write_certificate

HEADERS = {"authorization": "Bearer of the service"}
FAR = "log.example"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For a host that is not this machine."""
    return write_certificate(tmp_path_factory.mktemp("tls"), FAR)


@pytest.fixture
def server_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "_verifying", lambda: ssl.create_default_context(cafile=str(certificate)))


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every name is this machine's."""
    found = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _host, *rest, **more: found("127.0.0.1", *rest, **more))


def link_to(port: int, scheme: str = "http", host: str = "127.0.0.1", **more: object) -> HttpLink:
    return HttpLink(f"{scheme}://{host}:{port}", **{"timeout": 5.0, **more})  # type: ignore[arg-type]


def post(link: HttpLink) -> bytes:
    return link.post("/rest/v1/t", HEADERS, b"[]").body


def test_requests_share_a_connection() -> None:
    with peer() as served:
        link = link_to(served.port)
        assert [post(link) for _ in range(3)] == [b"ok"] * 3
        link.close()
    assert served.connections == 1
    assert served.heads[0].startswith(b"POST /rest/v1/t HTTP/1.1\r\n")


def test_a_connection_that_was_hung_up_meanwhile_is_replaced() -> None:
    with peer([OK], [CUT], [OK]) as served:
        link = link_to(served.port)
        assert [post(link) for _ in range(2)] == [b"ok"] * 2
        link.close()
    assert served.connections == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\n\r\nok",
    ],
)
def test_an_answer_is_read_however_it_says_its_length(answer: bytes) -> None:
    with peer([answer, CUT], [OK]) as served:
        link = link_to(served.port)
        assert [link.get("/", HEADERS).body for _ in range(2)] == [b"ok"] * 2
        link.close()


def test_a_server_that_drips_is_late_all_the_same() -> None:
    """Each byte comes in time, the whole does not: the clock is the peer's own pace."""
    with peer([b"HTTP/1.1 200 OK\r\n", *[b"x: y\r\n"] * 20_000]) as served:
        link = link_to(served.port, timeout=0.0)
        with pytest.raises(Unreachable, match="in time"):
            post(link)
        link.close()


def test_a_peer_that_says_nothing_is_late() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        link = link_to(listener.getsockname()[1], timeout=0.05)
        with pytest.raises(Unreachable, match="did not answer in time"):
            post(link)
        link.close()


def test_http_beyond_this_machine_is_refused() -> None:
    with pytest.raises(SafeModeRefusal, match="loopback"):
        HttpLink("http://log.example", timeout=1)


@pytest.mark.usefixtures("trusted", "names")
def test_requests_over_tls_share_a_connection_too(server_tls: ssl.SSLContext) -> None:
    with peer(tls=server_tls) as served:
        link = link_to(served.port, "https", FAR)
        assert [post(link) for _ in range(3)] == [b"ok"] * 3
        link.close()
    assert served.connections == 1


@pytest.mark.parametrize("host", ["other.example", FAR])
@pytest.mark.usefixtures("names")
def test_a_certificate_of_nobody_or_of_another_name_is_refused_before_anything_is_sent(
    server_tls: ssl.SSLContext, host: str, request: pytest.FixtureRequest
) -> None:
    if host != FAR:
        request.getfixturevalue("trusted")
    with peer(tls=server_tls) as served:
        link = link_to(served.port, "https", host)
        with pytest.raises(Unreachable, match="does not trust"):
            post(link)
        link.close()
    assert served.heads == []


@pytest.mark.usefixtures("trusted", "names")
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_sees_the_target_and_its_own_credentials_and_nothing_else(
    server_tls: ssl.SSLContext, scheme: str
) -> None:
    proxy = Proxy([[OPENED]], tls=server_tls if scheme == "https" else None)
    proxy.leads_to = "127.0.0.1"
    try:
        with peer(tls=server_tls) as served:
            link = link_to(served.port, "https", FAR, proxy=f"{scheme}://me:word@{FAR}:{proxy.port}")
            assert [post(link) for _ in range(2)] == [b"ok"] * 2
            link.close()
    finally:
        proxy.close()
    (head,) = proxy.heads
    assert head.startswith(f"CONNECT {FAR}:{served.port} HTTP/1.1\r\n".encode())
    assert b"Proxy-Authorization: Basic bWU6d29yZA==" in head
    assert b"Bearer" not in head
    assert all(b"Proxy-Authorization" not in one for one in served.heads)


@pytest.mark.usefixtures("names")
def test_a_proxy_that_does_not_connect_is_sent_nothing_more() -> None:
    with peer([b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n"]) as proxy:
        link = link_to(443, "https", FAR, proxy=f"http://{FAR}:{proxy.port}")
        with pytest.raises(Unreachable):
            post(link)
        link.close()
    assert len(proxy.heads) == 1
    assert b"Bearer" not in proxy.heads[0]


def test_the_environments_proxies_and_key_log_are_not_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    assert http._verifying().keylog_filename is None
    with peer() as served:
        link = link_to(served.port)
        assert post(link) == b"ok"
        link.close()


def test_what_breaks_off_is_told_without_what_was_sent() -> None:
    with peer([b"nonsense\r\n\r\n", CUT]) as served:
        link = link_to(served.port)
        with pytest.raises(Unreachable) as caught:
            post(link)
        link.close()
    assert "Bearer" not in str(caught.value)
