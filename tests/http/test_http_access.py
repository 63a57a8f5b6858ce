"""An access that is replaced while work goes on: what is tried with the new one, and what is not."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from releaseguard.errors import AccessDenied, ReleaseguardError
from releaseguard.http import Access, Authorization, ServiceClient
from releaseguard.sandbox.vercel.stand_in import VercelStandIn
from releaseguard.secret import Secret
from tests.http.conftest import Answer, Service

Connect = Callable[..., ServiceClient]

OLD, NEW = "old-canary-2193", "new-canary-8826"
INVALID = Answer(403, body=b'{"error": {"code": "forbidden", "message": "Not authorized", "invalidToken": true}}')
FORBIDDEN = Answer(403, body=b'{"error": {"code": "forbidden", "message": "Not authorized"}}')


def opened(connect: Connect, *, new: str | None = NEW) -> tuple[ServiceClient, list[str]]:
    told: list[str] = []
    access = Access(Secret(OLD), Secret(new) if new else None, lambda: told.append("changed"))
    headers = lambda: {"authorization": Secret(f"Bearer {access.token().reveal()}")}  # noqa: E731
    return connect(authorization=Authorization(headers, access.refused)), told


def sent(service: Service) -> list[str]:
    return [one.headers["authorization"].removeprefix("Bearer ") for one in service.arrived]


@pytest.mark.parametrize("method", ["GET", "PUT", "POST"])
@pytest.mark.parametrize("refusal", [Answer(401), INVALID], ids=["401", "invalidToken"])
def test_what_the_old_one_was_refused_is_done_with_the_new_one(
    connect: Connect, service: Service, method: str, refusal: Answer
) -> None:
    client, told = opened(connect)
    client.request(method, "/thing")
    service.script = [refusal]
    for _ in range(2):
        assert client.request(method, "/thing", json={"a": 1}, allow=(401,)).status == 200
    assert sent(service) == [OLD, OLD, NEW, NEW]
    assert told == ["changed"]


def test_where_both_are_refused_it_is_an_error_that_shows_neither(connect: Connect, service: Service) -> None:
    client, told = opened(connect)
    service.script = [Answer(401, body=f'{{"message": "bad {token}"}}'.encode()) for token in (OLD, NEW, NEW)]
    for _ in range(2):
        with pytest.raises(AccessDenied) as caught:
            client.request("GET", "/thing")
        assert OLD not in repr(caught.value) + str(caught.value)
        assert NEW not in repr(caught.value) + str(caught.value)
    assert sent(service) == [OLD, NEW, NEW]
    assert told == ["changed"]


@pytest.mark.parametrize("answer", [FORBIDDEN, Answer(404), Answer(422)])
def test_what_a_good_credential_may_not_do_is_not_tried_with_another(
    connect: Connect, service: Service, answer: Answer
) -> None:
    client, told = opened(connect)
    service.script = [answer]
    with pytest.raises(ReleaseguardError):
        client.request("GET", "/thing")
    assert (sent(service), told) == ([OLD], [])


def test_without_a_new_one_a_refusal_is_final(connect: Connect, service: Service) -> None:
    client, told = opened(connect, new=None)
    service.script = [Answer(401)]
    with pytest.raises(AccessDenied):
        client.request("GET", "/thing")
    assert (sent(service), told) == ([OLD], [])


def test_of_many_threads_that_are_refused_at_once_each_goes_on_and_one_tells(connect: Connect) -> None:
    told: list[str] = []
    access = Access(Secret(OLD), Secret(NEW), lambda: told.append("changed"))
    with VercelStandIn() as vercel:
        vercel.tokens = {NEW}
        vercel.latency = 0.05  # so that several are on their way with the old one
        client = connect(
            base_url=vercel.url,
            authorization=Authorization(
                lambda: {"authorization": Secret(f"Bearer {access.token().reveal()}")}, access.refused
            ),
        )
        with ThreadPoolExecutor(10) as pool:
            replies = list(pool.map(lambda _: client.request("GET", "/v2/user"), range(10)))
    assert {reply.status for reply in replies} == {200}
    assert told == ["changed"]
