"""What is sent and read byte by byte: connections that are kept, bodies that are packed, paths, credentials."""

from __future__ import annotations

import gzip
import socket
import threading
import zlib
from collections.abc import Callable, Iterator

import pytest

from releaseguard.errors import Unreachable
from releaseguard.http import ServiceClient
from releaseguard.secret import Secret

from .conftest import Answer, Service

Connect = Callable[..., ServiceClient]

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


class Lines:
    """A service that writes down each connection's requests and hangs up after so many of them."""

    def __init__(self, requests_each: int) -> None:
        self._requests_each = requests_each
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.requests: list[list[bytes]] = []
        self.hung_up = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            line, _ = self._listening.accept()
            with line:
                first = line.recv(65536)
                if first == b"over":
                    return
                self.requests.append([first])
                line.sendall(ANSWER)
                while len(self.requests[-1]) < self._requests_each and (more := line.recv(65536)):
                    self.requests[-1].append(more)
                    line.sendall(ANSWER)
            self.hung_up.release()

    def close(self) -> None:
        with socket.create_connection(self._listening.getsockname()) as line:
            line.sendall(b"over")
        self._thread.join()
        self._listening.close()


@pytest.fixture
def lines() -> Iterator[Callable[[int], Lines]]:
    made: list[Lines] = []

    def make(requests_each: int) -> Lines:
        made.append(Lines(requests_each))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_a_connection_is_kept_for_the_next_request(connect: Connect, lines: Callable[[int], Lines]) -> None:
    service = lines(3)
    client = connect(base_url=service.url)
    for _ in range(3):
        client.request("GET", "/thing")
    client.close()
    assert [len(requests) for requests in service.requests] == [3]


def test_a_connection_that_the_service_has_closed_carries_no_second_request(
    connect: Connect, lines: Callable[[int], Lines]
) -> None:
    """A POST is never repeated, so a request lost on a dead connection would be a failure."""
    service = lines(1)
    client = connect(base_url=service.url)
    for _ in range(3):
        assert client.request("POST", "/thing", json={}).status == 200
        assert service.hung_up.acquire(timeout=10)
    client.close()
    assert len(service.requests) == 3


@pytest.mark.parametrize(
    ("name", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)], ids=["gzip", "deflate"]
)
def test_a_packed_answer_is_unpacked(
    connect: Connect, service: Service, name: str, pack: Callable[[bytes], bytes]
) -> None:
    service.script = [Answer(200, {"content-encoding": name}, pack(b'{"a": 1}'))]
    assert connect().request("GET", "/thing").json() == {"a": 1}
    assert name in service.arrived[0].headers["accept-encoding"]


def test_an_answer_that_cannot_be_unpacked_is_none(connect: Connect, service: Service) -> None:
    service.script = [Answer(200, {"content-encoding": "gzip"}, b"not packed")] * 4
    with pytest.raises(Unreachable, match="broke off"):
        connect().request("GET", "/thing")


def test_headers_of_one_name_are_one_list(connect: Connect, service: Service) -> None:
    service.script = [Answer(200, {"Link": "<a>", "link": "<b>"})]
    assert connect().request("GET", "/thing").headers["link"] == "<a>, <b>"


@pytest.mark.parametrize(
    ("path", "sent"),
    [("/a%2Fb/c@d", "/a%2Fb/c@d"), ("/ä", "/%C3%A4"), ('/a"b<c>', "/a%22b%3Cc%3E"), ("/a%20b", "/a%20b")],
)
def test_a_path_is_sent_as_it_is_quoted(connect: Connect, service: Service, path: str, sent: str) -> None:
    connect(base_url=f"{service.url}/root/").request("GET", path, params={"q": "a b"})
    assert service.arrived[0].path == f"/root{sent}?q=a+b"


@pytest.mark.parametrize(("method", "length"), [("POST", "0"), ("PUT", "0"), ("PATCH", "0"), ("GET", None)])
def test_a_write_without_a_body_says_so(connect: Connect, service: Service, method: str, length: str | None) -> None:
    connect().request(method, "/thing")
    assert service.arrived[0].headers.get("content-length") == length
    assert "content-type" not in service.arrived[0].headers


def test_credentials_are_asked_for_each_time_and_sent_as_they_are_then(connect: Connect, service: Service) -> None:
    old, new = ({"authorization": Secret(f"Bearer {value}")} for value in ("one", "two"))
    given = iter([old, old, new, new])
    client = connect(headers=lambda: next(given))
    for _ in range(3):
        client.request("GET", "/thing")
    client.request("GET", "/thing", headers={"Authorization": "Bearer three"})
    sent = [arrived.headers["authorization"] for arrived in service.arrived]
    assert sent == ["Bearer one", "Bearer one", "Bearer two", "Bearer three"]
